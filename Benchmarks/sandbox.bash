# shellcheck shell=bash
# shellcheck disable=SC2154 # Benchmarks/run has root, temp, engines and what it measured
#
# Examples/sandbox, for Benchmarks/run: built cold, unchanged, with a changed line, and on a second engine through the
# store. Its limits: about 1 GB without a browser, 5 minutes cold, 3 with caches.

# fetched: the megabytes that apt and pip fetched in the last build, according to their output.
fetched() {
    awk '
        function mega(number, unit) { return number * (unit == "kB" ? 0.001 : unit == "GB" ? 1000 : unit == "B" ? 0.000001 : 1) }
        / Fetched [0-9.,]+ [kMG]?B in / { for (n = 1; n < NF; n++) if ($n == "Fetched") { gsub(",", "", $(n + 1)); sum += mega($(n + 1), $(n + 2)) } }
        / Downloading .*\([0-9.]+ [kMG]?B\)/ { number = $(NF - 1); unit = $NF; gsub(/[()]/, "", number); gsub(/[()]/, "", unit); sum += mega(number, unit) }
        END { printf "%.1f", sum }' log
}

sandbox_image() {
    local name words size cold again changed second
    say 'making a base with debootstrap'
    "$root/Tests/EndToEnd/sandbox/base" home second
    export SLIPWAY_STORE=$temp/store/sandbox
    cp -r "$root/Examples/sandbox" sandbox-image
    # Does not need git.
    mkdir -p sandbox-image/.git/refs
    echo 'ref: refs/heads/main' >sandbox-image/.git/HEAD
    printf '[remote "origin"]\n\turl = https://example.invalid/bench/sandbox.git\n' >sandbox-image/.git/config
    # measured NAME: builds it there and prints "SECONDS MEGABYTES".
    measured() {
        local words start=$EPOCHREALTIME
        through "$1"
        env "${words[@]}" build --progress=plain --network=host --build-arg BASE=slipway/debian:1 -t bench-sandbox sandbox-image \
            >log 2>&1 || { tail -n 30 log >&2; die 'building Examples/sandbox failed'; }
        echo "$(calculate "$EPOCHREALTIME - $start") $(fetched)"
    }
    say 'building Examples/sandbox: cold, again, changed, on a second engine; some minutes'
    cold=$(measured home)
    again=$(measured home)
    sed -i 's/^        tree \\$/        tree \\\n        zip \\/' sandbox-image/Dockerfile
    echo '# changed' >>sandbox-image/requirements.txt
    changed=$(measured home)
    second=$(measured second)
    past home
    size=$(env "${words[@]}" run --rm --user 0 bench-sandbox du -sxm / | cut -f1)
    row 'sandbox image, cold' "${cold% *}" s '<300' fetched_MB="${cold#* }" size_MB="$size"
    row 'sandbox image, built again' "${again% *}" s - fetched_MB="${again#* }"
    row 'sandbox image, changed lines' "${changed% *}" s '<180' fetched_MB="${changed#* }"
    row 'sandbox image, on a second engine' "${second% *}" s '<180' fetched_MB="${second#* }"
    row 'sandbox image, size' "$size" MB '<1200'
    for name in home second; do
        past "$name"
        env "${words[@]}" rmi -f bench-sandbox >>log 2>&1
        env "${words[@]}" builder prune -af >>log 2>&1
    done
}
