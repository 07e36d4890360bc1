#!/usr/bin/env bash
# Which paths docker and compose get with a table of the caller's, and what `slipway paths` says of it.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
recording r containerd

arguments() { given r argv | tr '\0' '\n'; }
# translated COMMAND...: it runs in the project, which the engine sees as /engine.
translated() { (cd tree && run on r SLIPWAY_PATH_MAP="$place/tree=/engine" "$@"); }
gets() {
    local wanted=$1
    shift
    translated docker "$@"
    expect_equal "$(arguments)" "$wanted" "arguments of docker $*"
}

of_containers() {
    mkdir -p tree/src elsewhere
    ln -s src tree/link
    ln -s "$place/elsewhere" tree/out
    ln -s loop tree/loop
    ln -s later/made tree/dangling
    gets $'run\n-v\n/engine/src:/x\nimage' run -v "$place/tree/src:/x" image
    expect_notes SLP005
    gets $'run\n-v\n/engine/src:/x\nimage' run -v ./src:/x image
    gets $'run\n-v\n/engine/src:/x\n-v\n/engine/src:/y\nimage' run -v ./link:/x -v ../tree/src/:/y image
    gets $'run\n-v\n/engine/later/made:/x\nimage' run -v ./dangling:/x image
    gets $'run\n-v\n/engine/new/one:/x\nimage' run -v "$place/tree/new/one:/x" image
    # What is elsewhere, and what nobody can follow, stays.
    gets $'run\n-v\n./out:/x\nimage' run -v ./out:/x image
    expect_notes SLP600
    gets $'run\n-v\n./loop:/x\nimage' run -v ./loop:/x image
    expect_notes SLP604
    gets $'run\n-v\nname:/x\nimage' run -v name:/x image
}
test_case "sources of mounts are the engine's, whatever their spelling, and the others stay" of_containers

# A docker whose compose knows the project.
knowing_compose() {
    mkdir -p tree/src
    echo 'services: {}' >tree/compose.yaml
    echo secret >tree/token
    jq -n --arg tree "$place/tree" '{name: "p", services: {app: {image: "i", volumes: [
        {type: "bind", source: ($tree + "/src"), target: "/x", bind: {}}, {type: "volume", source: "data", target: "/y"}]}},
        secrets: {token: {name: "p_token", file: ($tree + "/token")}}}' >project.json
    [[ -e $work/recording-r/bin/recorder ]] || mv "$work/recording-r/bin/docker" "$work/recording-r/bin/recorder"
    cat >"$work/recording-r/bin/docker" <<SH
#!/bin/sh
case " \$* " in
*" config --format=json "*) echo "\$*" >>"$place/configured"; exec cat "$place/project.json" ;;
*) exec "$work/recording-r/bin/recorder" "\$@" ;;
esac
SH
    chmod 755 "$work/recording-r/bin/docker"
}
variable() { given r environment | tr '\0' '\n' | sed -n "s/^$1=//p"; }
made() { find "$home/.local/state/slipway/compose" -name '*.json'; }

of_compose() {
    local file other
    knowing_compose
    run on r SLIPWAY_PATH_MAP="$place/tree=/engine" slipway explain -- docker compose --project-directory tree up -d
    expect_said "a path was translated"
    expect_not test -e "$home/.local/state/slipway/compose"
    gets $'compose\nup\n-d' compose up -d
    expect_notes SLP005
    # Services of profiles that are off may be started by others.
    expect_equal "$(tail -n 1 configured)" "compose --profile=* config --format=json" "what compose is asked"
    expect_equal "$(variable COMPOSE_FILE)" "$place/tree/compose.yaml:$(made)" "the project's files"
    expect_equal "$(jq -c . "$(made)")" \
        '{"services":{"app":{"volumes":[{"type":"bind","source":"/engine/src","target":"/x","bind":{}}]}},"secrets":{"token":{"file":"/engine/token"}}}' \
        "the additional file"
    # The same file for the next command, as the containers' labels name it.
    file=$(made)
    gets $'compose\nstop' compose stop
    expect_equal "$(made)" "$file" "additional files"
    # With files on the command line it is one more of them.
    translated docker compose -f compose.yaml run -v "$place/tree/src:/z" app
    other=$(made | grep -vxF "$file")
    same "$file" "$other"
    expect_equal "$(arguments)" "$(printf '%s\n' compose -f compose.yaml "--file=$other" run -v /engine/src:/z app)" arguments
    # A project in which nothing is mounted, and a build, need no file.
    rm -rf configured "$home/.local/state/slipway/compose"
    gets $'compose\nbuild\n--no-cache' compose build --no-cache
    expect_not test -e configured
    echo '{"name": "p", "services": {"app": {"image": "i"}}}' >project.json
    gets $'compose\nup' compose up
    expect_equal "$(variable COMPOSE_FILE)" "" "the project's files"
    expect_not test -e "$home/.local/state/slipway/compose"
}
test_case "compose gets a file with the engine's paths for its project's mounts" of_compose

unclear() {
    knowing_compose
    # unclear_with CODE WORD...
    unclear_with() {
        local code=$1
        shift
        gets "$(printf 'compose\n'; printf '%s\n' "$@")" compose "$@"
        expect_notes "$code"
        expect_equal "$(variable COMPOSE_FILE)" "" "the project's files"
    }
    echo '{"name": ' >project.json
    unclear_with SLP112 up
    printf 'COMPOSE_FILE=other.yaml\n' >tree/.env
    unclear_with SLP112 up
    rm tree/.env
    mkfifo tree/pipe
    unclear_with SLP112 -f pipe up
    unclear_with SLP111 -f oci://127.0.0.1:1/x up
    rm tree/compose.yaml
    unclear_with SLP112 up
}
test_case "a project that is not certain is compose's own business, with the reason" unclear

shown() {
    mkdir -p tree/src elsewhere
    ln -s loop tree/loop
    translated slipway paths ./src /etc ./loop
    expect_equal "$(cat stdout)" "$place/tree -> /engine  (SLIPWAY_PATH_MAP)

$place/tree/src -> /engine/src
/etc -> /etc
  SLP600  $(message SLP600): /etc
$place/tree/loop -> $place/tree/loop
  SLP604  $(message SLP604): $place/tree/loop" "what it prints"
    translated slipway paths --json src /etc
    expect_equal "$(jq -c . stdout)" "$(jq -nc --arg tree "$place/tree" --arg why "$(message SLP600): /etc" '{
        rows: [{from: $tree, to: "/engine", origin: "environment"}],
        paths: [{path: ($tree + "/src"), becomes: "/engine/src", origin: "environment", note: null},
            {path: "/etc", becomes: "/etc", origin: null, note: {code: "SLP600", message: $why}}], notes: []}')" "what it prints"
    # Without docker the caller's table is the only one.
    run on r PATH="$work/bin" SLIPWAY_PATH_MAP="$place/tree=/engine" slipway paths "$place/tree/src"
    expect_said "$place/tree/src -> /engine/src"
    run on r PATH="$work/bin" SLIPWAY_PATH_AUTO=off slipway paths /etc
    expect_said "paths are not translated"
}
message() { sed -n "s/^| $1 | \(.*\) |\$/\1/p" "$root/docs/reasons.md"; }
test_case "slipway paths shows the table, and what becomes of each path" shown
