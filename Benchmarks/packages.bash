# shellcheck shell=bash
# shellcheck disable=SC2154 # Benchmarks/run has root, temp, shim, slipway and what it measured
#
# Containers with a view of warmed packages, for Benchmarks/run: what the view costs each docker run, and what it saves
# an install. The indexes are on this machine, so only a local download is saved; with a remote index it is more.

packages() {
    local tests=$root/Tests/EndToEnd/packages words indexes=$temp/indexes install
    say 'making images with Python and Node'
    "$tests/image" home
    LARGE=20000000 "$tests/indexes" "$indexes" >log 2>&1 </dev/null & # ends with this script
    until [[ -e $indexes/environment ]]; do kill -0 $! 2>/dev/null || { cat log >&2; die 'no indexes'; }; sleep 0.1; done
    mkdir tools
    cp -r "$indexes/ca.pem" "$indexes/project" tools
    { printf '%s\n' 'FROM slipway/packages:new' 'COPY ca.pem /ca.pem' 'COPY project /project'
        sed 's/^/ENV /' "$indexes/environment"; } >tools/Dockerfile
    past home
    env "${words[@]}" build --quiet -t bench-tools tools >log 2>&1 || { cat log >&2; die 'building bench-tools failed'; }

    say 'warming, 10 s'
    env DOCKER_HOST="$docker_host" DOCKER_CONFIG="$docker_config" PATH="$(dirname "$engine_docker"):$PATH" \
        "$slipway" warm --image bench-tools --run-arg=--network=host --pip 'slw-tree slw-source slw-large' \
        --npm "$indexes/project/package-lock.json" >log 2>&1 || { cat log >&2; die 'warming failed'; }
    local plain view shim_words
    pretending home; shim_words=("${words[@]}" run --rm slipway/base:1 true)
    env SHOW_ARGUMENTS=1 "${shim_words[@]}" >run-words
    grep -q slipway-view run-words || die 'the shim adds no view'
    past home; plain=("${words[@]}" run --rm slipway/base:1 true)
    {
        printf '#!%s\n' "$(command -v bash)"
        # shellcheck disable=SC2016 # for that bash
        printf 'mapfile -t words <run-words\nprintf -v view %%016x "$SRANDOM$RANDOM"\nexec env %s %s\n' \
            "$(printf '%q ' "${words[@]}")" '"${words[@]//slipway-view-????????????????/slipway-view-$view}"'
    } >run-by-hand
    chmod +x run-by-hand
    through home; view=("${words[@]}" run --rm slipway/base:1 true)
    say 'running containers with a view and without'
    timed -w 2 15 run-plain "${plain[@]}" + run-view "${view[@]}" + run-hand "$temp/run-by-hand"
    row 'docker run with a view / without the shim' "$(calculate "${median[run-view]} / ${median[run-plain]}")" x '<=1.05' \
        without="${median[run-plain]}" view="${median[run-view]}" "$(from_least run-view run-plain)"
    row 'docker run with a view / flags by hand' "$(calculate "${median[run-view]} / ${median[run-hand]}")" x - \
        hand="${median[run-hand]}" view="${median[run-view]}" "$(from_least run-view run-hand)"
    timed -w 5 100 direct "$real" run --rm slipway/base:1 true + decide-run "${shim_words[@]}"
    row 'run decision, a generation' "$(calculate "${median[decide-run]} - ${median[direct]}")" ms '<3' \
        direct="${median[direct]}" shim="${median[decide-run]}"

    install='pip install -q --target /tmp/t slw-tree slw-source slw-large && cp -r /project /tmp/p && cd /tmp/p && npm ci --silent'
    past home; plain=("${words[@]}" run --rm --network host bench-tools sh -ec "$install")
    through home; view=("${words[@]}" run --rm --network host bench-tools sh -ec "$install")
    say 'installing the same packages, warmed and not'
    : >"$indexes/requests"
    timed 3 install-warm "${view[@]}"
    local files
    files=$(grep -cE '^(file|tarball) ' "$indexes/requests") || true
    timed -w 1 5 install-plain "${plain[@]}" + install-warm "${view[@]}"
    row 'install, unwarmed / warmed' "$(calculate "${median[install-plain]} / ${median[install-warm]}")" x - \
        unwarmed="${median[install-plain]}" warmed="${median[install-warm]}" warmed_downloads_files="$files"
}
