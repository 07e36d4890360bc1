#!/usr/bin/env bash
# The store maintains itself: trimming and purging beside builds, killed, by root for others, and in the background of
# builds.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
limit=600

slipway() { on a slipway "$@"; }
live() { slipway status --json | jq "[.parts[].usage.live] | add"; }
total() { slipway status --json | jq "[.parts[].usage.total] | add"; }
settled() { slipway status --json | jq -e '[.parts[].generations | length == 1] | all' >/dev/null; }

trims_beside_builds() {
    local round rounds engine name trimming
    rounds=$(sized 6 3)
    for round in 1 2 3 4; do project "app$round"; done
    (while [[ ! -e stop ]]; do slipway trim --keep 1 >>trims 2>&1 || echo "trim failed" >>trims; done) &
    trimming=$!
    for ((round = 1; round <= rounds; round++)); do
        for engine in a b; do
            echo "$round $engine" >>"app$((round % 4 + 1))/input.txt"
            start "one$engine" on "$engine" docker build -t app "app$((round % 4 + 1))"
            start "two$engine" on "$engine" docker build -t app2 "app$(((round + 1) % 4 + 1))"
        done
        for name in onea twoa oneb twob; do
            finish "$name"
            expect_code 0
        done
    done
    for round in 1 2 3 4; do run on a docker build -t app "app$round"; done
    touch stop
    wait "$trimming"
    expect_equal "$(grep -c failed trims)" 0 "failed trims"
    expect [ "$(grep -c 'exports, ' trims)" -gt $((rounds * 2 - 2)) ]
    # Everything that is left is valid, and hits. The process that records a build's outcome holds its generation.
    await 120 at_rest
    run slipway trim
    expect settled
    expect_whole_store
    forget a b
    for round in 1 2 3 4; do
        run on b docker build -t app "app$round"
        expect_cached all
        forget b
    done
}
turn_case 10 "builds on two engines and trimming in a loop do not interfere with each other" trims_beside_builds

late_export() {
    project app
    echo 'RUN sleep 5' >>app/Dockerfile
    start slow on a docker build -t app app
    await 60 compgen -G "$store/v1/u0/gen-*/exports/*/*/blobs"
    # Something to remove, so that the generation is switched.
    head -c 1000 /dev/urandom >x
    cp x "$store/v1/u0/gen-000001/blobs/sha256/$(sha256sum x | head -c 64)"
    run slipway trim --json
    expect_equal "$(jq -r '.parts[0].outcome' "$stdout")" switched
    expect_not settled
    finish slow
    expect_code 0
    await 60 at_rest
    run slipway trim --json
    expect_equal "$(jq '.parts[0].carried' "$stdout")" 1
    expect settled
    forget a
    run on a docker build -t app app
    expect_cached all
}
turn_case 10 "a build that ends in an older generation is carried over" late_export

bounded() {
    project app
    printf '%s\n' 'FROM slipway/base:1' 'COPY data /data' 'RUN sha256sum /data >/sum' >app/Dockerfile
    local round rounds most=0 bytes
    rounds=$(sized 50 15)
    for ((round = 0; round < rounds; round++)); do
        head -c 5000000 /dev/urandom >app/data
        run on a SLIPWAY_TRIM_INTERVAL=1s SLIPWAY_TRIM_MAX_SIZE=25MB docker build -t app app
        # Files may vanish in a trim while du runs, and du reports that as a failure.
        bytes=$({ du -sb "$store" 2>/dev/null || true; } | cut -f1)
        if [[ $bytes -gt $most ]]; then most=$bytes; fi
        # If others use the processors, the trimmer, which has the lowest priority, may lag behind the builds.
        for _ in {1..50}; do
            if [[ ! -e $store/v1/u0/trimmed ]] || flock --nonblock "$store/v1/u0/trimmed" true; then break; fi
            sleep 0.1
        done
    done
    # The last builds' trimming may still be running.
    for round in {1..50}; do
        run slipway trim --max-size 25MB
        if settled; then break; fi
        sleep 0.2
    done
    bytes=$(live)
    note "most $most, live $bytes"
    expect [ "$bytes" -gt 15000000 ]
    expect [ "$bytes" -le 25000000 ]
    expect [ "$most" -lt 50000000 ]
}
turn_case 10 "rebuilds of a 5 MB layer with automatic trimming stay below twice the budget" bounded

full() {
    local round
    project app
    printf '%s\n' 'FROM slipway/base:1' 'COPY data /data' >app/Dockerfile
    for round in 1 2 3; do
        head -c 20000000 /dev/urandom >app/data
        run on a SLIPWAY_STORE_MAX_SIZE=50MB docker build -t app app
    done
    expect_notes SLP002
    await 60 at_rest
    head -c 20000000 /dev/urandom >app/data
    # A measured size is valid for a minute.
    rm -f "$store"/v1/u0/gen-*/size
    touch -d '10 minutes ago' "$store/v1/u0/trimmed"
    run on a SLIPWAY_STORE_MAX_SIZE=50MB docker build -t app app
    expect_notes SLP306
    await 60 at_rest
    # The former generation went with the build that held it, or goes with the next trim.
    expect [ "$(live)" -le 40000000 ]
    run on a SLIPWAY_STORE_MAX_SIZE=50MB docker build -t app app
    expect_notes !SLP306 SLP002
}
turn_case 3 "a store over its maximum size is trimmed at once, to below what stops exports" full

behind() {
    project app
    run on a docker build -t app app
    touch -d '2 days ago' "$store/v1/u0/trimmed"
    head -c 1000 /dev/urandom >x
    cp x "$store/v1/u0/gen-000001/blobs/sha256/$(sha256sum x | head -c 64)"
    # The stand-in reports what docker would inherit: its children, and its descriptors.
    mkdir stand-in
    cat >stand-in/docker <<'DOCKER'
#!/bin/sh
[ "$1" != --version ] || exec "$REAL" --version
children=
read -r children </proc/$$/task/$$/children
echo "$children"
ls -l /proc/$$/fd | grep trimmed || true
DOCKER
    chmod +x stand-in/docker
    local real
    real=$(docker_of a)
    # Twice, because the stand-in is asked for its version first.
    run on a REAL="$real" PATH="$work/bin:$place/stand-in:/usr/bin:/bin" SLIPWAY_TRIM_AUTO=off docker build -t app app
    run on a REAL="$real" PATH="$work/bin:$place/stand-in:/usr/bin:/bin" docker build -t app app
    expect_equal "$(tr -d ' \n' <"$stdout")" "" "children or descriptors"
    await 60 at_rest
    expect_equal "$(readlink "$store/v1/u0/current")" gen-000002
    # Not again before the interval is over, and not at all if it is disabled.
    cp x "$store/v1/u0/gen-000002/blobs/sha256/$(sha256sum x | head -c 64)"
    run on a docker build -t app app
    touch -d '2 days ago' "$store/v1/u0/trimmed"
    run on a SLIPWAY_TRIM_AUTO=off docker build -t app app
    await 60 at_rest
    expect_equal "$(readlink "$store/v1/u0/current")" gen-000002
}
test_case "a build starts trimming once per interval, and docker inherits nothing of it" behind

killed() {
    local round number other began took kills=0 hits=0
    project app
    project other
    run on a docker build -t other other
    other=$(slipway status --json | jq -r '.parts[0].keys[0].name')
    run on a docker build -t app app
    await 60 at_rest
    # Something to remove, so that there is enough time for a kill.
    mkdir dropped
    for number in {1..300}; do printf '%s' "$number" >"dropped/$number"; done
    (cd dropped && sha256sum ./* | while read -r sum number; do cp "$number" "$store/v1/u0/gen-000001/blobs/sha256/$sum"; done)
    cp -a "$store" good
    for round in {0..40}; do
        [[ $round == 0 ]] || turn 3 || continue
        rm -rf "$store"
        cp -a good "$store"
        if [[ $round == 0 ]]; then
            began=$(date +%s%N)
            run slipway trim
            took=$(($(date +%s%N) - began))
            continue
        fi
        if ((round % 2)); then set -- trim; else set -- purge --yes --key "$other"; fi
        kills=$((kills + 1))
        timeout -s KILL "$(awk "BEGIN { print $took / 1e9 * $round / 40 }")" "$work/bin/slipway" "$@" --store "$store" >/dev/null 2>&1 || true
        # In the middle of it: between the old generation and the new one.
        if [[ $(find "$store/v1/u0" -maxdepth 1 \( -name 'new-*' -o -name 'trash-*' -o -name 'gen-*' \) | wc -l) != 1 ]]; then hits=$((hits + 1)); fi
        expect [ -d "$store/v1/u0/current/blobs/sha256" ]
        expect_whole_store
        run slipway trim
        expect settled
        expect_equal "$(find "$store/v1/u0" -maxdepth 1 -mindepth 1 -printf '%f\n' | sort | tr '\n' ' ')" \
            "current $(readlink "$store/v1/u0/current") publishing trimmed trimming "
    done
    note "$hits of $kills kills came between two generations"
    expect [ "$hits" -gt 0 ]
    forget a
    run on a docker build -t app app
    expect_cached all
}
turn_case 3 "trim and purge killed at any moment leave a complete store, and the next run finishes" killed

others() {
    project app
    chown -R 1000:1000 app
    store=$place/shared
    run slipway store init --shared "$store"
    run as 1000 a docker build -t app app
    run on b docker build -t app2 app
    find "$store/v1/u1000" ! -uid 1000 -print -quit | grep . && fail "not theirs"
    # A user trims their own sub-store, root trims all, and each stays its user's.
    await 60 at_rest
    head -c 1000 /dev/urandom >x
    local user
    for user in 0 1000; do
        cp x "$store/v1/u$user/gen-000001/blobs/sha256/$(sha256sum x | head -c 64)"
        chown "$user" "$store/v1/u$user/gen-000001/blobs/sha256/$(sha256sum x | head -c 64)"
    done
    run as 1000 a slipway trim --json
    expect_equal "$(jq -c '[.parts[].user]' "$stdout")" '[1000]'
    expect_equal "$(jq -r '.parts[0].outcome' "$stdout")" switched
    run slipway trim --json --keep 0
    expect_equal "$(jq -c '[.parts[].user]' "$stdout")" '[0,1000]'
    expect_equal "$(find "$store/v1/u1000" ! -uid 1000 | wc -l)" 0 "files of others"
    expect_equal "$(find "$store/v1/u0" ! -uid 0 | wc -l)" 0 "files of others"
    run as 1000 a docker build -t app app
    # A user's link cannot mislead root.
    mkdir precious
    touch precious/file
    rm -rf "$store/v1/u1000/trash-x"
    ln -s "$place/precious" "$store/v1/u1000/trash-x"
    run slipway trim
    expect [ -e precious/file ]
}
turn_case 3 "root trims every sub-store as its user" others

is_held() { slipway status --json | jq -e '[.parts[0].generations[].holders[]] | length > 0' >/dev/null; }
purged() {
    project app
    project other
    run on a docker build -t app app
    run on a docker build -t other other
    await 60 at_rest
    local key
    key=$(slipway status --json | jq -r '.parts[0].keys[0].name')
    try slipway purge
    expect_code 2
    try slipway purge --yes --key none
    expect_code 1
    expect_said "no key is called none"
    run slipway purge --yes --key "$key"
    expect_equal "$(slipway status --json | jq '.parts[0].keys | length')" 1 keys
    # Under a lease: the running build succeeds.
    echo 'RUN sleep 3' >>app/Dockerfile
    start slow on a docker build -t app app
    await 60 is_held
    run slipway purge --yes
    finish slow
    expect_code 0
    await 60 at_rest
    run slipway trim
    expect_whole_store
    run slipway purge --yes
    expect_equal "$(total)" 0 bytes
}
turn_case 10 "purge drops one key or all, also while a build runs" purged

refused() {
    local words
    for words in '--max-size 45080' '--max-size much' '--older-than 30' '--keep -1'; do
        # shellcheck disable=SC2086 # words
        try slipway trim $words
        expect_code 2
    done
    run slipway trim
    expect_said "holds nothing"
    project app
    run on a docker build -t app app
    run slipway trim --max-size 1kB
    expect_said "the budget is too small"
    expect [ "$(live)" -le 1000 ]
    forget a
    run on a docker build -t app app
    run on a docker build -t app app
    expect_cached all
}
turn_case 10 "nonsense is refused; a budget smaller than one build is respected, with a message" refused
