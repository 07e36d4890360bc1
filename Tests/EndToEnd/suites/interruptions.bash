#!/usr/bin/env bash
# Trimming is killed at any of its changes to the store, and what reads the store is overtaken by a trim at any of its
# listings. strace does both to the programs as they are, from outside.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
need strace
engine a sid containerd
limit=400

slipway() { on a slipway "$@"; }
# Without docker, of which status would ask the volumes.
alone() { env -i HOME="$home" PATH=/nowhere "$work/bin/slipway" "$@" --store "$store"; }
# Only the calls that are asked for stop the program, which is a third of the work; but strace 6.1 then sends no signal.
quickly=(strace --seccomp-bpf -f -qq -o trace)
changes="link,linkat unlink,unlinkat,rmdir rename,renameat,renameat2 mkdir,mkdirat symlink,symlinkat write fchmod,fchmodat utimensat ftruncate"

# Five exports of which three are to stay, a build that failed, and a blob that nothing names: in `good`. The cases share what the
# first of them has built.
store_to_trim() {
    [[ -e $work/$suite.made ]] || build_store
    cp -a "$work/$suite.made/." .
    cp -a good "$store"
}
build_store() {
    local number
    project app
    printf '%s\n' 'COPY data /data' "$RUN sha256sum /data >/sum" >>app/Dockerfile
    for number in 1 2 3 4 5; do
        head -c 200000 /dev/urandom >app/data
        echo "$number" >>app/input.txt
        run on a docker build -t app app
    done
    await 60 at_rest
    head -c 1000 /dev/urandom >x
    cp x "$store/v1/u0/gen-000001/blobs/sha256/$(sha256sum x | head -c 64)"
    mkdir -p "$store/v1/u0/gen-000001/exports/$(slipway status --json | jq -r '.parts[0].keys[0].name')/main.0123456789abcdef.000.1700000000-0123456789abcdef/ingest"
    mkdir "$work/$suite.new"
    mv app "$work/$suite.new/app"
    mv "$store" "$work/$suite.new/good"
    mv "$work/$suite.new" "$work/$suite.made"
}
names() { exports | sed "s#$store/v1/u0/gen-[0-9]*##"; }

# killed WORDS... -- OPTION...: trims with these words, killed at each change in turn, strace having these options
killed() {
    local words=() calls number kills=0 wanted newest due
    while [[ $1 != -- ]]; do words+=("$1"); shift; done
    shift
    newest=$(names | tail -n 1)
    rm -rf "$store"
    cp -a good "$store"
    run "${quickly[@]}" -e trace=link,linkat "$@" "$work/bin/slipway" trim --store "$store" "${words[@]}"
    # strace makes no call fail that it does not trace.
    [[ $* != *EPERM* ]] || expect test -e "$store/v1/u0/gen-000001"
    wanted=$(names)
    for calls in $changes; do
        # strace counts the calls of each kind for itself, so a kind may not be both.
        [[ " $* " != *"inject=$calls:"* ]] || continue
        for number in {1..99}; do
            turn 3 || continue
            rm -rf "$store"
            cp -a good "$store"
            due=$(stat -c %Y "$store/v1/u0/trimmed" 2>/dev/null)
            try strace -f -qq -o trace -e "trace=link,linkat,$calls" -e "inject=$calls:signal=KILL:when=$number" "$@" "$work/bin/slipway" trim --store "$store" "${words[@]}"
            grep -q 'killed by SIGKILL' trace || break
            expect_code 137
            kills=$((kills + 1))
            note "killed at $calls $number"
            expect_whole_store
            expect [ -n "$(names | grep -xF "$newest")" ]
            # What did not come to its end has not trimmed: the next build's is due as before.
            [[ $calls == utimensat ]] || grep -qF 'write(1,' trace || expect_equal "$(stat -c %Y "$store/v1/u0/trimmed" 2>/dev/null)" "$due" "the time of the last trim, killed at $calls $number"
            run "${quickly[@]}" -e trace=link,linkat "$@" "$work/bin/slipway" trim --store "$store" "${words[@]}"
            expect_whole_store
            expect_equal "$(names)" "$wanted" "exports after a kill at $calls $number"
            run alone status --json
            expect_equal "$(jq -c '.parts[0] | [.usage.total - .usage.live, (.generations | length)]' "$stdout")" '[0,1]' "bytes too many and generations"
            expect_equal "$(find "$store/v1/u0" -maxdepth 1 '(' -name 'new-*' -o -name 'trash-*' ')')" "" "leftovers"
        done
    done
    expect [ "$kills" -gt 3 ]
    note "$kills kills"
    forget a
    run on a docker build -t app app
    expect_cached all
}

into_another() {
    store_to_trim
    killed --keep 3 --
}
turn_case 3 "a trim that is killed at any of its changes leaves a whole store, and the next one finishes" into_another

in_place() {
    store_to_trim
    killed --keep 3 -- -e inject=link,linkat:error=EPERM
}
turn_case 3 "so does one in place, without hard links" in_place

shortening() {
    local most
    store_to_trim
    most=$(slipway status --json | jq '.parts[0].usage.live')
    until [[ $(slipway trim --dry-run --json --max-size "${most}B" | jq '.parts[0].shortened | length') -gt 0 ]]; do
        most=$((most * 9 / 10))
        expect [ "$most" -gt 100000 ]
    done
    killed --max-size "${most}B" --
}
turn_case 3 "so does one that takes layers from exports" shortening

stopped_or_over() { [[ -e trace ]] && grep -qE "stopped by SIGSTOP|exited with" trace; }
# traced NAME: the process that the strace of that name runs
traced() { tr -d ' ' <"/proc/${pids[$1]}/task/${pids[$1]}/children"; }

# overtaken WORDS...: a reader is stopped at each of its listings while a trim runs. It prints what was there before or what is there
# afterwards, never some of both.
overtaken() {
    local number before printed after again=0 stops=0
    rm -rf "$store"
    cp -a good "$store"
    before=$("$work/bin/slipway" "$@" --store "$store" --json | jq -S "$compared")
    for number in {1..60}; do
        turn 5 || continue
        rm -rf "$store"
        cp -a good "$store"
        rm -f trace
        start reader strace -f -o trace -e trace=getdents64 -e "inject=getdents64:signal=STOP:when=$number" "$work/bin/slipway" "$@" --store "$store" --json
        await 20 stopped_or_over
        if grep -q 'stopped by SIGSTOP' trace; then
            run slipway trim --keep 3
            kill -CONT "$(traced reader)"
        fi
        finish reader
        expect_code 0
        grep -q 'stopped by SIGSTOP' trace || break
        stops=$((stops + 1))
        after=$("$work/bin/slipway" "$@" --store "$store" --json | jq -S "$compared")
        expect [ "$before" != "$after" ]
        printed=$(jq -S "$compared" "$stdout")
        [[ $printed != "$after" ]] || again=$((again + 1))
        [[ $printed == "$before" ]] || expect_equal "$printed" "$after" "what it prints, stopped at listing $number"
    done
    expect [ "$again" -gt 1 ]
    note "$stops stops, $again times it began anew"
}

readers() {
    store_to_trim
    # A trim writes unions anew, and says when.
    local compared='del(.free, .parts[]?.unions[]?.written)'
    overtaken trim --keep 3 --dry-run
    overtaken status
}
test_case "what reads the store begins anew once a trim has overtaken it" readers

of_the_store() { jq -c '[.findings[] | select(.code | startswith("DOC3")).code] | sort'; }
doctor() {
    local number stops=0
    store_to_trim
    for number in {1..60}; do
        turn 5 || continue
        rm -rf "$store"
        cp -a good "$store"
        rm -f trace
        start reader on a strace -o trace -e trace=getdents64 -e "inject=getdents64:signal=STOP:when=$number" slipway doctor --json
        await 20 stopped_or_over
        if grep -q 'stopped by SIGSTOP' trace; then
            stops=$((stops + 1))
            run slipway trim --keep 3
            kill -CONT "$(traced reader)"
        fi
        finish reader
        expect_equal "$(of_the_store <"$stdout")" "$( (slipway doctor --json || true) | of_the_store)" "findings, stopped at listing $number"
        grep -q 'stopped by SIGSTOP' trace || break
    done
    expect [ "$stops" -gt 2 ]
}
turn_case 2 "a trim beside doctor is no finding" doctor

two_trims() {
    store_to_trim
    start first strace -f -qq -o trace -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:signal=STOP:when=1 "$work/bin/slipway" trim --keep 3 --store "$store" --json
    await 20 grep -q 'stopped by SIGSTOP' trace
    try slipway trim --keep 3 --json
    expect_equal "$(jq -r '.parts[0].outcome' "$stdout")" other-trim-at-work
    expect_equal "$(jq '.parts[0].heldBy | length' "$stdout")" 1 "processes that it names"
    kill -CONT "$(traced first)"
    finish first
    expect_code 0
    expect_equal "$(jq -r '.parts[0].outcome' "$stdout")" switched
    expect_whole_store
}
turn_case 10 "of two trims one works, and the other tells who" two_trims
