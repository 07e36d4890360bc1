#!/usr/bin/env bash
# One store, several engines: what one of them has built, the others need not build.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine c sid containerd

# -- Clones, branches, build arguments --------------------------------------------------------------------------------

second_engine() {
    project app
    run on a docker build -t app app
    expect_cached none
    expect_notes SLP400 SLP002
    run on b docker build -t app app
    expect_cached all
    expect_equal "$(steps_total)" 4 steps
    expect_notes SLP001 SLP002
    expect_whole_store
    expect_equal "$(on a docker run --rm app cat /third)" "$(on b docker run --rm app cat /third)"
}
test_case "a second engine has every step cached" second_engine

second_clone() {
    project first/app
    run on a docker build -t app first/app
    git clone --quiet first/app elsewhere
    run on b docker build -t other-name elsewhere
    expect_cached all
    forget b
    git -C first/app worktree add --quiet -b topic "$place/tree"
    cd tree
    run on b docker build .
    expect_cached all
}
turn_case 10 "a clone at another path and a worktree hit" second_clone

# build_branches ENGINE ENGINE: each branch on its engine
build_branches() {
    git -C app checkout --quiet main
    run on "$1" docker build app
    git -C app checkout --quiet topic
    run on "$2" docker build app
}
branches_in_turns() {
    project app
    git -C app checkout --quiet -b topic
    echo more >>app/input.txt
    commit app
    build_branches a b
    build_branches b a
    build_branches a b
    for branch in main topic; do
        forget c
        git -C app checkout --quiet "$branch"
        run on c docker build app
        expect_cached all
    done
}
turn_case 3 "two branches do not displace each other" branches_in_turns

four_flavors() {
    project app
    for engine in a b a; do
        for flavor in salt pepper "chilli and lime" ''; do
            # Without a tag: the containerd store may collect the image that loses it while the next one is unpacked.
            run on "$engine" docker build --build-arg FLAVOR="$flavor" app
        done
    done
    for flavor in salt pepper "chilli and lime" ''; do
        forget c
        run on c docker build --build-arg FLAVOR="$flavor" app
        expect_cached all
    done
}
turn_case 10 "four sets of build arguments do not displace each other" four_flavors

rebuilds() {
    project app
    run on a docker build --build-arg FLAVOR=salt app
    run on a docker build --build-arg FLAVOR=pepper app
    # Each by a different command, or all but the first would export nothing.
    local repeats=12
    [[ ${SLIPWAY_TESTS_ALL-} != 1 ]] || repeats=30
    for ((i = 0; i < repeats; i++)); do on b docker build --quiet --label number="$i" --build-arg FLAVOR=salt app; done
    expect_equal "$(exports | wc -l)" $((repeats + 2)) exports
    for flavor in salt pepper; do
        forget c
        run on c docker build --build-arg FLAVOR="$flavor" app
        expect_cached all
    done
}
turn_case 10 "identical rebuilds displace nothing" rebuilds

failed_builds() {
    project app
    run on a docker build app
    good=$(exports)
    cp app/Dockerfile Dockerfile
    echo RUN false >>app/Dockerfile
    for ((i = 0; i < 3; i++)); do
        try on a docker build app
        expect_code 1
        expect injected
    done
    expect_equal "$(exports)" "$good" "complete exports"
    # A hundred failures, without building: all that a failed build leaves is a folder without an index.
    started=${good##*.}
    started=$((16#${started%-*} + 1))
    for ((i = 0; i < 100; i++)); do
        mkdir -p "${good%.*}.$(printf '%010x' "$started")-$(unique | head -c 16)/ingest"
    done
    cp Dockerfile app
    run on b docker build app
    expect_cached all
}
turn_case 10 "failed builds displace nothing" failed_builds

# -- Mounts and users -------------------------------------------------------------------------------------------------

read_only() {
    project app
    run on a docker build app
    await 60 at_rest
    before=$(find "$store" | sort)
    run with_mounts "mount --bind '$store' '$store'; mount -o remount,bind,ro '$store'" on b docker build app
    expect_cached all
    expect_notes SLP001 SLP303 '!SLP002'
    await 60 at_rest
    expect_equal "$(find "$store" | sort)" "$before" "the store"
}
turn_case 10 "a read-only mount of the store hits" read_only

contents() { find "$1" -printf '%P %y %m %U %l\n' | sort; find "$1" -type f -exec sha256sum {} + | sort -k 2; }

two_users() {
    project app
    run on a slipway store init --shared "$store"
    run on a docker build app
    run as 1000 b docker build app
    expect_cached all
    codes=$(journal_codes "$place/home-1000")
    expect_equal "${codes//SLP/}" "001 002" "what the second user's build did"
    expect_equal "$(exports 1000 | wc -l)" 1 "their exports"
    expect_equal "$(find "$store/v1/u1000" ! -user 1000)" "" "what in their part is not theirs"
    expect_whole_store

    # And a layer that only this user has built belongs to them.
    echo 'RUN echo of 1000 >/fourth' >>app/Dockerfile
    run as 1000 b docker build app
    expect_cached 4
    run on a docker build app # this user is not trusted
    expect_cached 4
    run as 1000 c docker build app
    expect_cached all
    forget a
    run on a SLIPWAY_STORE_TRUSTED_USERS=1000 docker build app
    expect_cached all
}
test_case "two users share one store" two_users

no_damage() {
    project app
    run on a slipway store init --shared "$store"
    run on a docker build app
    run as 1000 b docker build app
    generation=$(realpath "$store/v1/u0/current")
    export=$(exports)
    blob=$(find "$generation/blobs/sha256" -type f | sed -n 1p)
    before=$(contents "$store/v1/u0")
    attempts=(
        "echo x >>'$export/index.json'" "rm -f '$export/index.json'" "mv '$export/index.json' '$export/x'"
        "mv '$export' '$store/v1/u1000/taken'" "mkdir '$export/../x'" "echo x >>'$blob'" "chmod 644 '$blob'" "rm -f '$blob'"
        "ln -sf /etc/passwd '$blob'" "touch '$generation/blobs/sha256/x'" "touch -d yesterday '$export/index.json'"
        "ln -sfn gen-000009 '$store/v1/u0/current'" "rm '$store/v1/u0/current'" "mkdir '$store/v1/u0/gen-000009'"
        "mv '$store/v1/u0' '$store/v1/x'" "mv '$store/v1/u0' '$store/x'" "rmdir '$store/v1/u0'" "mv -T '$store/v1/u1000' '$store/v1/u0'"
        "mv '$store/v1' '$store/x'" "chmod 777 '$store/v1/u0'" "chmod 777 '$store/v1'" "echo >>'$generation/lease'" "rm '$generation/lease'"
        "truncate -s 0 '$generation/size'" "truncate -s 0 '$export/../key.json'"
    )
    for attempt in "${attempts[@]}"; do
        try setpriv --reuid=1000 --regid=1000 --clear-groups sh -c "$attempt"
        [[ $code != 0 ]] || fail "user 1000 can: $attempt"
    done
    expect_equal "$(contents "$store/v1/u0")" "$before" "root's part"
    run on c docker build app
    expect_cached all
}
turn_case 3 "a user cannot damage anything of root's" no_damage

busy_lease() {
    project app
    run on a slipway store init --shared "$store"
    run on a docker build app
    # By root itself: no other user can open it (suite attacks-store).
    start grab flock --exclusive "$(realpath "$store/v1/u0/current")/lease" \
        sh -c 'echo has it; sleep 60'
    await 30 test -s grab.stdout
    run on b docker build app
    expect_cached none
    expect_notes SLP308 '!SLP001' '!SLP002'
    kill "$pid"
}
turn_case 10 "a lease that is held exclusively costs a build its cache, but does not stop it" busy_lease

stranger() {
    project app
    run on a slipway store init --shared "$store"
    run on a docker build app
    await 60 at_rest
    cp -a "$store/v1/u0" "$store/v1/u1234"
    chown -hR 1234:1234 "$store/v1/u1234"
    await 60 at_rest
    mv "$store/v1/u0" root
    run on b docker build app
    expect_cached none
    expect_notes SLP400 '!SLP001'
    # It was safe to import, and only not trusted:
    await 60 at_rest
    rm -rf "$store/v1/u0"
    forget b
    run on b SLIPWAY_STORE_TRUSTED_USERS=1234 docker build app
    expect_cached all
}
turn_case 3 "a stranger's sub-store is not read" stranger

own_name_squatted() {
    project app
    run on a slipway store init --shared "$store"
    run on a docker build app
    # Somebody took the name with user 1000's number first; and another user's link leads to root's own sub-store.
    await 60 at_rest
    rm -rf "$store/v1/u1000"
    mv "$store/v1/u0" "$store/v1/u1000"
    run as 1000 b docker build app
    expect_cached none
    await 60 at_rest
    mv "$store/v1/u1000" elsewhere
    ln -s "$place/elsewhere" "$store/v1/u0"
    chown -h 1234 "$store/v1/u0"
    run on b docker build app
    expect_cached all # from its own store, where it was just built
    expect_notes SLP314 '!SLP001' '!SLP002'
}
turn_case 10 "a sub-store that belongs to another user is not used" own_name_squatted

# -- Leases -----------------------------------------------------------------------------------------------------------

lease_is_free() { flock --nonblock --exclusive "$store/v1/u0/current/lease" true; }

lease_is_held() {
    project app
    echo 'RUN echo started && sleep 4' >>app/Dockerfile
    run on a docker build --build-arg FLAVOR=other app
    await 60 at_rest
    expect lease_is_free
    start build on b docker build --no-cache app
    await 120 grep -q started build.stderr
    expect_not lease_is_free
    expect kill -0 "$pid"
    finish build
    expect_code 0
    await 60 at_rest
    expect lease_is_free
}
turn_case 3 "the lease is held while docker runs" lease_is_held

killed() {
    project app
    echo 'RUN head -c 150000000 /dev/urandom >/large' >>app/Dockerfile
    run on a docker build app # only so that the killed build has nothing but the export to do
    await 60 at_rest
    rm -rf "$store"
    start build on a docker build app
    until compgen -G "$store/v1/u0/gen-*/exports/*/*/ingest/*/data" >/dev/null || ! kill -0 "$pid"; do sleep 0.01; done
    expect kill -KILL "$pid"
    finish build
    expect_code 137
    expect_equal "$(exports)" "" "complete exports"
    await 10 lease_is_free
    run on a docker build app
    expect_notes SLP002
    run on b docker build app
    expect_cached all
    expect_whole_store
}
turn_case 10 "docker killed while it exports leaves the store usable" killed

# -- Many at once -----------------------------------------------------------------------------------------------------

# one NUMBER: every second build is the same, the others differ in their arguments
one() {
    local engine=a flavor=same
    [[ $(($1 / 2 % 2)) == 0 ]] || engine=b
    [[ $(($1 % 2)) == 0 ]] || flavor=$1
    on "$engine" docker build --build-arg FLAVOR="$flavor" app
}
many() {
    project app
    for ((batch = 0; batch < 8; batch++)); do
        for ((i = batch * 8; i < batch * 8 + 8; i++)); do start "build$i" one "$i"; done
        for ((i = batch * 8; i < batch * 8 + 8; i++)); do
            finish "build$i"
            expect_code 0
        done
    done
    # Why one of them did not export: some of the equal builds are known to have nothing new.
    jq -r '[.notes[] | .code + " " + .message] | join("; ")' "$home/.local/state/slipway/journal.jsonl" | grep -v SLP002 || true
    local known
    known=$(jq -r 'select(.notes | any(.code == "SLP421")) | .pid' "$home/.local/state/slipway/journal.jsonl" | wc -l)
    expect [ "$known" -le 30 ]
    expect_equal "$(($(exports | wc -l) + known))" 64 exports
    expect_whole_store
    run on c docker build --build-arg FLAVOR=same app
    expect_cached all
}
turn_case 10 "64 builds of one key, 8 at a time on two engines" many
