#!/usr/bin/env bash
# What every way to share a cache must do, whoever wrote it and whoever reads it: one contract, and a back end for each way.
#
#   store      two engines with one store
#   user       the sub-store of another user, who is trusted
#   registry   two hosts, each with a store of its own, and a registry between them
#   elder      exports of an older buildx, which writes them in another form, read by a new one
#   classic    an engine that imports only, beside one that exports

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine g sid classic
engine older trixie containerd
# shellcheck source=Tests/EndToEnd/registry.bash
. "$root/Tests/EndToEnd/registry.bash"

# -- Back ends: who writes, who reads, and what is between them ---------------------------------------------------------

# begins: a project app, and whatever the back end needs
begins() {
    writer=a reader=b
    project app
    case $back_end in
        user) run on a slipway store init --shared "$store" ;;
        registry) registry ;;
        elder) writer=older ;;
        classic) reader=g ;;
    esac
}
# offered [OPTION...]: a build of the writer, on an engine that has nothing: one that has used the base names it in an export by a manifest
# that a classic store does not have
offered() {
    forget "$writer"
    run writes docker build "$@" app
}
# writes COMMAND..., reads COMMAND...: as the side that builds first, and as the one that finds it
writes() {
    case $back_end in
        user) as 1000 "$writer" "$@" ;;
        registry) host one "$writer" writer "$@" ;;
        *) on "$writer" "$@" ;;
    esac
}
reads() {
    case $back_end in
        user) on "$reader" SLIPWAY_STORE_TRUSTED_USERS=1000 "$@" ;;
        registry) host two "$reader" reader "$@" ;;
        *) on "$reader" "$@" ;;
    esac
}
# wrote: the folder with the writer's generations
wrote() {
    case $back_end in
        user) echo "$store/v1/u1000" ;;
        registry) echo "$place/store-one/v1/u0" ;;
        *) echo "$store/v1/u0" ;;
    esac
}
# arrives: what has been written can be found
arrives() {
    await 60 at_rest
    [[ $back_end == registry ]] || return 0
    run writes slipway push "$(key_of one)"
    run reads slipway pull -- docker build app
}
# finds ALL [OPTION...]: an empty engine has that many steps cached; it offers nothing itself
finds() {
    forget "$reader"
    run reads SLIPWAY_BUILD_CACHE=import-only docker build "${@:2}" app
    expect_cached "$1"
}
intact() { [[ $back_end == registry ]] || expect_whole_store; }

# -- The contract -------------------------------------------------------------------------------------------------------

# Nothing is found before it was offered; then all of it is.
offers() {
    begins
    finds none
    offered
    expect_cached none
    arrives
    finds all
    intact
}

# An export reserves a name before it has content: until then, and for ever if its build was killed, it is no offer and hides none.
reserves() {
    local reserved
    begins
    offered
    await 60 at_rest
    reserved=$(find "$(wrote)"/gen-*/exports -mindepth 2 -maxdepth 2 -type d | head -n 1)
    mv "$reserved/index.json" index.json
    : >"$reserved/index.json"
    mkdir unions
    find "$(wrote)"/gen-* -name 'union*' -exec mv -t unions {} +
    if [[ $back_end != registry ]]; then finds none; fi
    # Now it is one, and another one of its branch is reserved.
    mv index.json "$reserved/"
    cp -a "$reserved" "${reserved%-*}-0000000000000000"
    : >"${reserved%-*}-0000000000000000/index.json"
    arrives
    finds all
}

# Builds at once, of which two are equal: none fails, and each is found.
at_once() {
    begins
    forget "$writer"
    run writes true # a user's HOME is made once
    local number
    for number in 1 2 3 4; do start "build$number" writes docker build --build-arg "FLAVOR=$((number % 3))" app; done
    for number in 1 2 3 4; do
        finish "build$number"
        expect_code 0
    done
    arrives
    for number in 0 1 2; do finds all --build-arg "FLAVOR=$number"; done
    intact
}

# A build that is killed while it exports is no offer and no harm, and the next one offers.
killed() {
    begins
    echo "$RUN head -c 40000000 /dev/urandom >/large" >>app/Dockerfile
    run direct "$writer" docker build app # so that the killed build has little to do but the export
    start build writes docker build app
    until compgen -G "$(wrote)/gen-*/exports/*/*/ingest/*/data" >/dev/null || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    kill -KILL "$pid" || true
    finish build
    await 60 at_rest
    unique >app/new
    offered
    arrives
    finds all
    intact
}

# Whatever is damaged is not imported: the build executes what it misses, with the right result.
damaged() {
    begins
    offered
    await 60 at_rest
    local layer
    # The largest files are layers.
    while read -r _ layer; do truncate -s 10 "$layer"; done < <(find "$(wrote)"/gen-*/blobs/sha256 -type f -printf '%s %p\n' | sort -rn | head -n 2)
    if [[ $back_end == registry ]]; then
        try writes slipway push "$(key_of one)"
        try reads slipway pull -- docker build app
    fi
    forget "$reader"
    run reads docker build -t app app
    expect_equal "$(direct "$reader" docker run --rm --network none app cat /third)" \
        "$(direct "$reader" docker run --rm --network none app sha256sum /second)" "what was built"
}

# What several builds have offered is found by one that needs some of each.
united() {
    begins
    offered
    cp app/input.txt first
    echo edit >>app/input.txt
    offered --build-arg FLAVOR=other
    arrives
    finds all --build-arg FLAVOR=other
    cp first app/input.txt
    finds all
    finds 2 --build-arg FLAVOR=other
    intact
}

# Trimming keeps the newest, and what is kept is found.
trimmed() {
    begins
    offered
    local number
    for number in 1 2 3; do
        echo "edit $number" >>app/input.txt
        offered
    done
    await 60 at_rest
    run writes slipway trim --keep 1
    arrives
    finds all
    intact
}

# contract TURNS BACK-END: every clause of it
contract() {
    local clause name
    back_end=$2
    for clause in "offers:what is offered is found, and nothing before" "reserves:a name that is only reserved is no offer, and hides none" \
        "at_once:simultaneous exports are all found" "killed:an export that was killed does no harm" "damaged:what is damaged is not imported" \
        "united:a build finds what several have offered" "trimmed:what is kept by trimming is found"; do
        name="$back_end: ${clause#*:}"
        if [[ $1 == 1 ]]; then
            test_case "$name" "${clause%%:*}"
        else
            turn_case "$1" "$name" "${clause%%:*}"
        fi
    done
}
contract 1 store
contract 10 user
contract 10 registry
contract 10 elder
contract 10 classic
