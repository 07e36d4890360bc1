# shellcheck shell=bash disable=SC2154 # the harness's variables
#
# What Slipway runs in the background for the test whose folder is $place, with the programs in $work/bin.

# left_running: the processes of this test that Slipway runs in the background, such as the one that records a build. They are the
# shim's own program still, or `slipway remote sync`, while what waits in front has become docker, or is another command of slipway's.
left_running() {
    local program pid
    for program in /proc/[0-9]*/exe; do
        [[ $program -ef $work/bin/docker || $program -ef $work/bin/slipway ]] || continue
        pid=${program//[^0-9]/}
        process_has "$pid" environ "$place/" || continue
        if [[ $program -ef $work/bin/docker ]] || process_has "$pid" cmdline $'\nsync\n'; then echo "$pid"; fi
    done
}

# process_has PID environ|cmdline TEXT: whether the text is in one of them, with a newline around each word. While exec goes on, the
# new program has neither yet: a background process that was becoming `slipway remote sync` was overlooked, and wrote into a folder
# that went.
process_has() {
    local words empty=0 IFS=$'\n'
    while [[ -e /proc/$1/exe ]]; do
        readarray -d '' -t words <"/proc/$1/$2" || return
        [[ ${#words[@]} == 0 ]] || { [[ $'\n'${words[*]}$'\n' == *"$3"* ]]; return; }
        # A program may be given no environment, but hardly no arguments.
        read -r -d '' _ <"/proc/$1/cmdline" && [[ $((++empty)) == 20 ]] && return 1
        sleep 0.01
    done 2>/dev/null
    return 1
}

at_rest() { [[ -z $(left_running) ]]; }

# let_rest SECONDS: waits until nothing of this test's runs behind, and ends what runs longer.
let_rest() {
    local until=$((SECONDS + $1)) left
    until at_rest; do
        if [[ $SECONDS -ge $until ]]; then
            readarray -t left < <(left_running)
            echo "# $suite: still running, and ended: ${left[*]}"
            [[ ${#left[@]} == 0 ]] || kill -KILL "${left[@]}" 2>/dev/null || true
            return
        fi
        sleep 0.05
    done
}
