#!/usr/bin/env bash
# Loading only what changed: `slipway build` on a builder that several engines share, and nothing but what docker itself does.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
RUN=RUN # 20.10 knows no other
need python3
engine b sid containerd
engine c sid containerd
engine g sid classic
engine older trixie containerd
engine elder trixie classic
engine o bookworm classic
clients=$("$root/Scripts/engines" registry)
both=(g b)

# builder: the BuildKit of engine c, as a builder called "team" on every client of this test
builder() {
    python3 "$root/Tests/EndToEnd/builder.py" "$place/b.sock" "$(socket c)" >builder.ready &
    await 10 grep -q ready builder.ready
}

# client ENGINE [VAR=VALUE...] COMMAND..., plain ENGINE ...: with slipway and without, both with the builder
client() { knowing "$1"; on "$1" BUILDX_CONFIG="$place/buildx-$1" SLIPWAY_TRACE=1 ${registry:+SLIPWAY_BUILDER_REGISTRY="$registry"} "${@:2}"; }
plain() { knowing "$1"; direct "$1" BUILDX_CONFIG="$place/buildx-$1" "${@:2}"; }
knowing() {
    local become=
    [[ -d $place/buildx-$1 ]] || direct "$1" BUILDX_CONFIG="$place/buildx-$1" docker buildx create --name team --driver remote "unix://$place/b.sock" >/dev/null
}
registry=

# registry: sets registry, behind the proxy that fails as `fault` says
registry() {
    local port
    mkdir -p store-of-images proxy
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '%s\n' 'version: 0.1' 'log: {level: error}' "storage: {filesystem: {rootdirectory: $place/store-of-images}}" \
        "http: {addr: \"127.0.0.1:$port\"}" >registry.yml
    "$clients/docker-registry" serve registry.yml >registry.log 2>&1 &
    fault pass
    python3 "$root/Tests/EndToEnd/registry-faults.py" proxy "$port" >proxy.log 2>&1 &
    await 20 test -s proxy/port
    await 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
    registry=127.0.0.1:$(<proxy/port)/team/images
}
fault() { echo "$*" >proxy/mode.new; mv proxy/mode.new proxy/mode; }
# fetched: the blobs that were fetched since the file `mark` was written, a digest a line
fetched() { tail -n "+$(($(<mark) + 1))" proxy/requests | sed -nE 's,^GET .*/blobs/(sha256:[0-9a-f]+)$,\1,p' | sort -u; }
mark() { { cat proxy/requests 2>/dev/null || true; } | wc -l >mark; }

# app: a project with a large layer, and a small one from the file "small"
app() {
    project app
    printf 'FROM slipway/base:1\nRUN head -c %s /dev/urandom >/large # %s\nCOPY small /small\nRUN cat /small >/second\n' "${1:-4000000}" "$(unique)" >app/Dockerfile
    unique >app/small
}

id_of() { api "$1" GET "images/$2/json" | jq -r .Id; }
# happened ENGINE SINCE: what happened to the engine's images
happened() { api "$1" GET "events?since=$2&until=$(now "$1")&filters=%7B%22type%22%3A%5B%22image%22%5D%7D" | jq -r .Action | sort -u | tr '\n' ' '; }
now() { date +%s.%N; }
expect_nothing_left() { expect_equal "$(find /tmp -maxdepth 1 -name 'slipway-build-*' -newer mark-of-test | wc -l)" 0 "temporary folders"; }

# -- What is loaded -----------------------------------------------------------------------------------------------------

shared() {
    local engine
    builder
    project app
    forget c "${both[@]}"
    run client g slipway build --builder team -t app app
    expect_said "SLP242"
    # What comes after that is the second run, which loads the image.
    sed '/SLP242/,$d' "$stderr" >first
    expect_equal "$(steps_cached first) of $(steps_total first)" "0 of 4" "cached steps"
    run client b slipway build --builder team -t app app
    sed '/SLP242/,$d' "$stderr" >first
    expect_equal "$(steps_cached first) of $(steps_total first)" "4 of 4" "cached steps"
    # What docker itself loads has the same id, and what the builder's own engine builds has the same configuration.
    for engine in "${both[@]}"; do
        run plain "$engine" docker build --builder team --load --provenance=false -t plain app
        expect_equal "$(id_of "$engine" app)" "$(id_of "$engine" plain)" "the id on $engine"
    done
    run direct c docker buildx build --provenance=false --output type=image,oci-mediatypes=true,name=docker.io/library/home --metadata-file home.json app
    expect_equal "$(id_of g app)" "$(jq -r '."containerimage.config.digest"' home.json)" "the id on g"
    expect_equal "$(id_of b app)" "$(jq -r '."containerimage.digest"' home.json)" "the id on b"
}
test_case "a second engine finds every step cached on the builder, and the image has the id that a build at home gives it" shared 600

unchanged() {
    local engine since began
    builder
    app 60000000
    forget c "${both[@]}"
    for engine in "${both[@]}"; do
        run client "$engine" slipway build --builder team -t app app
        expect_said "SLP242"
        since=$(now) began=${EPOCHREALTIME/./}
        run client "$engine" slipway build --builder team -t app app
        note "# unchanged on $engine: $(((${EPOCHREALTIME/./} - began) / 1000)) ms"
        expect_said "SLP240"
        expect_equal "$(happened "$engine" "$since")" "" "what happened on $engine"
        # A name that is new, and one that another image has, are all that the engine hears of.
        direct "$engine" docker tag slipway/base:1 third:1
        since=$(now)
        run client "$engine" BUILDX_BUILDER=team slipway build -t app -t other:2 -t third:1 app
        expect_equal "$(happened "$engine" "$since")" "tag " "what happened on $engine"
        expect_equal "$(id_of "$engine" other:2) $(id_of "$engine" third:1)" "$(id_of "$engine" app) $(id_of "$engine" app)" "ids"
        expect_equal "$(direct "$engine" docker run --rm third:1 cat /second)" "$(<app/small)" "what is in it"
    done
}
turn_case 10 "an image that has not changed is not loaded, and gets only the names that it lacks" unchanged 600

layers() {
    local engine large
    builder
    registry
    forget c "${both[@]}"
    app
    for engine in "${both[@]}"; do
        turn 2 || continue
        run client "$engine" slipway build --builder team -t app app
        expect_said "SLP241"
        large=$(jq -r 'select(.layers) | .layers[1].digest' "$(manifest_of_last)")
        for _ in 1 2; do
            unique >app/small
            mark
            run client "$engine" slipway build --builder team -t app app
            expect_said "SLP241"
            expect_equal "$(direct "$engine" docker run --rm app cat /second)" "$(<app/small)" "what is in it"
            expect test "$(fetched | wc -l)" -ge 3 # the configuration, and two layers
            expect_not grep -q "$large" <(fetched)
        done
        # The name that it was pulled by does not keep it from being pruned, and is nothing that `docker images` shows.
        expect_equal "$(api "$engine" GET images/json | jq -r '.[] | (.RepoTags // [])[], (.RepoDigests // [])[]' | grep -c "$registry")" 0 "names in the registry"
    done
    # What one build has pushed, the next only pulls.
    forget g
    mark
    run client g slipway build --builder team -t app app
    expect_said "SLP241"
    expect_equal "$(tail -n "+$(($(<mark) + 1))" proxy/requests | grep -cE '^(PUT|POST|PATCH) ')" 0 "uploads"
}
manifest_of_last() {
    local digest
    digest=$(find store-of-images -path '*_manifests/revisions/sha256/*/link' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2 | xargs cat)
    echo "store-of-images/docker/registry/v2/blobs/sha256/${digest:7:2}/${digest#sha256:}/data"
}
turn_case 5 "of an image in which one layer has changed, only that layer is pulled" layers 600

failing_registry() {
    local engine
    builder
    registry
    app
    # All of the image is loaded, and the exit code is docker's.
    for fault in "code 500" "code 401" "writes 403" "closed" "blobs 404"; do
        fault "$fault"
        for engine in "${both[@]}"; do
            turn 5 || continue
            unique >app/small
            run client "$engine" slipway build --builder team -t app -q app
            expect_said "SLP242"
            expect_equal "$(id_of "$engine" app)" "$(<"$stdout")" "the id on $engine"
            expect_equal "$(direct "$engine" docker run --rm app cat /second)" "$(<app/small)" "what is in it"
        done
    done
}
test_case "a registry that fails costs nobody an image" failing_registry 600

silent_registry() {
    local began
    builder
    registry
    app
    fault silent
    for engine in "${both[@]}"; do
        rm -f "$home/.local/state/slipway/builder-registry"
        began=$SECONDS
        run client "$engine" slipway build --builder team -t app app
        expect_said "said nothing for ten seconds"
        expect test $((SECONDS - began)) -lt 60
        # Ten minutes long nobody waits again.
        mark
        unique >app/small
        run client "$engine" slipway build --builder team -t app app
        expect_said "did not answer a short time ago"
        expect_equal "$(wc -l <proxy/requests)" "$(<mark)" "requests"
        expect_equal "$(direct "$engine" docker run --rm app cat /second)" "$(<app/small)" "what is in it"
    done
}
turn_case 10 "a registry that never answers is waited for once" silent_registry 300

# -- As docker's own ----------------------------------------------------------------------------------------------------

same() {
    local engine tags=(-t one -t two:2 -t localhost:5000/three)
    builder
    project app
    forget c "${both[@]}"
    for engine in "${both[@]}"; do
        run plain "$engine" docker build --builder team --load --provenance=false "${tags[@]}" -q --iidfile plain.id --metadata-file plain.json app
        cp "$stdout" plain.out
        cp "$stderr" plain.err
        direct "$engine" docker tag slipway/base:1 two:2
        direct "$engine" docker rmi localhost:5000/three >/dev/null
        # Twice from what is there, and once from nothing.
        for round in 1 2 3; do
            if [[ $round == 3 ]]; then forget "$engine"; fi
            rm -f ours.id ours.json
            run client "$engine" slipway build --builder team "${tags[@]}" -q --iidfile ours.id --metadata-file ours.json app
            expect_equal "$(<"$stdout")" "$(<plain.out)" "what -q prints"
            expect_equal "$(grep -v '^slipway: ' "$stderr")" "$(<plain.err)" "standard error"
            expect cmp plain.id ours.id
            # When it was exported is different each time.
            same='del(."buildx.build.ref", ."containerimage.descriptor".annotations)'
            expect_equal "$(jq -S "$same" ours.json)" "$(jq -S "$same" plain.json)" "the metadata file"
            expect_equal "$(stat -c %a ours.id ours.json)" "$(stat -c %a plain.id plain.json)" "modes"
            for tag in one two:2 localhost:5000/three; do
                expect_equal "$(id_of "$engine" "$tag")" "$(<plain.out)" "the id of $tag"
            done
        done
        # Without a name.
        run client "$engine" slipway build --builder team -q app
        expect_equal "$(<"$stdout")" "$(<plain.out)" "what -q prints"
        rm -f plain.id plain.json
    done
}
turn_case 10 "-q, --iidfile, --metadata-file and several tags are as docker's own" same 600

failing_build() {
    local engine
    builder
    app
    sed -i 's/^RUN cat.*/RUN echo out; echo err >\&2; exit 42/' app/Dockerfile
    for engine in "${both[@]}"; do
        for words in "build --builder team -t app app" "build --builder team -q -t app app" "build --builder team -t app missing" \
            "build --builder team -t app --unheard-of app" "build --builder team -t A app" "build --builder unheard-of app" \
            "build --builder team --network=none --iidfile id app" "build --builder team --metadata-file no/such/folder app"; do
            echo stale >id
            # shellcheck disable=SC2086
            try plain "$engine" docker $words --load
            cp "$stdout" plain.out
            sed -E 's/[0-9.]+s? ?//g' "$stderr" | grep -E '^(ERROR|unknown|See|Usage)' >plain.err || true
            local plain_code=$code plain_id
            plain_id=$(cat id 2>&1 || true)
            echo stale >id
            # shellcheck disable=SC2086
            try client "$engine" slipway $words
            expect_code "$plain_code"
            expect test "$code" != 0
            expect cmp "$stdout" plain.out
            expect_equal "$(sed -E 's/[0-9.]+s? ?//g' "$stderr" | grep -E '^(ERROR|unknown|See|Usage)' || true)" "$(<plain.err)" "errors of $words"
            expect_equal "$(cat id 2>&1 || true)" "$plain_id" "the stale file"
        done
    done
}
turn_case 10 "a build that fails has docker's exit code and words" failing_build 300

interrupted() {
    local signal way direct_code
    builder
    touch mark-of-test
    for signal in INT TERM HUP; do
        # docker ignores what nohup told the tests to ignore.
        if [[ $signal == HUP && $((0x$(awk '/^SigIgn/ { print $2 }' /proc/self/status) & 1)) == 1 ]]; then continue; fi
        for way in plain client; do
            printf 'FROM slipway/base:1\nRUN sleep 300 # %s\n' "$(unique)" >Dockerfile
            if [[ $way == plain ]]; then set -- docker build --load; else set -- slipway build; fi
            start "$way" "$way" g "$@" --builder team -t app .
            await 60 grep -q 'RUN sleep' "$place/$way.stderr"
            kill -"$signal" "$pid"
            finish "$way"
            [[ $way == client ]] || direct_code=$code
            expect_code "$direct_code"
        done
        await 10 nothing_runs
    done
    expect_nothing_left
}
nothing_runs() { [[ -z $(running) ]]; }
# What this test's docker still runs: the builder's own connections are not its.
running() { local one; for one in /proc/[0-9]*; do if grep -qsaF "BUILDX_CONFIG=$place" "$one/environ"; then echo "$one"; fi; done; }
turn_case 10 "an interrupted build ends docker and has its exit code" interrupted 300

hung_up() {
    builder
    printf 'FROM slipway/base:1\nRUN sleep 3 # %s\n' "$(unique)" >Dockerfile
    # shellcheck disable=SC2016 # the inner shell expands it
    start ours client g sh -c 'trap "" HUP; exec "$@"' sh slipway build --builder team -t hung-up .
    await 60 grep -q 'RUN sleep' "$place/ours.stderr"
    kill -HUP "$pid"
    finish ours
    expect_code 0
    expect id_of g hung-up
}
turn_case 10 "a build under nohup outlives its terminal" hung_up 120

terminal() {
    builder
    printf 'FROM slipway/base:1\nRUN sleep 300 # %s\n' "$(unique)" >Dockerfile
    cat >terminal.py <<'PY'
import os, pty, sys, time
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
said, sent = b"", False
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    said += piece
    if not sent and b"RUN sleep" in said:
        sent = True
        time.sleep(1)
        os.write(terminal, b"\x03")
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PY
    try plain g python3 terminal.py docker build --builder team --load -t app .
    local direct_code=$code
    expect grep -q 'CANCELED' "$stdout"
    sed -i "s/# .*/# $(unique)/" Dockerfile
    try client g python3 terminal.py slipway build --builder team -t app .
    expect_code "$direct_code"
    # docker says of itself when it is interrupted more often than once, and draws on a terminal as ever.
    expect grep -q 'CANCELED' "$stdout"
    expect_not grep -q 'forcefully' "$stdout"
    await 10 nothing_runs
}
turn_case 10 "Ctrl-C on a terminal reaches docker once" terminal 120

# -- What is docker's alone ---------------------------------------------------------------------------------------------

left_alone() {
    local words
    builder
    project app
    for words in "--builder team --output out app" "--builder team --platform linux/amd64,linux/arm64 --output type=cacheonly app" \
        "--builder team --load=false app" "--builder team --no-cache -t app app" "-t app app" "--builder team --provenance=true -t app app" \
        "--builder team --help" "--builder default -t app app"; do
        # shellcheck disable=SC2086
        run client g slipway build $words
        expect grep -qE 'SLP(243|103)' "$stderr"
    done
    expect test -f out/third
    # From standard input, which can be read only once; the plain build goes through the shim.
    run client g bash -c 'tar -C app -c . | slipway build --builder team -t piped -'
    expect_said SLP243
    run client b slipway build -t app app
    expect_said SLP243
    expect_notes SLP002
    run client g DOCKER_BUILDKIT=0 slipway build -t legacy app
    expect_said SLP204
    run client g SLIPWAY=off slipway build --builder team --load -t off app
    expect_said SLP100
    # docker before 23 does not ask buildx.
    run on o SLIPWAY_TRACE=1 slipway build -t old app
    expect_said SLP205
}
turn_case 10 "what cannot be compared is docker's, word for word" left_alone 600

# -- The shim -----------------------------------------------------------------------------------------------------------

# by_builder COMMAND...: on g, with the settings
by_builder() { try on g "${settings[@]}" "$@"; }
by_shim() {
    local settings
    builder
    registry
    app
    # Under its own name the base may be one that only this engine has, so that the shim would build here.
    sed -i 's,^FROM .*,FROM shared/base:1,' app/Dockerfile
    api c POST 'images/slipway/base:1/tag?repo=shared/base&tag=1'
    settings=(BUILDX_CONFIG="$place/buildx-g" SLIPWAY_BUILDER=team SLIPWAY_BUILDER_WAIT=1s SLIPWAY_BUILDER_REGISTRY="$registry" SLIPWAY_TRACE=1)
    run on g "${settings[@]}" slipway builder add team "unix://$place/b.sock"
    # By itself docker loads all of it.
    by_builder docker build -t app app
    expect_code 0
    expect_not grep -q SLP24 "$stderr"
    settings+=(SLIPWAY_BUILDER_LOAD=shim)
    by_builder docker build -t app app
    expect_code 0
    expect_said SLP240
    unique >app/small
    by_builder docker build -t app app
    expect_code 0
    expect_said SLP241
    # Under the name of slipway the builder is chosen in the same way.
    by_builder slipway build -t app -t other app
    expect_code 0
    expect_said SLP240
    expect_equal "$(id_of g other)" "$(id_of g app)" "the id"
    echo 'RUN exit 7' >>app/Dockerfile
    by_builder docker build -t app app
    expect_code 1
    expect_said 'exit code: 7'
    # What this engine builds is docker's as ever.
    sed -i '$d; s,^FROM .*,FROM slipway/base:1,' app/Dockerfile
    run on g "${settings[@]}" docker build --output out app
    expect test -f out/second
    expect_not grep -q SLP24 "$stderr"
}
turn_case 10 "with builder.load = shim a plain docker build on a shared builder loads what changed" by_shim 300

older() {
    local engine
    builder
    registry
    app
    for engine in older elder; do
        forget "$engine"
        run client "$engine" slipway build --builder team -t app app
        expect_said SLP241
        unique >app/small
        run client "$engine" slipway build --builder team -t app app
        expect_said SLP241
        run client "$engine" slipway build --builder team -t app -t again app
        expect_said SLP240
        run plain "$engine" docker build --builder team --load --provenance=false -t plain app
        expect_equal "$(id_of "$engine" app) $(id_of "$engine" again)" "$(id_of "$engine" plain) $(id_of "$engine" plain)" "ids on $engine"
    done
}
turn_case 10 "the same with docker 26.1, and buildx of its time" older 300
