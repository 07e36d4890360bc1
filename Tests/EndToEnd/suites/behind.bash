#!/usr/bin/env bash
# Exports in the background: docker exits when the image is complete, and a background process exports.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd

# behind ENGINE COMMAND...: with background exports, however busy the test machine is.
behind() { on "$1" SLIPWAY_EXPORT=behind SLIPWAY_EXPORT_BEHIND_MAX_PRESSURE=100 "${@:2}"; }
# came CODE [TEXT]: the result of the last background export, once it has nothing left to do.
came() {
    local entry
    await 120 at_rest
    entry=$(jq -c 'select(.command == "export")' "$home/.local/state/slipway/journal.jsonl" | tail -n 1)
    expect_equal "$(jq -r '[.notes[].code] | join(" ")' <<<"$entry")" "$1" "what came of it, $entry,"
    [[ $(jq -r '.notes[0].message' <<<"$entry") == *"${2-}"* ]] || fail "not \"$2\": $entry"
}
exported() { [[ $(exports | wc -l) -ge ${1:-1} ]]; }

# held NAME COMMAND...: a build whose background process is stopped before docker exits. `go_on` resumes it.
held() {
    start "$1" "${@:2}"
    await 30 follows
    kill -STOP "$(left_running)"
    finish "$1"
    expect_code 0
}
# One process is docker already, or only the background process is left.
follows() { [[ $(left_running | wc -l) == 1 && ! /proc/$pid/exe -ef $work/bin/docker ]]; }
go_on() {
    local -a left
    readarray -t left < <(left_running)
    kill -CONT "${left[@]}"
}

# The background work must not depend on how long the project's own steps take.
slow() {
    project "$1"
    sed -i '2aRUN sleep 2' "$1/Dockerfile"
    commit "$1" slow
}

whole() {
    slow app
    held one behind a docker build -t app:latest --label a=b app
    expect_notes SLP450 !SLP002
    expect_not exported
    run direct a docker run --rm app:latest cat /third
    go_on
    came SLP451
    expect exported
    expect_whole_store
    published
    expect_equal "$(ls -A "$store/v1/u0/pending")" ""
    # With its records: later commands find the export by them.
    expect test -s "$(exports)/build"
    expect test -s "$(exports)/context"
    expect test -s "$(exports)/outcome"
    run on b docker build -t app app
    expect_cached all
    run on a slipway stats --json
    expect_equal "$(jq -c '[.exported, .arrived]' "$stdout")" "[2,2]"
    run on a slipway log
    expect_said "exported after the build"
}
test_case "docker ends before the export, which is then complete, with its records, for other engines" whole

again() {
    project app
    run behind a docker build -t app app
    came SLP451
    run behind a docker build -t app app
    expect_cached all
    expect_notes SLP420 SLP421 !SLP450
    await 60 at_rest
    expect_equal "$(exports | wc -l)" 1
    echo more >>app/input.txt
    sleep 0.05 # a tick of the kernel's clock
    run behind a docker build -t app app
    expect_notes SLP450
    came SLP451
    expect_equal "$(exports | wc -l)" 2
    expect_whole_store
}
turn_case 3 "an unchanged build exports nothing again, and a changed one does" again

# The first engine did not build what it imported, and built other stages only if they were needed.
imported() {
    project app
    cat >>app/Dockerfile <<'FILE'
FROM slipway/base:1
COPY --from=0 /third /third
FILE
    run on b docker build -t app app
    published
    forget a
    echo 'RUN echo more >/more' >>app/Dockerfile
    run behind a docker build -t app app
    expect_cached 5
    expect_notes SLP001 SLP450
    came SLP451
    published
    # Only this export, not the one on which it was based.
    rm -rf "$(exports | head -n 1)"
    forget b
    run on b docker build -t app app
    expect_cached all
}
turn_case 10 "a deferred export contains what the build imported" imported

words() {
    project app
    mkdir -p app/files/deep
    cat >>app/Dockerfile <<'FILE'
FROM slipway/base:1 AS chosen
ARG FLAVOR=none
RUN echo "$FLAVOR" >/flavor && grep other /etc/hosts >/other
FROM chosen
RUN false
FILE
    mv app/Dockerfile app/files/Dockerfile
    cd app/files/deep
    run behind a FLAVOR=sweet docker buildx build --tag=app:1 -t app:2 --quiet -f ../Dockerfile --target chosen --build-arg FLAVOR --add-host other:10.9.8.7 \
        --iidfile "$place/id" --metadata-file "$place/metadata" --label=a=b --provenance=false ../..
    expect_notes SLP450
    rm "$place/id" "$place/metadata"
    run direct a docker tag slipway/base:1 app:2
    came SLP451
    expect_not test -e "$place/id"
    expect_not test -e "$place/metadata"
    expect_equal "$(direct a docker image inspect --format '{{.Id}}' app:2)" "$(direct a docker image inspect --format '{{.Id}}' slipway/base:1)"
    published
    run on b FLAVOR=sweet docker build -f ../Dockerfile --target chosen --build-arg FLAVOR --add-host other:10.9.8.7 ../..
    expect_cached all
}
turn_case 10 "a deferred export keeps options, relative paths and variables, and tags and writes nothing a second time" words

history() {
    project app
    before=$(named_exports)
    run behind a docker build -t app app
    came SLP451
    expect_equal "$(named_exports)" $((before + 1))
    run on a slipway why app
    expect_not grep -q 'cache export' "$stdout"
}
named_exports() { direct a docker buildx history ls --format '{{.Name}}' | grep -c 'slipway: cache export' || true; }
turn_case 10 "BuildKit's history names the export, and why speaks of the build" history

begun_again() {
    slow app
    sed -i '3aRUN head -c 400000000 /dev/urandom >/large' app/Dockerfile
    run behind a docker build -t app app
    # During the export, and not before.
    await 30 exporting
    run behind a docker build -t app app
    await 5 ended "the build was begun again"
    came SLP451
    expect_equal "$(exports | wc -l)" 1
    expect_whole_store
}
exporting() { [[ -n $(find "$store"/v1/u0/gen-*/exports/*/*/ingest -type f 2>/dev/null) ]]; }
ended() { grep -q '"command":"export".*'"$1" "$home/.local/state/slipway/journal.jsonl"; }
turn_case 10 "starting the same build again ends an export in progress, and the new build exports" begun_again

others_go_on() {
    slow app
    held one behind a docker build -t app app
    run behind a docker build -t other --build-arg FLAVOR=sweet app
    go_on
    await 120 at_rest
    expect_equal "$(exports | wc -l)" 2
    expect_equal "$(jq -c 'select(.command == "export") | .notes[0].code' "$home/.local/state/slipway/journal.jsonl" | sort | uniq -c | xargs)" "2 SLP451"
}
turn_case 10 "a build with other arguments ends no export" others_go_on

# The plugin that exports in the background of a build of this test.
solving() { pgrep -f -- "buildx build .*--output=type=cacheonly.*$place/"; }

lost() {
    slow app
    sed -i "s/sleep 2/sleep $1/" app/Dockerfile
    held one behind a docker build -t app app
    run direct a docker builder prune --all --force
    run direct a docker image rm app
    go_on
}
never_built() {
    lost 6
    came SLP452 "not cached: "
    expect_not exported
    # And nothing prevents the next one from exporting.
    run behind a docker build -t app app
    expect_notes SLP450
    came SLP451
}
test_case "an export whose steps the engine has lost ends instead of building them" never_built

# Ended while a step begins, it may spoil the step before on the engine (docs/design.md).
built_again() {
    lost 2
    came SLP451
    expect_equal "$(exports | wc -l)" 1
    expect_whole_store
    published
    forget b
    run on b docker build -t app app
    expect_cached all
}
turn_case 5 "an export goes on while steps that the engine has lost take a moment" built_again

edited_in_between() {
    lost 2
    await 30 solving
    echo more >>app/input.txt
    came SLP452 "files have changed"
    expect_not exported
}
turn_case 10 "an export that has executed steps of files that changed meanwhile is none" edited_in_between

edited() {
    slow app
    held one behind a docker build -t app app
    echo more >>app/input.txt
    go_on
    came SLP452 "files have changed"
    expect_not exported
}
turn_case 10 "a tree that was edited after its build is not exported" edited

# The union contains only what was built from the recorded inputs: files change at any moment of the export.
edited_meanwhile() {
    local round want rounds=3
    [[ ${SLIPWAY_TESTS_ALL-} != 1 ]] || rounds=20
    for ((round = 1; round <= rounds; round++)); do
        slow app$round
        held one behind a docker build -t app app$round
        cp -r --preserve=timestamps app$round kept$round
        want=$(direct a docker run --rm app cat /input.txt)
        go_on
        for _ in 1 2 3 4 5 6 7 8; do
            sleep "0.0$((RANDOM % 90 + 10))"
            unique >app$round/input.txt
        done
        await 120 at_rest
        [[ $(exports | wc -l) == 0 ]] || published
        forget b
        run on b docker build -t app kept$round
        expect_equal "$(direct b docker run --rm app cat /input.txt)" "$want"
        if [[ $(steps_cached) == $(steps_total) ]]; then note "= exported all the same"; fi
    done
    expect_whole_store
}
turn_case 10 "whatever is edited during an export, imports give what was built" edited_meanwhile

with_build() {
    project app
    echo secret >secret
    run behind a docker build -t app --secret id=s,src=secret app
    expect_notes SLP453 SLP002 !SLP450
    expect exported
    echo more >>app/input.txt
    run behind a sh -c 'exec docker build -t app -f - app <app/Dockerfile'
    expect_notes SLP453 SLP002
    run behind a sh -c 'tar -C app -c . | docker build -t app -'
    expect_notes SLP453 SLP002
    run behind a SLIPWAY_RECORD=off docker build -t app app
    expect_notes SLP453 SLP002
    run behind a docker build -t app --pull=false app
    expect_notes SLP453 SLP002
    run behind a docker build -t app --cache-to "type=local,dest=$place/mine" app
    expect_notes !SLP453 !SLP002 !SLP450
    printf 'target "default" { context = "app" }\n' >docker-bake.hcl
    run behind a docker buildx bake
    expect_notes SLP002 !SLP450
    await 60 at_rest
    expect_not grep -q '"command":"export"' "$home/.local/state/slipway/journal.jsonl"
}
turn_case 10 "builds with secrets, standard input or unknown options, and bake, export before docker ends" with_build

old_buildx() {
    project app
    run behind older docker build -t app app
    expect_notes SLP453 SLP002
    expect exported
}
engine older trixie containerd
turn_case 10 "with a buildx without a history, builds export before docker ends" old_buildx

failing() {
    project app
    echo 'RUN false' >>app/Dockerfile
    try behind a docker build -t app app
    expect_code 1
    came SLP452 "failed"
    expect_not exported
}
test_case "a failed build exports nothing afterwards" failing

busy() {
    slow app
    sed -i '3aRUN head -c 400000000 /dev/urandom >/large' app/Dockerfile
    run behind a SLIPWAY_EXPORT_BEHIND_MAX_TIME=1s docker build -t app app
    came SLP452 "export.behind.max-time"
    expect_not exported
}
turn_case 10 "an export that takes longer than its limit is given up" busy

killed() {
    slow app
    sed -i '3aRUN head -c 400000000 /dev/urandom >/large' app/Dockerfile
    run behind a docker build -t app app
    await 30 exporting
    kill -KILL "$(left_running)"
    await 60 solved
    run behind a docker build -t app app
    expect_cached all
    came SLP451
    expect_whole_store
    published
    forget b
    run on b docker build -t app app
    expect_cached all
}
solved() { ! solving >/dev/null; }
turn_case 10 "a process that is killed while it exports leaves a complete store" killed

shims() {
    project app
    run plugged a SLIPWAY_EXPORT=behind SLIPWAY_EXPORT_BEHIND_MAX_PRESSURE=100 docker build -t app app
    expect_equal "$(jq -c 'select(.command == "build")' "$home/.local/state/slipway/journal.jsonl" | wc -l)" 1 "lines of the journal"
    came SLP451
    expect_equal "$(exports | wc -l)" 1
    expect_equal "$(jq -c 'select(.command == "export")' "$home/.local/state/slipway/journal.jsonl" | wc -l)" 1 "exports"
}
turn_case 10 "with a shim before docker and one before its plugin there is one export" shims

flight() {
    slow app
    git clone --quiet app clone
    start leader behind a SLIPWAY_FLIGHT=on docker build -t app app
    await 30 follows
    start follower behind b SLIPWAY_FLIGHT=on docker build -t app clone
    finish leader
    finish follower
    expect_code 0
    expect_cached all
    expect grep -q 'SLP430' "$home/.local/state/slipway/journal.jsonl"
    await 60 at_rest
    expect_whole_store
}
turn_case 10 "builds that wait for a flight's leader also wait for its deferred export" flight

engine_ends() {
    slow app
    sed -i '3aRUN head -c 400000000 /dev/urandom >/large' app/Dockerfile
    run behind d docker build -t app app
    await 30 exporting
    client=$(solving)
    kill -STOP "$client"
    "$root/Scripts/engines" stop d
    kill -CONT "$client"
    came SLP452
    expect_not exported
    run behind a docker build -t app app
    came SLP451
    expect_whole_store
}
engine d sid containerd
turn_case 10 "an engine that ends in the middle of an export leaves a complete store" engine_ends
