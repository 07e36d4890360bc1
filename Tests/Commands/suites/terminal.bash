# shellcheck shell=bash disable=SC2154
# Bars, colours and progress: only on a terminal.

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

# Progress: a line that changes, with the rate and the time left.
shows() { [[ $("${@:2}" 2>&1) =~ $1 ]]; }
filled=$T/filled
fill() { # a store whose trim, and whose verification, take a moment
    local pool=$filled/v1/u$EUID/gen-000001/blobs/sha256
    rm -rf "$filled"
    mkdir -p "$pool" "${pool%/blobs/sha256}/exports"
    ln -s gen-000001 "$filled/v1/u$EUID/current"
    truncate -s 2G "$pool/$(printf %064d 0)"
    # Names of one file: 40,000 files take ten times as long to make.
    : >"$pool/$(printf %064x 1)"
    python3 -c 'import os, sys; [os.link(f"{sys.argv[1]}/{1:064x}", f"{sys.argv[1]}/{n:064x}") for n in range(2, 40000)]' "$pool"
}
verifying='verifying: [0-9.]+ [kMG]?B of 2\.1 GB, [0-9.]+ [kMG]?B/s, [0-9]+ (s|min) left'
verify=(doctor --verify)
fill
check "doctor --verify shows its rate and the time left" shows "$verifying" on_terminal TERM=xterm SLIPWAY_STORE="$filled" -- "${verify[@]}"
# Each takes three seconds: a run has some.
! turn 5 || check "NO_COLOR: it does, too" shows "$verifying" on_terminal TERM=xterm NO_COLOR=1 SLIPWAY_STORE="$filled" -- "${verify[@]}"
! turn 5 || check "--quiet shows none" not shows "verifying: " on_terminal TERM=xterm SLIPWAY_STORE="$filled" -- "${verify[@]}" --quiet
! turn 5 || check "--json shows none" not shows "verifying: " on_terminal TERM=xterm SLIPWAY_STORE="$filled" -- "${verify[@]}" --json
! turn 5 || check "TERM=dumb: doctor --verify is plain" not has $'\e' on_terminal TERM=dumb SLIPWAY_STORE="$filled" -- "${verify[@]}"
! turn 5 || check "not a terminal: doctor --verify is plain" not has $'\e' env -i HOME="$home" PATH=/usr/bin:/bin TERM=xterm SLIPWAY_STORE="$filled" "$slipway" "${verify[@]}"
check "trim shows how many files it has deleted" shows 'deleting files of [^ ]*: [0-9]+ of 40000' on_terminal TERM=xterm -- trim --store "$filled"
if turn 2; then
    fill
    check "TERM=dumb: trim is plain" not has $'\e' on_terminal TERM=dumb -- trim --store "$filled"
fi
if turn 2; then
    fill
    check "not a terminal: trim is plain" not has $'\e' env -i HOME="$home" TERM=xterm "$slipway" trim --store "$filled"
fi
rm -rf "$filled"
# A docker without an engine: warm gets as far as to ask it.
mkdir -p "$T/silent"
printf '%s\n' '#!/bin/sh' 'exit 1' >"$T/silent/docker"
chmod 755 "$T/silent/docker"
warm=(warm --image base --pip requests)
check "warm shows its step" has $'\e[K\e[?7lasking the engine ...' on_terminal TERM=xterm PATH="$T/silent:/usr/bin:/bin" -- "${warm[@]}"
check "TERM=dumb: warm is plain" not has $'\e' on_terminal TERM=dumb PATH="$T/silent:/usr/bin:/bin" -- "${warm[@]}"
check "not a terminal: warm's steps are lines" has $'asking the engine\n' env -i HOME="$home" PATH="$T/silent:/usr/bin:/bin" TERM=xterm "$slipway" "${warm[@]}"
