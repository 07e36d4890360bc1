# shellcheck shell=bash disable=SC2154
# Bars and colours: only on a terminal.

home=$T/terminal
now=$(date +%s)
journal "$home" "$(command_line "$now" build true SLP001)"
ledger "$home" "$(build_line "$now" r c c c 900)"
# on_terminal VARIABLE... -- WORD...: what slipway writes to a terminal of its own
on_terminal() {
    local settings=()
    while [[ $1 != -- ]]; do settings+=("$1"); shift; done
    shift
    python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' \
        env -i HOME="$home" PATH=/usr/bin:/bin "${settings[@]}" "$slipway" "$@" </dev/null
}
green=$'\e[32m'
has() { [[ $("${@:2}" 2>&1) == *"$1"* ]]; }
check "stats has a bar of cached steps, in colour" has "[$green###############"$'\e[0m.....] 1 builds' on_terminal TERM=xterm -- stats
check "NO_COLOR: without colour" has "[###############.....] 1 builds" on_terminal TERM=xterm NO_COLOR=1 -- stats
check "NO_COLOR that is empty counts for nothing" has "$green" on_terminal TERM=xterm NO_COLOR= -- stats
check "the doctor has colours" has $'\e[' on_terminal TERM=xterm -- doctor
for settings in "TERM=dumb" "A=b"; do
    for command in stats status doctor report; do
        check "$settings: $command is plain" not has $'\e' on_terminal "$settings" -- "$command"
    done
    check "$settings: no bar" not has "[###" on_terminal "$settings" -- stats
done
check "not a terminal: plain" not has $'\e' env -i HOME="$home" TERM=xterm "$slipway" stats
check "not a terminal: no bar" not has "[###" env -i HOME="$home" TERM=xterm "$slipway" stats
# A name cannot imitate a colour.
ledger "$home" "$(build_line "$now" 'evil\u001b[31mred' c)"
check "a name steers nothing" not has $'\e[31m' on_terminal TERM=xterm -- stats
check "and is shown as what it is" has '\x1b[31mred' on_terminal TERM=xterm -- stats
