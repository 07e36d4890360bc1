# shellcheck shell=bash
#
# The harness of the end-to-end tests. A suite sources it, and reads like a shell session on real engines:
#
#     . "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
#     engine a sid containerd
#     engine b sid containerd
#
#     second_engine_hits() {
#         project app
#         run on a docker build -t app app
#         run on b docker build -t app app
#         expect_cached all
#     }
#     test_case "a second engine has every step cached" second_engine_hits
#
# Each test is a subshell under `set -e` in a folder of its own, $place, with a HOME ($home) and a store ($store) of its
# own, and may take $limit seconds, or as many as stand behind its function: any command that fails, fails it. What it ran
# and printed is shown when it fails.
#
# Engines, and commands on them:
#   engine NAME SUITE containerd|classic   start it, once per run; it has the base image slipway/base:1, and no container or volume
#   on ENGINE [VAR=VALUE...] COMMAND...    run with the shim ahead of the engine's docker, in a clean environment
#   direct ENGINE [VAR=VALUE...] COMMAND...  the same without the shim
#   as UID ENGINE [VAR=VALUE...] COMMAND...  like `on`, as another user with a HOME of their own ($place/home-UID)
#   api ENGINE METHOD PATH...              ask the engine's API
#   forget ENGINE...                       empty the engine's caches, all but the base image
#   socket ENGINE, docker_of ENGINE        paths of its socket and of its docker
#   private_config ENGINE DIR              a DOCKER_CONFIG that a test may spoil; use it as DOCKER_CONFIG=DIR
#   with_mounts 'SHELL COMMANDS' on ...    (or direct, as) after those commands, as root, in private mounts
#
# Running them (a command here may be `on ...`, `direct ...` or any other):
#   run COMMAND...       must exit with 0; leaves $code and the files $stdout and $stderr
#   try COMMAND...       any exit status; leaves the same
#   start NAME COMMAND...  in the background; its pid is $pid and, for on, direct and as, docker's own (the shim's);
#                        output goes to $place/NAME.stdout and NAME.stderr
#   finish NAME          waits for it; leaves $code, $stdout and $stderr
#
# Looking (the files default to $stderr, where BuildKit's plain progress goes):
#   steps_total [FILE]   how many RUN, COPY, ADD and WORKDIR steps a build had
#   steps_cached [FILE]  how many of them were cached
#   journal_codes [HOME] the SLP codes of the journal's last command, in order, with spaces between them
#   injected [HOME]      whether the journal's last line says that the command was changed
#   exports [UID]        the complete exports in the store, one directory a line
#   at_rest              whether nothing of this test runs in the background any more: await 60 at_rest
#
# Asserting:
#   expect COMMAND...           it succeeds;   expect_not COMMAND...   it fails
#   expect_equal GOT WANTED [WHAT]
#   expect_code N               of the last run, try or finish
#   expect_cached all|none|N    of the last build's steps
#   expect_notes SLPnnn...      each is among the journal's last codes; !SLPnnn: is not
#   expect_said TEXT            in the last stdout or stderr
#   expect_whole_store          every index in it parses, and all that it reaches is there and has its digest
#   expect_whole_unions [GENERATION...]  every union in it, or in some of its generations, names what is there, and nothing else
#   published [UID]             waits until the union holds all exports, which a background process of each build publishes
#   await SECONDS COMMAND...    it succeeds by then: tried again and again, a test or a function that looks at something
#   fail MESSAGE
#
# Making things:
#   project DIR   a git repository (branch main, origin https://example.invalid/...) with a Dockerfile of four steps; its
#                 layers are like those of no other call. ARG FLAVOR counts for the last two steps.
#   commit DIR    commits everything in it
#   unique        a word that was never there before
#
# Samples (Tests/turn.bash):
#   turn N               whether what comes next has its turn in this run: one of N
#   turn_case N NAME FUNCTION [SECONDS]  a case that is in one run of N, as others show its promise in each
#   prepare [FUNCTION]   what the cases from here on need: called once, before the first of them that has its turn
#
# SLIPWAY_BIN   where docker and slipway are (default: .build/release); they are copied first, so that they may be rebuilt
# SLIPWAY_KEEP  1: leave engines and folders behind, and say where
# SLIPWAY_ONLY  run only the tests with this text in their names

set -uo pipefail
umask 022
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
suite=$(basename "$0" .bash)
passed=0 failed=0 left_out=0
preparation=
limit=300
# No settings of the machine's or the user's.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_TERMINAL_PROMPT=0
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
# shellcheck source=Tests/turn.bash
. "$root/Tests/turn.bash"
# shellcheck source=Tests/EndToEnd/engines.bash
. "$root/Tests/EndToEnd/engines.bash"
# shellcheck source=Tests/EndToEnd/checks.bash
. "$root/Tests/EndToEnd/checks.bash"
# shellcheck source=Tests/EndToEnd/background.bash
. "$root/Tests/EndToEnd/background.bash"

# -- The run ----------------------------------------------------------------------------------------------------------

# need COMMAND [PACKAGE]: what cannot be had is an error, never a reason to skip.
need() {
    command -v "$1" >/dev/null && return
    echo "# installing ${2:-$1}" >&2
    local install=(apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${2:-$1}")
    export DEBIAN_FRONTEND=noninteractive
    { "${install[@]}" || { apt-get -qq update && "${install[@]}"; }; } >/dev/null 2>&1 </dev/null
    command -v "$1" >/dev/null && return
    echo "end-to-end tests need $1: apt-get install ${2:-$1}" >&2
    exit 1
}

# The first of a process tree that sources this owns the work folder and the engines in it; suites below it share both.
begin_run() {
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    trap 'end_run $?' EXIT
    # A suite's own commands, outside of tests: one that fails may have lost us tests.
    trap 'failed=$((failed + 1)); echo "not ok - $suite: line $LINENO: $BASH_COMMAND"' ERR
    if [[ -n ${SLIPWAY_WORK-} ]]; then
        owner=0 work=$SLIPWAY_WORK
        return
    fi
    [[ $EUID == 0 ]] || { echo "end-to-end tests need root: they start engines" >&2; exit 1; }
    owner=1
    # Short: a socket's path has at most 107 bytes.
    work=$(mktemp -d "${TMPDIR:-/tmp}/slw.XXXXXX") || exit 1
    chmod 755 "$work"
    export SLIPWAY_WORK=$work SLIPWAY_ENGINES_RUN=$work/e
    mkdir "$work/bin" "$work/engines" "$work/tests" "$SLIPWAY_ENGINES_RUN"
    engines_in_memory
    local program from=${SLIPWAY_BIN:-$root/.build/release}
    for program in docker slipway; do
        install -m 755 "$from/$program" "$work/bin/$program" ||
            { echo "no $from/$program: swift build -c release --static-swift-stdlib" >&2; exit 1; }
    done
    need git
    need jq
    need curl
}

# What engines write is gone with the run, so it need not wait for a disk: that took a third of the tests' time, and a fifth of their
# processors'. Engines keep as much of their caches as the folder seems to have room for, so it has the size of a disk. Stores,
# trees and HOMEs stay on the disk. SLIPWAY_ENGINES_ON_DISK=1: engines, too.
engines_in_memory() {
    local available
    available=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
    [[ ${SLIPWAY_ENGINES_ON_DISK-} != 1 && ${available:-0} -ge 12000000 ]] || return 0
    mount -t tmpfs -o mode=755,size=64g engines "$SLIPWAY_ENGINES_RUN" || true
}

end_run() {
    local status=$1
    trap '' INT TERM HUP
    trap - EXIT
    if [[ $owner == 1 ]]; then
        if [[ ${SLIPWAY_KEEP-} == 1 ]]; then
            echo "# kept: $work; SLIPWAY_ENGINES_RUN=$SLIPWAY_ENGINES_RUN $root/Scripts/engines stop --all" >&2
        else
            [[ ! -d $SLIPWAY_ENGINES_RUN ]] || "$root/Scripts/engines" stop --all </dev/null
            ! mountpoint --quiet "$SLIPWAY_ENGINES_RUN" || umount "$SLIPWAY_ENGINES_RUN" || umount --lazy "$SLIPWAY_ENGINES_RUN"
            rm -rf --one-file-system "$work"
        fi
    fi
    [[ $left_out == 0 ]] || echo "# $suite: $left_out cases have no turn with seed $SLIPWAY_TESTS_SEED"
    if [[ -n ${SLIPWAY_COUNTS-} ]]; then
        echo "$passed $failed" >"$SLIPWAY_COUNTS" # below a run, which tells the total
    else
        echo "$passed passed, $failed failed"
    fi
    [[ $failed == 0 ]] || exit 1
    exit "$status"
}

# processors: sets worked to the hundredths of a second that processors have worked for this shell, that is for what it has waited for
# and in engines. It is asked around each case, so it starts no program.
processors() {
    local pids dockerd init pid text
    local -a ticks children
    worked=0
    times >"$work/times.$$" # of this shell, so not in a subshell
    text=$(<"$work/times.$$")
    while [[ $text =~ ([0-9]+)m([0-9]+)\.([0-9]{2})[0-9]*s\ ([0-9]+)m([0-9]+)\.([0-9]{2}) ]]; do
        ticks=("${BASH_REMATCH[@]}")
        worked=$((worked + (ticks[1] * 60 + ticks[2] + ticks[4] * 60 + ticks[5]) * 100 + 10#${ticks[3]} + 10#${ticks[6]}))
        text=${text#*"${BASH_REMATCH[0]}"}
    done
    for pids in "$SLIPWAY_ENGINES_RUN"/*/pids; do
        # The containers' processes are adopted by the engine's first one. containerd is a child that dockerd waits for at its end only.
        read -r dockerd init 2>/dev/null <"$pids" || continue
        read -r -a children 2>/dev/null <"/proc/$dockerd/task/$dockerd/children" || true
        for pid in "$dockerd" "$init" "${children[@]}"; do
            text=''
            read -r -d '' text 2>/dev/null <"/proc/$pid/stat" || true
            read -r -a ticks <<<"${text##*) }"
            [[ ${#ticks[@]} -lt 15 ]] || worked=$((worked + ticks[11] + ticks[12] + ticks[13] + ticks[14]))
        done
    done
}

# turn_case N NAME FUNCTION [SECONDS]: a case that is in one run of N. Its own rows may have turns, too: of ten runs at most all together.
turn_case() {
    local of=$1
    shift
    if turn "$of"; then
        turn_of=$of test_case "$@"
    else
        left_out=$((left_out + 1))
    fi
}

prepare() { preparation=${1-}; }

# test_case NAME FUNCTION [SECONDS]
test_case() {
    [[ $1 == *"${SLIPWAY_ONLY-}"* ]] || return 0
    local prepared=$preparation
    preparation=
    $prepared
    local log status limit=${3:-$limit} started=${EPOCHREALTIME//[.,]/} took worked before
    processors
    before=$worked
    place=$(mktemp -d "$work/tests/XXXXXX")
    log=$place.log
    chmod 755 "$place"
    # Not in a condition: set -e would be ignored.
    (begin_test; "$2") </dev/null >>"$log" 2>&1
    status=$?
    if [[ $status == 130 && -e $work/interrupted ]]; then exit 130; fi
    # What still runs behind a build's back would write into a folder that goes.
    let_rest 60
    took=$((${EPOCHREALTIME//[.,]/} - started))
    processors
    before=$((worked - before))
    printf -v took '# %d.%d s, %d.%d of a processor' $((took / 1000000)) $((took / 100000 % 10)) $((before / 100)) $((before / 10 % 10))
    if [[ $status == 0 ]]; then
        passed=$((passed + 1))
        echo "ok - $suite: $1 $took"
    else
        failed=$((failed + 1))
        echo "not ok - $suite: $1 $took"
        # What went wrong comes first: who reads only the beginning of it still has the reason.
        { grep '^!' "$log"; echo "..."; tail -n 100 "$log"; } | sed 's/^/    # /'
    fi
    [[ ${SLIPWAY_KEEP-} == 1 ]] || rm -rf --one-file-system "$place" "$log"
}

begin_test() {
    set -eE
    trap 'note "! status $?: $BASH_COMMAND (${BASH_SOURCE[0]##*/}:$LINENO)"' ERR
    trap 'kill_descendants $BASHPID' EXIT
    trap ': >"$work/interrupted"; exit 130' INT
    trap 'exit 143' TERM
    local test=$BASHPID
    home=$place/home store=$place/store code='' stdout=/dev/null stderr=/dev/null
    declare -gA pids=() commands=()
    mkdir "$home"
    cd "$place"
    watch_time "$test" &
}

# Ends a test that takes too long, by ending what it waits for.
watch_time() {
    trap - EXIT
    read -r -t "$limit" _ <> <(:) || true # sleeps without a process that could be left over
    echo "! took more than $limit s"
    kill -TERM "$1"
    kill_descendants "$1"
}

kill_descendants() {
    local stat parent pid grown=1
    local -A doomed=(["$1"]=1)
    while [[ $grown == 1 ]]; do
        grown=0
        for stat in /proc/[0-9]*/stat; do
            parent=''
            read -r -d '' parent <"$stat" || [[ -n $parent ]] || continue # it has ended
            pid=${parent%% *} parent=${parent##*) ? } parent=${parent%% *}
            if [[ -n ${doomed[$parent]-} && -z ${doomed[$pid]-} ]]; then doomed[$pid]=1 grown=1; fi
        done
    done 2>/dev/null
    unset "doomed[$1]" "doomed[$BASHPID]"
    [[ ${#doomed[@]} == 0 ]] || kill -KILL "${!doomed[@]}" 2>/dev/null || true
}

# -- Running ----------------------------------------------------------------------------------------------------------

try() {
    code=0 stdout=$place/stdout stderr=$place/stderr
    "$@" >"$stdout" 2>"$stderr" || code=$?
    report
    if engine_raced; then try "$@"; fi
}

# The engine's own: when an image's name moves to a new one, containerd may delete the old one's snapshots between finding them
# and unpacking the new one's last layer over them. Seen in 1 of 25 rebuilds with Slipway, and in 1 of 25 without it; in 2 of 70
# of compose's, which says so without ERROR.
engine_raced() {
    [[ $code != 0 ]] && grep -q 'failed to prepare extraction snapshot .*: parent snapshot .* does not exist' "$stderr" &&
        note "= the engine lost a snapshot of its own: once more"
}

run() {
    try "$@"
    [[ $code == 0 ]] || fail "status $code: $*"
}

report() {
    [[ ! -s $stdout ]] || sed 's/^/> /' "$stdout"
    [[ ! -s $stderr ]] || sed 's/^/| /' "$stderr"
    note "= $code"
}

start() {
    local name=$1
    shift
    # Emptied here and not only there: who awaits a word of this one must not find it in what an earlier one said.
    : >"$place/$name.stdout"
    : >"$place/$name.stderr"
    (trap - ERR EXIT; become="exec"; "$@") >"$place/$name.stdout" 2>"$place/$name.stderr" &
    pid=$!
    pids[$name]=$pid
    commands[$name]=$(printf '%q ' "$@")
}

finish() {
    code=0 stdout=$place/$1.stdout stderr=$place/$1.stderr
    wait "${pids[$1]}" || code=$?
    note "$ finish $1"
    report
    if engine_raced; then eval "try ${commands[$1]}"; fi
}

begin_run
