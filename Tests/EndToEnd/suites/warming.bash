#!/usr/bin/env bash
# slipway warm, trim --packages and purge --packages: what they refuse, what fails or is killed, and that nothing is
# left behind. q is an engine that is just new enough for views; o is one that is not.

# shellcheck disable=SC2016 # the containers' shells
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
RUN=RUN # 20.10 knows no other
# shellcheck source=Tests/EndToEnd/packages/lib.bash
. "$root/Tests/EndToEnd/packages/lib.bash"
serve_packages
package_engine q trixie classic

warm() { on q slipway warm --image tools:old --run-arg=--network=host "$@"; }
warmed() {
    [[ -n $(ours q cache) ]] || run warm --pip 'slw-tree slw-source' --npm "$indexes/project/package-lock.json"
}
purged() { run on q slipway purge --packages --yes; }
# in_mode MODE COMMAND...: a command of Slipway's or docker's
in_mode() { on q SLIPWAY_PACKAGE_CACHE_MODE="$1" "${@:2}"; }

container=(docker run --rm "${on_host[@]}")
containers() { direct q docker ps --all --format '{{.Names}}'; }
# until_slow: waits until a warm is in the middle of its work
until_slow() { await 120 grep -q '^file slw_slow' "$indexes/requests"; : >"$indexes/requests"; }

# -- Refused ----------------------------------------------------------------------------------------------------------

# refuses CODE TEXT ARGUMENT...: with that code and text, and nothing is changed.
refuses() {
    local code_wanted=$1 text=$2
    shift 2
    try warm "$@"
    expect_code "$code_wanted"
    expect_said "$text"
    expect_not grep -q published "$stdout"
    expect_equal "$(ours q)" "$before" "volumes after $*"
    expect_equal "$(containers)" "" "containers after $*"
}
bad_requests() {
    warmed
    local before contents
    before=$(ours q) contents=$(sums q)
    mkdir mine
    chmod 777 mine
    ! turn 2 || refuses 2 'nothing to fetch'
    ! turn 2 || refuses 2 'looks like an option' --pip '--index-url=https://127.0.0.1:1/ slw-leaf'
    ! turn 2 || refuses 2 'looks like an option' --npm '--registry=http://127.0.0.1:1/'
    ! turn 2 || refuses 2 'cannot read' -r /no/such/requirements.txt
    echo '{' >package-lock.json
    ! turn 2 || refuses 2 'is no JSON' --npm package-lock.json
    ! turn 2 || refuses 1 'no-such-image' --image no-such-image --pip slw-leaf
    ! turn 2 || refuses 1 'slipway/base:1 has no pip' --image slipway/base:1 --pip slw-leaf
    ! turn 2 || refuses 1 'no-such-option' --run-arg=--no-such-option --pip slw-leaf
    ! turn 2 || refuses 1 'slw-nothing' --pip slw-nothing
    ! turn 2 || refuses 1 'slw-nothing' --npm slw-nothing
    ! turn 2 || refuses 1 'slw-nothing' --uv slw-nothing
    local name tool=--npm
    for name in '$(touch${IFS}/mine/evil)' 'slw-leaf;touch${IFS}/mine/evil' '`touch${IFS}/mine/evil`' "'\"slw-leaf" '*|slw-leaf'; do
        if [[ $tool == --pip ]]; then tool=--npm; else tool=--pip; fi
        ! turn 2 || refuses 1 'published' --run-arg="--volume=$place/mine:/mine" "$tool" "$name"
    done
    ! turn 2 || refuses 1 'published' --run-arg="--volume=$place/mine:/mine" --npm '$(touch${IFS}/mine/evil)'
    expect_equal "$(find mine -mindepth 1)" "" "what a name has made"
    echo "slw-leaf==1.0 --hash=sha256:$(printf '0%.0s' {1..64})" >requirements.txt
    ! turn 2 || refuses 1 'HASHES' -r requirements.txt
    sed 's/"sha512-..../"sha512-AAAA/' "$indexes/project/package-lock.json" >package-lock.json
    ! turn 2 || refuses 1 'INTEGRITY' --npm package-lock.json
    in_mode off slipway warm --image tools:old --pip slw-leaf && fail "warmed though the mode is off"
    expect_equal "$(sums q)" "$contents" "layers and generations"
    downloading 0 on q "${container[@]}" tools:old sh -ec "$with_pip"
}
turn_case 5 "packages that cannot be fetched are refused with the reason, and nothing changes" bad_requests

told() {
    warmed
    run warm --add --json --pip slw-late
    expect_equal "$(jq -r '.view' "$stdout")" yes
    expect_equal "$(jq -c '.tools' "$stdout")" '["pip","npm"]'
    expect_equal "$(jq -r '.volumes[0]' "$stdout")" "$(ours q cache | tail -n 1)"
    expect_equal "$(jq -r '.layers | length' "$stdout")" 2
    downloading 0 on q "${container[@]}" tools:old sh -ec "$with_pip; pip install --quiet --target /tmp/late slw-late; ($with_npm)"
    try warm --json --pip slw-nothing
    expect_code 1
    expect_equal "$(jq -r '.error.code' "$stdout")" tool-failed
    purged
    expect_equal "$(ours q)" "" "volumes"
}
turn_case 10 "--add stacks a layer, --json reports everything, and purge leaves nothing" told

# -- Interrupted ------------------------------------------------------------------------------------------------------

killed() {
    warmed
    local before signal
    before=$(ours q)
    for signal in INT TERM; do
        start warm warm --pip slw-slow
        until_slow
        kill "-$signal" "$pid"
        finish warm
        expect_code "$([[ $signal == INT ]] && echo 130 || echo 143)"
        expect_equal "$(ours q)" "$before" "volumes after $signal"
        expect_equal "$(containers)" "" "containers after $signal"
    done
    start warm warm --pip slw-slow
    until_slow
    kill -KILL "$pid"
    finish warm
    expect_code 137
    downloading 0 on q "${container[@]}" tools:old sh -ec "$with_pip"
    # What it could not clean up is removed with everything else, and does no harm.
    run warm --pip slw-leaf
    direct q docker ps --all --quiet | xargs -r "$(docker_of q)" -H "unix://$(socket q)" rm --force
    purged
    expect_equal "$(ours q)" "" "volumes"
}
turn_case 10 "an interrupted warm leaves nothing, and a killed one nothing permanent" killed

two_at_once() {
    purged
    start one warm --pip slw-leaf
    start two warm --pip slw-late
    finish one
    expect_code 0
    finish two
    expect_code 0
    # One of them counts, and is complete.
    downloading 1 on q "${container[@]}" tools:old sh -ec 'pip install --quiet --target /tmp/pip slw-leaf slw-late'
    expect_equal "$(containers)" "" containers
    purged
}
turn_case 10 "two simultaneous runs of warm both finish, and one generation counts" two_at_once

disk_full() {
    purged
    local volumes=$SLIPWAY_ENGINES_RUN/q/data/volumes dockerd
    read -r dockerd _ <"$SLIPWAY_ENGINES_RUN/q/pids"
    nsenter --target "$dockerd" --mount --pid mount -t tmpfs -o size=200k tmpfs "$volumes"
    local ran=0
    on q docker run --rm slipway/base:1 true || ran=$?
    # pip itself reports no error if it cannot keep what it has downloaded.
    try warm --pip slw-large
    nsenter --target "$dockerd" --mount --pid umount --lazy "$volumes"
    expect_equal "$ran" 0 "docker run's exit status"
    expect_code 1
    expect_said 'No space left on device'
    expect_equal "$(ours q)" "" "volumes"
    expect_equal "$(containers)" "" containers
    run warm --pip slw-large
    downloading 0 on q "${container[@]}" tools:old pip install --quiet --target /tmp/pip slw-large
    purged
}
turn_case 10 "a full disk fails warm, not docker run, and leaves nothing" disk_full

# -- Modes ------------------------------------------------------------------------------------------------------------

read_only() {
    purged
    # Before it is warmed there is nothing, and another user's volume does not count.
    run in_mode read-only docker run --rm slipway/base:1 env
    expect_not grep -q CACHE "$stdout"
    run direct q docker volume create slipway-pip-cache
    run in_mode read-only docker run --rm slipway/base:1 env
    expect_not grep -q CACHE "$stdout"
    try in_mode read-only slipway warm --image tools:old --run-arg=--network=host --pip slw-leaf
    expect_code 1
    expect_said slipway-pip-cache
    expect_not grep -q published "$stdout"
    run direct q docker volume rm slipway-pip-cache

    run in_mode read-only slipway warm --image tools:old --run-arg=--network=host --pip 'slw-tree slw-source' \
        --npm "$indexes/project/package-lock.json"
    expect_equal "$(ours q | tr '\n' ' ')" "slipway-npm-cache slipway-pip-cache " volumes
    local files
    files=$(find "$(files_of q slipway-pip-cache)" "$(files_of q slipway-npm-cache)" -printf '%p %s %T@ %m\n' | sort)
    downloading 0 in_mode read-only "${container[@]}" tools:old sh -ec "($with_pip); ($with_npm)"
    downloading 0 in_mode read-only "${container[@]}" --user 1000 tools:old sh -ec "$with_npm"
    # A limitation: pip uses no cache that the user cannot write.
    downloading some in_mode read-only "${container[@]}" --user 1000 tools:old sh -ec "$with_pip"
    expect_said 'The cache has been disabled'
    try in_mode read-only "${container[@]}" tools:old sh -ec 'rm -rf /cache/pip/* /cache/npm/*'
    expect_code 1
    expect_equal "$(find "$(files_of q slipway-pip-cache)" "$(files_of q slipway-npm-cache)" -printf '%p %s %T@ %m\n' | sort)" \
        "$files" "the volumes"
    run in_mode read-only docker run --rm --volume "$place:/cache/pip" slipway/base:1 env
    expect_said NPM_CONFIG_CACHE=/cache/npm
    expect_not grep -q PIP_CACHE_DIR "$stdout"
}
turn_case 10 "read-only: filled volumes, no writes, and the known limitation" read_only

read_write() {
    run in_mode read-write slipway warm --image tools:old --run-arg=--network=host --pip 'slw-tree slw-source' \
        --npm "$indexes/project/package-lock.json"
    local user
    for user in 0 1000; do
        downloading 0 in_mode read-write "${container[@]}" --user "$user" tools:old sh -ec "($with_pip); ($with_npm)"
    done
    downloading 2 in_mode read-write "${container[@]}" tools:old sh -ec "$pip_late"
    downloading 0 in_mode read-write "${container[@]}" tools:old sh -ec "$pip_late"
    run in_mode off docker run --rm slipway/base:1 sh -c 'env; cat /proc/mounts'
    expect_not grep -q -e CACHE -e slipway "$stdout"
    purged
    expect_equal "$(ours q)" "" "volumes"
}
turn_case 10 "read-write: what one container fetches the next one has; off: nothing" read_write

# -- Lost, foreign, in use --------------------------------------------------------------------------------------------

# plain_run CODE: docker run works as without Slipway, with that reason.
plain_run() {
    run on q SLIPWAY_TRACE=1 docker run --rm slipway/base:1 sh -c 'env; cut -d" " -f2 /proc/mounts'
    expect_not grep -q -e CACHE -e slipway "$stdout"
    expect_said "$1"
}
lost_volumes() {
    purged
    plain_run SLP501
    run direct q docker volume create slipway-generation-9999999999999-0123456789ab
    plain_run SLP501
    run direct q docker volume rm slipway-generation-9999999999999-0123456789ab
    local label
    for label in view=no layers=slipway-layer-0123456789abcdef volumes=/elsewhere layers=; do
        turn 3 || continue
        run publish q pip "slipway.$label"
        plain_run "$([[ $label == view=no ]] && echo SLP503 || echo SLP502)"
    done
    run warm --pip slw-leaf
    run on q docker run --rm slipway/base:1 true
    expect injected
    run direct q docker volume rm "$(ours q cache | tail -n 1 | xargs "$(docker_of q)" -H "unix://$(socket q)" volume inspect \
        --format '{{index .Labels "slipway.layers"}}')"
    plain_run SLP502
    purged
    plain_run SLP501
}
test_case "a missing, damaged or foreign generation does not change docker run" lost_volumes

in_use() {
    purged
    warmed
    local old
    old=$(ours q cache)
    run on q docker run --detach --name live "${on_host[@]}" tools:old sleep 600
    run warm --pip slw-late
    sleep 1.1
    run on q slipway trim --packages --older-than 1s --dry-run
    run on q slipway trim --packages --older-than 1s
    try on q slipway purge --packages --yes
    expect_code 1
    downloading 0 direct q docker exec live sh -ec "$with_pip"
    run direct q docker restart --time 0 live
    downloading 0 direct q docker exec live sh -ec "rm -r /tmp/pip; $with_pip"
    run direct q docker rm --force live
    run on q slipway trim --packages --older-than 1s
    [[ $(ours q) != *"$old"* ]] || fail "the old generation stays"
    purged
    expect_equal "$(ours q)" "" "volumes"
}
turn_case 10 "the layers below a running container's view outlive warm, trim and purge" in_use

engine_dies() {
    local dockerd before volumes=$SLIPWAY_ENGINES_RUN/q/data/volumes
    before=$(find "$volumes" -maxdepth 1 -name 'slipway-generation-*')
    start warm warm --pip slw-slow
    until_slow
    read -r dockerd _ <"$SLIPWAY_ENGINES_RUN/q/pids"
    kill -KILL "$dockerd"
    finish warm
    expect_code 1
    expect_not grep -q published "$stdout"
    expect_equal "$(find "$volumes" -maxdepth 1 -name 'slipway-generation-*')" "$before" generations
}
turn_case 10 "an engine that dies while warm is fetching: an error, and no generation" engine_dies

engine o bookworm classic
too_old() {
    run publish o pip,npm
    run on o docker run --rm slipway/base:1 sh -c 'env; cat /proc/mounts'
    expect_not grep -q -e CACHE -e slipway "$stdout"
    expect_notes SLP508
    try on o slipway warm --image slipway/base:1 --pip slw-tree
    expect_code 1
    expect_said "containers get views from 1.45"
    run on o docker volume prune --force
    run on o slipway purge --packages --yes
    expect_equal "$(ours o)" "" "volumes"
}
turn_case 10 "an engine with an API before 1.45: docker run stays unchanged, and warm says why" too_old
