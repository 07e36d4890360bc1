#!/usr/bin/env bash
# What docker is given: the caller's words, environment, descriptors and signals, and for a build the options that the shim adds.

# shellcheck disable=SC2016,SC2119 # programs for other interpreters stand in quotes; functions with optional words
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
recording r containerd

# has_become FAKE: whether $pid is the stand-in.
has_become() { [[ $(readlink "/proc/$pid/exe") == "$fakes/$1/docker" ]]; }

descriptors() {
    local descriptor
    for descriptor in /proc/"$1"/fd/*; do
        descriptor=${descriptor##*/}
        echo "$descriptor $(readlink "/proc/$1/fd/$descriptor") $(sed -n 's/^flags:[[:space:]]*//p' "/proc/$1/fdinfo/$descriptor")"
    done
}

# What a process inherited from its caller, as text; without the environment.
inherited() {
    od -An -v -c "/proc/$1/cmdline"
    descriptors "$1"
    readlink "/proc/$1/cwd" "/proc/$1/root"
    grep -E '^(Umask|SigPnd|ShdPnd|SigBlk|SigIgn|NoNewPrivs|Uid|Gid|Groups|CapEff):' "/proc/$1/status"
    cat "/proc/$1/limits" "/proc/$1/oom_score_adj" "/proc/$1/personality"
    cut -d ' ' -f 5-7 "/proc/$1/stat" # process group, session, terminal
}

# A caller with unusual descriptors, umask, signals and name, and what docker inherits from it.
odd_caller() {
    local way=$1
    mkdir -p "$place/cwd"
    (
        cd "$place/cwd"
        umask 0127
        ulimit -n 400
        trap '' INT HUP
        exec 7<"$work/bin/slipway" 10</etc/passwd 11>>"$place/eleven" 64<>"$place/sixty-four"
        exec 3<&- 4<&- 5<&- 6<&-
        become="exec"
        "$way" sleep bash -c 'exec -a "an odd name" docker infinity'
    ) <"$work/bin/docker" >>"$place/one" 2>>"$place/two" &
    pid=$!
    await 10 has_become sleep
    inherited "$pid" | grep -v '^[[:space:]]*255 ' >"$place/$way"
    kill "$pid"
}
inherits() {
    odd_caller plain
    odd_caller faked
    same "$place/plain" "$place/faked"
    grep -q '^64 ' "$place/faked"
    grep -q 'SigIgn:.*[1-9a-f]' "$place/faked"
}
test_case "descriptors, umask, limits, ignored signals, working directory and argv[0] are the caller's" inherits

blocked_signals() {
    local way
    words docker infinity >"$place/argv"
    for way in plain faked; do
        words "PATH=$fakes/sleep:/usr/bin" "HOME=$home" >"$place/environment"
        local file=$fakes/sleep/docker
        [[ $way == plain ]] || file=$work/bin/docker
        start "$way" execve "$file" "$place/argv" "$place/environment" block=10 block=15 block=1 ignore=INT ignore=QUIT ignore=PIPE
        await 10 has_become sleep
        grep ^Sig "/proc/$pid/status" >"$place/$way"
        kill -KILL "$pid"
    done
    grep -v '^SigQ' "$place/plain" >"$place/a" && grep -v '^SigQ' "$place/faked" >"$place/b"
    same "$place/a" "$place/b"
    grep -q '^SigBlk:[[:space:]]*0*4201$' "$place/faked"
}
test_case "blocked and ignored signals stay that way, as without the shim" blocked_signals

odd_environment() {
    words "PATH=$fakes/sleep:/usr/bin" "HOME=$home" A=1 A=2 "" "no equals sign" "=empty name" "A=3" $'X=\xff\xfe\n' \
        "LONG=$(printf '%0100000d' 0)" A=1 "PATH=/nowhere" "SLIPWAYS=1" >"$place/environment"
    words docker infinity >"$place/argv"
    start d execve "$work/bin/docker" "$place/argv" "$place/environment"
    await 10 has_become sleep
    cmp "/proc/$pid/environ" "$place/environment"
    kill "$pid"
    : >"$place/environment"
    start none execve "$work/bin/docker" "$place/argv" "$place/environment"
    finish none
    # Without PATH the machine's own docker runs, if there is one, with the same arguments.
    [[ $code == 127 ]] || expect_said "docker infinity"
}
test_case "the environment is byte for byte the caller's: order, duplicates and oddities" odd_environment

# docker gets the caller's own arguments; the word "build" among them makes the shim parse the command.
other_commands() {
    local count=0
    check() {
        words "$@" >"$place/argv"
        words "${with[@]}" "PATH=$work/recording-r/bin:/usr/bin:/bin" "HOME=$home" "SLIPWAY_STORE=$store" >"$place/environment"
        forgotten r
        execve "$work/bin/docker" "$place/argv" "$place/environment" >"$place/o" 2>"$place/e" || fail "status $?: $*"
        given r argv | cmp - <(tail -z -n +2 "$place/argv") || fail "not passed on: $*"
        given r environment | cmp - "$place/environment" || fail "not with the caller's environment: $*"
        [[ ! -s $place/o && ! -s $place/e ]] || fail "the shim said something: $*"
        count=$((count + 1))
    }
    local with=()
    check docker
    check ''
    check docker ''
    check docker '' '' ''
    check docker --
    check docker -- --
    check docker -- ps --
    check docker ps -- -a --
    check docker run --rm -- app -- build --
    check docker run $'a\nb' $'\xff\xfe' $'\t' '' ' ' '*' "'" '"' "\\"
    check docker $'\xffbuild' .
    check docker $'build\n' .
    check docker run build
    check docker exec -it x docker build .
    check docker compose build
    check docker buildx
    check docker buildx ls
    check docker buildx --builder
    check docker build
    check docker build --
    check docker build --help
    check docker build -h
    check docker build --no-such-flag .
    check docker build --file
    check docker build --tag $'\xff' --no-such-flag '' .
    check docker build . .
    check docker build --check .
    check docker build --call=outline .
    check docker -H
    check docker -H build
    check docker --no-such build .
    check docker image
    check docker image build
    check docker builder
    check docker builder prune -f
    check docker help build
    check docker version build
    check docker run "$(printf '%0120000d' 0)"
    readarray -t many < <(seq 10000)
    check docker run "${many[@]}"
    check docker build --no-such-flag "${many[@]}"
    with=(SLIPWAY=off)
    check docker build .
    check docker buildx build --tag x .
    expect_equal "$count" 42
}
test_case "commands that are not builds are passed on byte for byte" other_commands

# builds COMMAND...: without our options, docker gets what the caller passed.
builds() {
    forgotten r
    (cd app && run on r SLIPWAY_RECORD=off "$@")
    [[ ! -s $place/stdout && ! -s $place/stderr ]] || fail "the shim said something"
    given r argv | LC_ALL=C grep -zvaE "$ours" >"$place/rest" || true
    words "${@:2}" >"$place/argv"
    cmp "$place/argv" "$place/rest" || fail "not the caller's words"
    [[ $(given r argv | LC_ALL=C grep -zcaE "$ours") -ge 1 ]] || fail "nothing was added: $(journal)"
}
build_words() {
    project app
    built r app
    expect_notes SLP002
    builds docker build .
    builds docker build -t app -- .
    builds docker build . --tag=app -t 'x y' --build-arg $'A=\xff\n' --build-arg 'B=' --label '' -qf Dockerfile
    builds docker buildx build . -t app
    builds docker buildx b .
    builds docker image build .
    builds docker builder build .
    builds docker --log-level=error build .
    builds docker --tls=0 -D -lwarn buildx --builder default build -t app .
    builds docker build --file - .
    builds docker build -
    builds docker build "--build-arg=$(printf '%0100000d' 0)" .
    readarray -t many < <(seq -f '--label=a=%g' 2000)
    builds docker build "${many[@]}" .
    builds docker build --cache-from=type=local,src=/nowhere --cache-from x/y --cache-to=type=inline .
}
test_case "a build's arguments are the caller's and ours" build_words

build_descriptors() {
    project app
    built r app
    (
        # Commands redirected in a loop have the loop's files, and none of the caller's own remain.
        cd app
        on r docker build . </etc/passwd >>"$place/one" 2>>"$place/two"
        given r descriptors >"$place/got"
        expect_equal "$(head -n 3 "$place/got")" "0 /etc/passwd"$'\n'"1 $place/one"$'\n'"2 $place/two"
        expect_equal "$(grep -c '/lease$' "$place/got")" 1 leases
        expect [ "$(sed -n 's/ .*lease$//p' "$place/got")" -ge 10 ]
        # As many as the caller has, and the lease.
        grep -v '/lease$' "$place/got" >"$place/of-build"
        on r docker ps </etc/passwd >>"$place/one" 2>>"$place/two"
        given r descriptors >"$place/got"
        same "$place/of-build" "$place/got"
        # 10, 11 and 12 are in use.
        unique >changed
        on r docker build . 10</etc/group 11</etc/hosts 12>>"$place/twelve" </etc/passwd >>"$place/one" 2>>"$place/two"
        given r descriptors >"$place/got"
        grep -qxF '10 /etc/group' "$place/got"
        grep -qxF '11 /etc/hosts' "$place/got"
        grep -qxF "12 $place/twelve" "$place/got"
        expect [ "$(sed -n 's/ .*lease$//p' "$place/got")" -gt 12 ]
    )
    # Nothing of the shim's is in the environment.
    expect_equal "$(given r environment | tr '\0' '\n' | sed -n 's/^\(SLIPWAY[^=]*\)=.*/\1/p' | sort | tr '\n' ' ')" \
        "SLIPWAY_STORE SLIPWAY_STORE_MIN_FREE " "the variables, all of them the caller's"
}
test_case "a build has the caller's descriptors and leases from 10 on" build_descriptors

silent() {
    project app
    for command in "docker ps" "docker build app" "docker buildx build --push app" "docker build --bad app" "docker image build -t x app"; do
        # shellcheck disable=SC2086 # words
        try on r $command
        expect_code 0
        expect [ ! -s "$stdout" ]
        expect [ ! -s "$stderr" ]
    done
    mkdir -p "$home/.config/slipway"
    echo 'nonsense' >"$home/.config/slipway/slipway.conf"
    try on r SLIPWAY_NONSENSE=1 docker build app
    expect [ ! -s "$stdout" ]
    expect [ ! -s "$stderr" ]
    expect_notes SLP109
}
test_case "the shim prints nothing" silent

little_memory() {
    project app
    # shellcheck disable=SC2016 # for sh
    local tight=(bash -c 'ulimit -v 65536 && exec "$@"' bash)
    run on r "${tight[@]}" docker ps -a
    expect_equal "$(given r argv | tr '\0' ' ')" "ps -a "
    run on r "${tight[@]}" docker build app
    expect_equal "$(given r argv | grep -zvaE "$ours" | tr '\0' ' ')" "build app "
}
test_case "64 MB of memory are enough" little_memory

empty_root() {
    mkdir -p root/{shim,real}
    install -m 755 "$work/bin/docker" root/shim/
    # Static, as nothing else is there.
    "$clang" -x c -static -o root/real/docker - <<<'#include <stdio.h>
int main(int count, char **words) { for (int i = 1; i < count; i++) printf(i > 1 ? " %s" : "%s", words[i]); return 0; }'
    words docker arrived build . >"$place/argv"
    words PATH=/shim:/real >"$place/environment"
    try execve /shim/docker "$place/argv" "$place/environment" root="$place/root"
    expect_code 0
    expect_equal "$(cat "$stdout")" "arrived build ."
    expect [ ! -s "$stderr" ]
    words docker >"$place/argv"
    try execve /shim/docker "$place/argv" "$place/environment" root="$place/root"
    expect_code 0
    words PATH=/shim >"$place/environment"
    try execve /shim/docker "$place/argv" "$place/environment" root="$place/root"
    expect_code 127
    expect_equal "$(find root -type f | wc -l)" 2 "files"
}
test_case "two files in an otherwise empty root are enough" empty_root

# -- Where the shim keeps its files ---------------------------------------------------------------------------------------------------

homes() {
    project app
    run on r env -u HOME docker build --tag app app
    mkdir foreign && chown 1234 foreign
    run on r HOME="$place/foreign" docker build --tag app app
    expect_equal "$(find foreign -mindepth 1 -not -path '*/.docker*' | wc -l)" 0 "files in somebody else's HOME"
    run on r HOME="$place/foreign" SLIPWAY_STORE= docker build --tag app app
    expect_equal "$(find foreign -mindepth 1 -not -path '*/.docker*' | wc -l)" 0 "files in somebody else's HOME"
    run on r HOME=relative docker build --tag app app
    run on r HOME= docker build --tag app app
    run on r HOME=/no/such/folder SLIPWAY_STORE= docker build --tag app app
    run on r XDG_CACHE_HOME=cache XDG_STATE_HOME=state XDG_CONFIG_HOME=config SLIPWAY_STORE= docker build --tag app app
    expect_equal "$(find cache state config relative app/cache 2>/dev/null | wc -l)" 0 "files in relative folders"
    run on r XDG_CACHE_HOME="$place/c" XDG_STATE_HOME="$place/s" SLIPWAY_STORE= docker build --tag app app
    expect [ -d "$place/c/slipway/buildkit/v1" ]
    expect [ -s "$place/s/slipway/journal.jsonl" ]
}
test_case "HOME and XDG directories that are missing, relative or another user's" homes

state_of() {
    local state=$home/.local/state
    project app
    run on r docker build --tag app app
    harm() {
        rm -rf "$state/slipway"
        "$@"
        run on r docker build --tag app app
        run on r docker build --tag app app
        rm -rf "$state/slipway"
        mkdir -p "$state/slipway"
    }
    harm mkdir -p "$state/slipway/journal.jsonl"
    harm mkdir -p "$state/slipway/versions.json"
    mkfifo "$state/slipway/journal.jsonl" && run on r docker build --tag app app
    harm true
    mkfifo "$state/slipway/versions.json" && run on r docker build --tag app app
    harm true
    head -c 100000 /dev/urandom >"$state/slipway/versions.json" && run on r docker build --tag app app
    harm true
    echo precious >victim && ln -s "$place/victim" "$state/slipway/journal.jsonl"
    run on r docker build --tag app app
    expect_equal "$(cat victim)" precious
    harm true
    chown 1234 "$state/slipway" && run on r docker build --tag app app
    rm -rf "$state" && echo text >"$state"
    run on r docker build --tag app app
}
test_case "a damaged state directory" state_of
