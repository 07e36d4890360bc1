#!/usr/bin/env bash
# A build without changes: it imports nothing and exports nothing, and still finds what it needs.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine g sid classic

# A diamond of stages, with ignored files and a link.
diamond() {
    project app
    cat >app/Dockerfile <<FILE
FROM slipway/base:1 AS tools
$RUN echo $(unique) >/tools
FROM tools AS first
COPY one /one
$RUN cat /one /tools >/first
FROM tools AS second
COPY two /two
$RUN cat /two /tools >/second
FROM slipway/base:1
ARG WORD=none
COPY --from=first /first /
COPY --from=second /second /
COPY . /src
$RUN echo \$WORD >/word
FILE
    printf '*.log\n.git\n' >app/.dockerignore
    echo one >app/one
    echo two >app/two
    mkdir app/inner
    echo three >app/inner/three
    ln -s one app/link
    # Younger files could change unnoticed within the same tick of the clock.
    sleep 0.05
}

# built ENGINE OPTION...: builds, and waits until the background records are complete.
variables=()
built() {
    run on "$1" "${variables[@]}" docker build "${@:2}" -t app app
    await 60 at_rest
}

# rebuilt ENGINE OPTION...: builds without changes. A busy engine may not list its cache in time: then that build
# imports.
rebuilt() {
    local _
    for _ in {1..8}; do
        built "$@"
        [[ " $(journal_codes) " != *" SLP420 "* ]] || break
        note "= the engine did not tell in time"
    done
    expect_left_alone
}

# explained_as CODE: a busy engine may not answer explain in time, either.
explained_as() { on a slipway explain -- docker build -t app app | grep -qF "$1"; }

expect_left_alone() {
    expect_notes SLP420 SLP421 !SLP001 !SLP002
    expect_not injected
    expect_cached all
}

nothing_new() {
    diamond
    built a
    expect_notes SLP002 !SLP420
    rebuilt a
    rebuilt a
    expect_equal "$(exports | wc -l)" 1
    await 60 explained_as SLP420
    # Another engine has none of it: it imports everything, exports once, and then needs neither.
    built b
    expect_notes SLP001 SLP002 !SLP420
    expect_cached all
    rebuilt b
    rebuilt a
    # Another engine at the same address: it imports.
    private_config a config
    ln -s "$(socket a)" docker.sock
    run on a DOCKER_CONFIG="$place/config" DOCKER_HOST="unix://$place/docker.sock" docker build -t app app
    await 60 at_rest
    run on a DOCKER_CONFIG="$place/config" DOCKER_HOST="unix://$place/docker.sock" docker build -t app app
    await 60 at_rest
    expect_left_alone
    ln -sfn "$(socket b)" docker.sock
    run on b DOCKER_CONFIG="$place/config" DOCKER_HOST="unix://$place/docker.sock" docker build -t app app
    expect_notes SLP001 SLP002 !SLP420
    expect_cached all
    expect_whole_store
}
test_case "an unchanged build imports and exports nothing, on the engine that built it and on one that imported it" nothing_new

classic_rebuild() {
    diamond
    # An engine that has used the base before exports it only by its manifest's digest, which a classic store does not
    # have.
    forget a
    built a
    built g
    expect_notes SLP001
    expect_cached all
    local _
    for _ in {1..8}; do
        built g
        expect_cached all
        [[ " $(journal_codes) " != *" SLP420 "* ]] || break
    done
    expect_notes SLP420 !SLP001
}
turn_case 10 "an engine with the classic store imports once" classic_rebuild

# expect_known WHAT, expect_new WHAT: whether the next build counts as the same.
expect_known() { rebuilt a "${@:2}"; }
expect_new() {
    built a "${@:2}"
    [[ " $(journal_codes) " != *" SLP420 "* && " $(journal_codes) " != *" SLP421 "* ]] || fail "taken for unchanged: $1"
    note "= new: $1"
    rebuilt a "${@:2}"
}

# noticed WHAT COMMAND...: the build notices the change that the command makes. If it is not the case's turn, the
# change is not made, either: it would hide the next one.
noticed() {
    turn 10 || return 0
    "${@:2}"
    expect_new "$1"
}
same_size_and_time() {
    local time
    time=$(stat -c %y app/one)
    echo eno >app/one
    touch -d "$time" app/one
}
append() { echo "$1" >>"$2"; }
changes() {
    diamond
    built a
    expect_known "the same"
    echo noise >app/noise.log
    expect_known "an ignored file"
    noticed "a time of change" touch -h -d '2001-01-01' app/one
    noticed "a content of the same size and time" same_size_and_time
    noticed "a mode" chmod 600 app/inner/three
    noticed "a link" ln -sfn two app/link
    noticed "a new file" append more app/inner/four
    echo less >app/inner/five
    built a
    noticed "a file that is gone" rm app/inner/five
    noticed "a new folder" mkdir app/inner/empty
    noticed "the Dockerfile" append '# more' app/Dockerfile
    noticed "what is left out" append inner/three app/.dockerignore
    ! turn 10 || expect_new "an argument" --build-arg WORD=other
    variables=(WORD=first)
    ! turn 10 || expect_new "an argument of the environment" --build-arg WORD
    variables=(WORD=second)
    ! turn 10 || expect_new "another value of it" --build-arg WORD
    variables=(SOURCE_DATE_EPOCH=1000000000)
    ! turn 10 || expect_new "a time to pretend"
    variables=()
    ! turn 10 || expect_new "a target" --target second
    cp app/Dockerfile other
    ! turn 10 || expect_new "another Dockerfile" -f other
    echo '# more' >>other
    ! turn 10 || expect_new "that one's text" -f other
    for option in --no-cache --pull=false --no-cache-filter=second; do
        turn 10 || continue
        run on a docker build "$option" -t app app
        await 60 at_rest
        expect_notes !SLP420 !SLP421
    done
    expect_known "the same"
}
test_case "a change in anything that a build is made from is noticed" changes 600

lost_records() {
    diamond
    built a
    expect_known "the same"
    run direct a docker builder prune --all --force
    built a
    expect_notes SLP001 !SLP420 SLP421
    expect_cached all
    rebuilt a
    # Only one record, of another build.
    project other
    run on a docker build -t other other
    await 60 at_rest
    rebuilt a
    local id
    id=$(direct a docker buildx du --verbose | awk '/^ID:/ { id = $2 } /^Description:.*sha256sum/ { print id }' | head -n 1)
    expect test -n "$id"
    echo more >app/one
    built a
    rebuilt a
    run direct a docker image rm --force other
    run direct a docker builder prune --all --force --filter "id=$id"
    expect_said "$id"
    built a
    expect_notes SLP001 !SLP420
    expect_cached all
}
turn_case 10 "an engine that has lost a record of its cache is assumed to have none" lost_records

lost_export() {
    diamond
    built a
    expect_known "the same"
    run on a slipway purge --yes
    built a
    expect_notes SLP002 !SLP421
    expect_cached all
    expect_equal "$(exports | wc -l)" 1
    rebuilt a
    # Another store has none.
    run on a SLIPWAY_STORE="$place/other" docker build -t app app
    await 60 at_rest
    expect_notes SLP002 !SLP421
    built a
    rebuilt a
    # An export that trimming has moved still counts.
    run on a slipway trim
    rebuilt a
}
turn_case 10 "a missing export is made again" lost_export

shortened_export() {
    diamond
    echo 'RUN head -c 30000000 /dev/urandom >/large' >>app/Dockerfile
    built a
    rebuilt a
    run on a slipway trim --max-size 20MB
    expect_equal "$(exports | wc -l)" 1
    # Its last layer is gone.
    forget b
    run on b SLIPWAY_BUILD_CACHE=import-only docker build app
    expect_not [ "$(steps_cached)" = "$(steps_total)" ]
    built a
    expect_notes SLP002 !SLP421
    expect_cached all
    expect_equal "$(exports | wc -l)" 2
    rebuilt a
    forget b
    run on b docker build app
    expect_cached all
}
turn_case 10 "an export that trimming has shortened is made again, in full" shortened_export

# A change that the files do not show: the outcome does, and the next build exports what is new.
moved_base() {
    diamond
    sed -i 's/base:1/moving:1/' app/Dockerfile
    run direct a docker tag slipway/base:1 slipway/moving:1
    built a
    rebuilt a
    printf 'FROM slipway/base:1\nRUN echo %s >/moved\n' "$(unique)" | direct a docker build -q -t slipway/moving:1 - >/dev/null
    built a
    expect_notes SLP421
    expect_not [ "$(steps_cached)" = "$(steps_total)" ]
    built a
    expect_notes SLP002
    expect_cached all
    rebuilt a
}
turn_case 10 "layers that are new for another reason are exported with the next build" moved_base

edited_meanwhile() {
    diamond
    # The step waits until its context has been edited.
    cat >app/Dockerfile <<'FILE'
FROM slipway/base:1
COPY one /one
RUN --mount=type=bind,target=/context echo started && sleep 3
FILE
    start build on a docker build -t app app
    await 60 grep -q started "$place/build.stderr"
    echo changed >app/one
    finish build
    expect_code 0
    await 60 at_rest
    built a
    expect_notes !SLP420 !SLP421
    expect_cached 0
    # A failed build proves nothing.
    echo 'RUN false' >>app/Dockerfile
    for _ in 1 2; do
        try on a docker build -t app app
        expect_code 1
        await 60 at_rest
        expect_notes !SLP420 !SLP421
    done
}
turn_case 10 "a tree that was edited during its build, and a failed build, are not remembered" edited_meanwhile

odd_memory() {
    diamond
    built a
    local file kind
    file=$(echo "$home"/.local/state/slipway/fingerprints/*)
    expect test -f "$file"
    for kind in empty torn fifo folder link large foreign; do
        turn 3 || continue
        rm -rf "$file.kept"
        mv "$file" "$file.kept"
        case $kind in
            empty) : >"$file" ;;
            torn) head -c 100 "$file.kept" >"$file" ;;
            fifo) mkfifo "$file" ;;
            folder) mkdir "$file" ;;
            link) ln -s "$file.kept" "$file" ;;
            large) head -c 1000000 /dev/zero | tr '\0' x | cat "$file.kept" - >"$file" ;;
            foreign) cp "$file.kept" "$file"; chown 1234 "$file" ;;
        esac
        run on a docker build -t app app
        expect_notes SLP001 SLP002 !SLP420
        await 60 at_rest
        rm -rf "$file"
        mv "$file.kept" "$file"
    done
    rebuilt a
}
test_case "a remembered build counts only from an undamaged file of the user's own" odd_memory

# -- Several builds of one command ----------------------------------------------------------------------------------------

# told CODE: the targets to which the last journal entry gives this code
told() { journal | jq -r --arg code "$1" '[.notes[] | select(.code == $code) | .message | sub("^.*: "; "") | sub(",.*"; "")] | sort | join(" ")'; }

# together COMMAND...: builds on engine a until it is known what the engine lists in time
together() {
    run plugged a "$@"
    cat "$stdout" "$stderr" >"$place/built"
    stdout=/dev/null stderr=$place/built
    await 60 at_rest
}
together_again() {
    local _
    for _ in {1..8}; do
        together "$@"
        [[ -z $(told SLP420) ]] || break
        note "= the engine did not tell in time"
    done
}

several() {
    project one
    project two
    cat >docker-bake.hcl <<'HCL'
group "default" { targets = ["one", "sour", "sweet"] }
target "one" { context = "one" }
target "sour" {
  context = "two"
  args = { FLAVOR = "sour" }
}
target "sweet" {
  context = "two"
  args = { FLAVOR = "sweet" }
}
HCL
    cat >compose.yaml <<YAML
services:
  one: {image: $(unique)-one, build: {context: one}}
  sour: {image: $(unique)-sour, build: {context: two, args: {FLAVOR: sour}}}
  sweet: {image: $(unique)-sweet, build: {context: two, args: {FLAVOR: sweet}}}
YAML
    sleep 0.05 # a tick of the kernel's clock
    together "$@"
    expect_equal "$(told SLP002)" "one sour sweet" "exported"
    expect_equal "$(told SLP420)$(told SLP421)" "" "left alone at first"
    together_again "$@"
    expect_equal "$(told SLP420)" "one sour sweet" "not imported"
    expect_equal "$(told SLP421)" "one sour sweet" "not exported"
    expect_not injected
    expect_cached all
    expect_equal "$(exports | wc -l)" 3
    # One context changes: only its targets import and export.
    unique >two/input.txt
    together_again "$@"
    expect_equal "$(told SLP420)" one "not imported"
    expect_equal "$(told SLP421)" one "not exported"
    expect_equal "$(told SLP002)" "sour sweet" "exported"
    together_again "$@"
    expect_equal "$(told SLP420)" "one sour sweet" "not imported, again"
    # An argument changes: only that target is affected, and another engine has built it. If that target reaches the engine after the
    # steps that it shares have ended, it builds its own two again (docs/design.md, "Unions").
    local flavor former=sweet
    for flavor in bitter salty hot; do
        sed -i "s/\"$former\" }/\"$flavor\" }/; s/FLAVOR: $former/FLAVOR: $flavor/" docker-bake.hcl compose.yaml
        former=$flavor
        forget b
        run plugged b "$@"
        await 60 at_rest
        together_again "$@"
        [[ $(steps_cached) != "$(steps_total)" ]] || break
        expect_cached $(($(steps_total) - 2))
        note "= its own steps were built again with $flavor"
    done
    expect_cached all
    expect_equal "$(told SLP420)" "one sour" "not imported"
    expect_equal "$(told SLP002)" sweet "exported"
    expect_whole_store
    # Without the engine's records everything is imported, and nothing exported.
    run direct a docker builder prune --all --force
    together "$@"
    expect_equal "$(told SLP420)" "" "not imported"
    expect_equal "$(told SLP001)" "one sour sweet" "imported"
    expect_equal "$(told SLP421)" "one sour sweet" "not exported"
    # A rebuild was requested.
    together "$@" --no-cache
    expect_equal "$(told SLP420)$(told SLP421)" "" "left alone with --no-cache"
}
several_targets() { several docker buildx bake --progress=plain; }
turn_case 10 "unchanged targets of a bake import and export nothing" several_targets
several_services() { several docker compose --progress=plain build; }
turn_case 10 "unchanged services of a project import and export nothing" several_services

# A target may be based on another target, whose files are not examined for it.
made_from_others() {
    mkdir under over
    printf 'FROM slipway/base:1\nCOPY file .\n' >under/Dockerfile
    printf 'FROM under\nRUN cat file >over\n' >over/Dockerfile
    cat >docker-bake.hcl <<'HCL'
group "default" { targets = ["under", "over"] }
target "under" { context = "under" }
target "over" {
  context = "over"
  contexts = { under = "target:under" }
}
HCL
    for _ in 1 2 3; do
        unique >under/file
        sleep 0.05 # a tick of the kernel's clock
        together docker buildx bake --progress=plain
        expect_equal "$(told SLP002)" "over under" "exported"
        together_again docker buildx bake --progress=plain
        expect_equal "$(told SLP420)" under "not imported"
        expect_equal "$(told SLP002)" over "exported"
    done
}
turn_case 10 "a target made from another one never counts as unchanged" made_from_others
