#!/usr/bin/env bash
# Failures around the shim, and many builds at once: no build fails that would have succeeded, nothing is corrupted,
# and nothing leaks.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
need strace
need python3

all=()
[[ ${SLIPWAY_TESTS_ALL-} != 1 ]] || all=(--all)

injected_faults() {
    mkdir bin
    cp "$work/bin/docker" "$work/bin/slipway" bin
    python3 -B "$root/Tests/EndToEnd/faults.py" "$place/bin" "$place/p" "${all[@]}" >counts 2>&1 || {
        # If there are none, the test broke: then its last line says how.
        sed -n '/^!/p' counts | while read -r line; do note "$line"; done
        fail "$(tail -n 1 counts)"
    }
    cat counts
    said "$(tail -n 1 counts)"
}

# Prints figures even if everything passes.
said() { echo "# $*" >>"$work/said"; }

test_case "each system call fails, the shim is killed at each, engines lie and hang: docker gets the user's command line" injected_faults 1800

# -- Limits -----------------------------------------------------------------------------------------------------------

engine a sid containerd
engine b sid containerd
engine c sid containerd
engine g sid classic

# As few descriptors as docker itself can cope with, and fewer: the same with the shim and without.
few_descriptors() {
    project app
    run on a docker build -t app app
    local most
    for most in 4 6 8 10 11 12 13 14 16 20 32; do
        turn 3 || continue
        try direct a prlimit --nofile=$most:$most docker buildx version
        local without=$code
        try on a prlimit --nofile=$most:$most docker buildx version
        expect_code "$without"
        try direct a prlimit --nofile=$most:$most docker build -q app
        without=$code
        try on a prlimit --nofile=$most:$most docker build -q app
        expect_code "$without"
    done
    run on b docker build app
    expect_cached all
}
turn_case 3 "with few descriptors a command works as without the shim" few_descriptors

# A store on an overlay; its hard links and renames happen on the upper file system.
on_overlay() {
    project app
    mkdir lower disk
    # The upper directory must not be on an overlay itself, as a container's own files are.
    mounts="mount -t tmpfs tmpfs $place/disk; mkdir -p $place/disk/upper $place/disk/work $place/disk/store
        mount -t overlay -o lowerdir=$place/lower,upperdir=$place/disk/upper,workdir=$place/disk/work overlay $place/disk/store
        $work/bin/slipway version >/dev/null"
    # shellcheck disable=SC2016 # for the shell inside
    with_mounts "$mounts" on a bash -c 'set -e; docker build -t app app; slipway trim --keep 1; slipway status --json >status
        touch -d "2100-01-01" $(find "$SLIPWAY_STORE" -type f); docker build --no-cache -q app
        find "$SLIPWAY_STORE" -name index.json -size +0 | wc -l >indexes' >out 2>&1 </dev/null || { cat out; fail "a build failed"; }
    cat out
}
mounted_store() { store=$place/disk/store; on_overlay; [[ $(<indexes) -gt 0 ]] || fail "nothing was exported"; }
turn_case 10 "a store on an overlay over a tmpfs" mounted_store

# -- The clock --------------------------------------------------------------------------------------------------------

# Files from a clock that has jumped, in both directions.
clock() {
    project app
    run on a docker build -t app app
    local year
    for year in 2100 1971; do
        await 60 at_rest
        find "$store" "$home" -exec touch -h -d "$year-01-01" {} +
        forget b
        run on b docker build app
        expect_cached all
        run on a slipway status
        run on a slipway trim
        run on a docker build --build-arg FLAVOR="$year" app
        expect_notes SLP002
    done
    expect_whole_store
}
turn_case 10 "a clock that jumps loses nothing" clock

# -- Everything at once -----------------------------------------------------------------------------------------------

# The processes of a lane that still have something of the store open.
holders() { { find /proc/[0-9]*/fd -lname "$store/*" || true; } 2>/dev/null | wc -l; }

together() {
    local builds rounds=1 round number engine names failed_builds=0 trims trimming began=$SECONDS
    builds=$(sized 64 24) rounds=$(sized 5 1)
    for number in 1 2 3 4; do project "app$number"; done
    (while [[ ! -e stop ]]; do on a slipway trim --keep 2 >>trims 2>&1 || echo "trim failed" >>trims; sleep 0.2; done) &
    trimming=$!
    for ((round = 1; round <= rounds; round++)); do
        names=()
        for ((number = 0; number < builds; number++)); do
            engine=$(cut -c$((number % 4 + 1)) <<<abcg)
            # Two of three equal others, so that imports and exports coincide.
            start "n$number" on "$engine" docker build -t "app$number" --build-arg "FLAVOR=$((round * (number % 3)))" "app$((number / 4 % 4 + 1))"
            names+=("n$number")
        done
        for number in "${names[@]}"; do
            finish "$number" >"$place/last" 2>&1
            [[ $code == 0 ]] || { failed_builds=$((failed_builds + 1)); cat "$place/last"; }
        done
    done
    touch stop
    wait "$trimming"
    trims=$(grep -c 'exports, ' trims || true)
    expect_equal "$failed_builds" 0 "failed builds"
    expect_equal "$(grep -c failed trims || true)" 0 "failed trims"
    expect [ "$trims" -gt 3 ]
    await 120 at_rest
    expect_equal "$(holders)" 0 "descriptors that are left in the store"
    run on a slipway trim
    expect_whole_store
    expect_equal "$(find "$store" \( -name 'trash-*' -o -name 'new-*' \) | wc -l)" 0 "leftovers in the store"
    expect_equal "$(find "$store/v1/u0" -maxdepth 1 -name 'gen-*' | wc -l)" 1 generations
    expect_equal "$(find "$home" -type f | grep -vE '/slipway/(builds|losses|durations)/|/slipway/fingerprints/[0-9a-f]{32}\.[0-9a-f]+$|/(journal.*\.jsonl|builds.*\.jsonl|versions|engines|current)$|/\.docker/|/\.cache/|/buildx/' || true)" "" "leftovers in HOME"
    # Of three sets of arguments --keep 2 has left at most two: one build restores any of them for every engine.
    for number in 1 2 3 4; do run on a docker build --build-arg FLAVOR=0 "app$number"; done
    await 120 at_rest
    forget b
    for number in 1 2 3 4; do
        run on b docker build --build-arg FLAVOR=0 "app$number"
        expect_cached all
    done
    said "$((builds * rounds)) builds at once on four engines, $trims trims beside them, 0 failed, $((SECONDS - began)) s"
}
turn_case 10 "many builds at once on four engines, and trimming in a loop" together 1200

[[ ! -e $work/said ]] || cat "$work/said"
