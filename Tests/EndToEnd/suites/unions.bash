#!/usr/bin/env bash
# What anyone has built, everyone finds: builds import one manifest that holds all exports.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine c sid containerd
engine g sid classic

# -- Branches, arguments, edits ---------------------------------------------------------------------------------------

eight_agents() {
    local number flavor
    project app
    for ((number = 0; number < 8; number++)); do
        git -C app checkout --quiet -B "agent-$number" main
        echo "agent $number" >>app/input.txt
        commit app
    done
    for ((number = 0; number < 8; number++)); do
        git -C app checkout --quiet "agent-$number"
        flavor=$((number % 4))
        if [[ $((number % 2)) == 0 ]]; then agent=a; else agent=b; fi
        run on "$agent" docker build --build-arg "FLAVOR=$flavor" app
    done
    for ((number = 0; number < 8; number++)); do
        turn 2 || continue
        forget c
        git -C app checkout --quiet "agent-$number"
        run on c docker build --build-arg "FLAVOR=$((number % 4))" app
        expect_cached all
    done
    # A branch that nobody has built, with files and arguments that somebody has built.
    forget c
    git -C app checkout --quiet -B new agent-5
    run on c docker build --build-arg FLAVOR=1 app
    expect_cached all
    forget c
    run on c docker build --build-arg FLAVOR=2 app
    expect_cached 2
    expect_whole_store
}
turn_case 5 "everything that eight agents have built on eight branches is cached on an empty engine" eight_agents 600

restores() {
    project app
    cp app/input.txt first
    run on a docker build app
    for ((i = 0; i < 3; i++)); do
        echo "edit $i" >>app/input.txt
        run on a docker build app
    done
    cp first app/input.txt
    forget b
    run on b docker build app
    expect_cached all
    echo "edit 0" >>app/input.txt
    forget b
    run on b docker build app
    expect_cached all
}
turn_case 10 "files restored to an earlier state hit, however much has been built since" restores

just_ended() {
    project app
    run on a docker build app
    for ((i = 0; i < 4; i++)); do
        echo "edit $i" >>app/input.txt
        run on a docker build app
        # As if nothing had been published yet.
        rm -f "$store"/v1/u0/gen-*/union* "$store"/v1/u0/gen-*/exports/*/union*
        run on b docker build app
        expect_cached all
        expect_equal "$(journal_codes)" "SLP001 SLP002" "what it did"
        forget a b
    done
}
turn_case 10 "a build that has just ended is found" just_ended

# -- Repositories -----------------------------------------------------------------------------------------------------

# expect_no_waste LEAST: the store takes at most a twentieth more than its layers, which have at least LEAST bytes
expect_no_waste() {
    local blobs layers
    blobs=$(realpath "$store/v1/u0/current/blobs/sha256")
    layers=$(grep -laE '"mediaType": *"application/vnd.oci.image.manifest' "$blobs"/* | xargs jq -r '.layers[] | "\(.digest) \(.size)"' |
        sort -u | awk '{ sum += $2 } END { print sum }')
    expect test "$layers" -ge "$1"
    expect test "$(du -sb "$store" | cut -f1)" -le $((layers * 105 / 100))
}

# sibling DIR: a separate repository whose first two RUN steps are those of all its siblings
sibling() {
    project "$1"
    cat >"$1/Dockerfile" <<DOCKERFILE
FROM slipway/base:1
RUN echo $common >/first && head -c 5000000 /dev/urandom >/large
RUN sha256sum /first >/second
COPY input.txt /input.txt
RUN cat /input.txt >/third && head -c 1000000 /dev/urandom >/own
DOCKERFILE
    commit "$1"
}
siblings() {
    local number
    common=$(unique)
    for ((number = 0; number < 10; number++)); do
        sibling "app-$number"
        forget a
        run on a docker build "app-$number"
        if [[ $number == 0 ]]; then expect_cached none; else expect_cached 2; fi
        published
    done
    expect_no_waste 15000000
    forget b
    sibling app-10
    run on b SLIPWAY_UNION_SCOPE=repository docker build app-10
    expect_cached none
    forget b
    run on b SLIPWAY_UNION_SCOPE=key docker build app-10
    expect_cached all
    expect_whole_store
}
turn_case 10 "ten repositories on one base share the steps that they have in common" siblings 600

bytes_in_store() {
    project app
    echo 'RUN head -c 3000000 /dev/urandom >/large' >>app/Dockerfile
    for ((i = 0; i < 12; i++)); do
        echo "edit $i" >>app/input.txt
        run on a docker build app
    done
    published
    expect_no_waste 30000000
}
turn_case 10 "unions take almost no space" bytes_in_store

# -- Trimmed ----------------------------------------------------------------------------------------------------------

# Something that nothing reaches, so that trimming makes a new generation.
orphan() {
    head -c 1000 /dev/urandom >x
    cp x "$(realpath "$store/v1/u0/current/blobs/sha256")/$(sha256sum x | head -c 64)"
}

old_branch() {
    project app
    git -C app checkout --quiet -B old main
    echo "an old branch" >>app/input.txt
    commit app
    run on a docker build app
    git -C app checkout --quiet main
    for ((i = 0; i < 6; i++)); do
        echo "edit $i" >>app/input.txt
        run on a docker build app
    done
    # Builds of what has been built before: nothing new.
    for ((i = 0; i < 4; i++)); do
        unique >app/new # otherwise it would not be exported
        run on a docker build app
    done
    published
    orphan
    run on a slipway trim --json
    expect_equal "$(jq -r '.parts[0].outcome' "$stdout")" switched
    expect_equal "$(jq -c '[.parts[0].dropped[].cause] | unique' "$stdout")" '["superseded"]'
    expect_whole_store
    expect_whole_unions
    git -C app checkout --quiet --force old
    forget b
    run on b docker build app
    expect_cached all
    git -C app checkout --quiet main
    for ((i = 0; i < 6; i++)); do
        echo "edit $i" >>app/input.txt
        turn 2 || continue
        forget b
        run on b docker build app
        expect_cached all
    done
}
turn_case 5 "a branch that only has old exports is found after trimming, and so is every edit" old_branch 600

# large NAME: a branch with 20 MB of its own
large() {
    git -C app checkout --quiet -B "$1" main
    echo "$1" >>app/input.txt
    commit app
}
least_used() {
    local branch
    project app
    echo 'RUN head -c 20000000 /dev/urandom >/large' >>app/Dockerfile
    commit app
    for branch in one two three; do
        large "$branch"
        run on a docker build app
    done
    published
    await 60 at_rest
    # The oldest is used again, on an engine without a cache: an import counts as a use.
    git -C app checkout --quiet one
    forget b
    run on b docker build app
    expect_cached all
    published
    await 60 at_rest
    run on a slipway trim --max-size 50MB --json
    expect_equal "$(jq -c '[.parts[0] | .dropped, .shortened | .[].cause] | unique' "$stdout")" '["over-budget","superseded"]'
    expect_equal "$(jq '.parts[0].after.total <= 50000000' "$stdout")" true
    expect test "$(du -sb "$store" | cut -f1)" -le 50000000
    expect_whole_store
    expect_whole_unions
    # All but the layer that did not fit; and it comes back.
    forget b
    git -C app checkout --quiet two
    run on b SLIPWAY_BUILD_CACHE=import-only docker build app
    expect_cached 4
    for branch in one three; do
        forget b
        git -C app checkout --quiet "$branch"
        run on b docker build app
        expect_cached all
    done
    forget a b
    git -C app checkout --quiet two
    run on a docker build app
    run on b docker build app
    expect_cached all
}
turn_case 10 "a small budget removes the layers that were used least recently, and the next build never fails" least_used 600

too_large() {
    project app
    run on a docker build app
    project other
    echo 'RUN head -c 30000000 /dev/urandom >/large' >>other/Dockerfile
    run on a docker build other
    published
    await 60 at_rest # the process that records a build's outcome holds its generation
    run on a slipway trim --max-size 20MB
    expect_said "raise --max-size or trim.max-size above"
    expect test "$(du -sb "$store" | cut -f1)" -le 20000000
    expect_whole_store
    forget b
    run on b docker build app
    expect_cached all
    run on b docker build other
    expect_cached 4
}
turn_case 10 "a layer larger than the budget is removed only with what is built on it" too_large 600

# -- Users
# --------------------------------------------------------------------------------------------------------------

poisoned() {
    project app
    run on a slipway store init --shared "$store"
    run as 1000 a docker build app
    published 1000
    # For user 1000 all is well, and none of it is in what root imports or publishes.
    run as 1000 b docker build app
    expect_cached all
    forget b
    run on b docker build app
    expect_cached none
    published
    expect_equal "$(grep -c '^key ' "$store/v1/u0/current/union")" 1 "keys in root's union"
    expect_not grep -q "$(jq -r '.manifests[0].digest' "$(exports 1000 | head -n 1)/index.json")" "$store/v1/u0/current/union"
    # Trusted, but damaged: left out, and the build continues.
    forget b
    blobs=$(realpath "$store/v1/u1000/current/blobs/sha256")
    for layer in $(jq -r '.layers[].digest[7:]' "$blobs/$(jq -r '.manifests[0].digest[7:]' "$(exports 1000 | head -n 1)/index.json")"); do
        truncate -s 1 "$blobs/$layer"
    done
    await 60 at_rest
    rm -rf "$store/v1/u0"
    run on b SLIPWAY_STORE_TRUSTED_USERS=1000 docker build app
    expect_cached none
}
test_case "a union contains nothing from untrusted users, and nothing damaged from trusted ones" poisoned

several_users() {
    project app
    run on a slipway store init --shared "$store"
    # Two users take turns on three branches: each has built what the other has not.
    for ((i = 0; i < 6; i++)); do
        git -C app checkout --quiet -B "topic-$((i % 3))" main
        echo "edit $i" >>app/input.txt
        commit app
        if [[ $((i % 2)) == 0 ]]; then
            run on a docker build app
        else
            run as 1000 a docker build app
        fi
        git -C app branch --quiet --force "edit-$i"
    done
    published
    published 1000
    for ((i = 0; i < 6; i++)); do
        forget b
        git -C app checkout --quiet "edit-$i"
        run as 1000 b docker build app
        expect_cached all
    done
    # Root does not trust them.
    forget b
    git -C app checkout --quiet edit-1
    await 60 at_rest
    rm -rf "$store/v1/u0/current/exports" "$store"/v1/u0/current/union*
    run on b docker build app
    expect_cached none
    expect_whole_unions
}
turn_case 10 "a user imports trusted users' exports together with their own" several_users 600

# -- Killed -----------------------------------------------------------------------------------------------------------

# The background processes of this test's builds.
kill_children() {
    local child
    for child in /proc/[0-9]*; do
        [[ $child/exe -ef $work/bin/docker ]] || continue
        grep -qzFx "SLIPWAY_STORE=$store" "$child/environ" 2>/dev/null || continue
        kill -KILL "${child#/proc/}" 2>/dev/null || true
    done
}
killed() {
    project app
    for ((i = 0; i < 12; i++)); do
        echo "edit $i" >>app/input.txt
        start build on a docker build app
        finish build
        expect_code 0
        kill_children
        expect_whole_unions
    done
    for ((i = 0; i < 12; i++)); do sed -i '$d' app/input.txt; done
    for ((i = 0; i < 12; i++)); do
        echo "edit $i" >>app/input.txt
        turn 3 || continue
        forget b
        run on b docker build app
        expect_cached all
    done
}
turn_case 3 "a publisher may be killed at any moment" killed 600

# For as long as the test runs, kills at random background processes of builds, such as publish, record or trim.
strike_behind() {
    local -a victims
    while [[ ! -e stop ]]; do
        readarray -t victims < <(left_running)
        if [[ ${#victims[@]} != 0 ]]; then kill -KILL "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null && echo >>kills; fi
        sleep 0.2
    done
    true
}

# strike PID: kills docker, and sometimes the buildx that it has started, after a while.
strike() {
    local -a victims=("$1")
    sleep "$((RANDOM % 8)).$((RANDOM % 10))"
    if [[ $((RANDOM % 2)) == 0 ]]; then read -r -a victims < <(echo "$1" "$(cat "/proc/$1/task/$1/children")"); fi
    kill -KILL "${victims[@]}" && echo >>kills
} 2>/dev/null

# Examines unions as builds do: with a lease on the generation, so that nothing can be removed meanwhile.
watch_unions() {
    local generation
    while [[ ! -e stop ]]; do
        if generation=$(realpath -e "$store/v1/u0/current") && [[ -e $generation/lease ]]; then
            (
                flock --shared 9
                if [[ $(realpath "$store/v1/u0/current") == "$generation" ]]; then expect_whole_unions "$generation" && echo >>looks; fi
            ) 9<"$generation/lease" || touch broken
        fi
        sleep 0.2
    done 2>/dev/null
}

all_at_once() {
    local number app flavor behind builds variants
    local -A built=()
    RANDOM=15
    builds=$(sized 64 32)
    variants=$((builds / 4))
    for ((number = 0; number < 8; number++)); do project "app$number"; done
    (while [[ ! -e stop ]]; do on a slipway trim >>trims 2>&1 || echo "trim failed" >>trims; sleep 0.2; done) &
    behind=($!)
    strike_behind &
    behind+=($!)
    watch_unions &
    behind+=($!)
    for ((number = 0; number < builds; number++)); do
        start "n$number" on "$(cut -c$((number % 4 + 1)) <<<abcg)" docker build --build-arg "FLAVOR=$((number / (builds / 2)))" "app$((number / 4 % 8))"
        if [[ $((RANDOM % 4)) == 0 ]]; then strike "$pid" & fi
    done
    for ((number = 0; number < builds; number++)); do
        finish "n$number" >"$place/last" 2>&1
        # A failed build exits with 1; a killed one with the signal's number.
        if [[ $code != 0 && $code != 137 ]]; then
            touch stop
            cat "$place/last"
            fail "build $number failed"
        fi
        if [[ $code == 0 && $((number % 4)) != 3 ]]; then built[app$((number / 4 % 8)) $((number / (builds / 2)))]=1; fi
    done
    touch stop
    wait "${behind[@]}"
    await 60 at_rest
    expect_equal "$(grep -c failed trims || true)" 0 "failed trims"
    expect_not [ -e broken ]
    note "$(wc -l <kills) kills, $(wc -l <looks) looks at unions, $(grep -c 'exports, ' trims) trims, ${#built[@]} of $variants variants"
    expect [ "$(wc -l <kills)" -gt $((builds / 8)) ]
    expect [ "$(wc -l <looks)" -gt 3 ]
    expect [ "${#built[@]}" -gt $((variants / 2)) ]
    run on a slipway trim
    expect_whole_store
    expect_whole_unions
    # Everything that any of them has built is there, whatever was killed meanwhile.
    for flavor in 0 1; do
        forget b
        for ((number = 0; number < 8; number++)); do
            app=app$number
            [[ -n ${built[$app $flavor]-} ]] || continue
            run on b docker build --build-arg "FLAVOR=$flavor" "$app"
            expect_cached all
        done
    done
}
turn_case 10 "many builds of eight keys on four engines, trimmed and killed meanwhile, lose nothing" all_at_once 600
