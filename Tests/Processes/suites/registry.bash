#!/usr/bin/env bash
# What a build asks the program beside the shim about the registry, and what docker gets whatever the answer is. Nothing listens there.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
recording r containerd

prefix=127.0.0.1:1/team/cache
hex=$(printf '%064d' 7)

# answering SCRIPT: the program slipway beside the shim, which writes down what it is asked.
answering() {
    mkdir -p bin
    # The same file, so that `at_rest` sees what runs of it.
    ln -f "$work/bin/docker" bin/docker
    printf '#!/bin/sh\nprintf "%%s\\n" "$@" >>"%s"\n%s\n' "$place/asked" "$1" >bin/slipway
    chmod 755 bin/slipway
    rm -f asked
}
build() { run on r PATH="$place/bin:$work/recording-r/bin:/usr/bin:/bin" SLIPWAY_REMOTE="$prefix" "$@" docker build -t app app; }
arguments() { given r argv | tr '\0' '\n'; }
message() { journal | jq -r --arg code "$1" '.notes[] | select(.code == $code).message'; }

imported_directly() {
    project app
    answering "echo '$prefix/main@sha256:$hex'"
    build SLIPWAY_REMOTE_MODE=direct
    expect_equal "$(head -n 3 asked | tr '\n' ' ')" "remote resolve -- " "what is asked"
    jq -e .repository >/dev/null < <(tail -n +4 asked) || fail "the key is $(tail -n +4 asked)"
    expect_equal "$(arguments)" "build
--cache-from=type=registry,ref=$prefix/main@sha256:$hex
-t
app
app" arguments
    expect_equal "$(journal_codes)" SLP904 notes
    build SLIPWAY_REMOTE_MODE=direct SLIPWAY_REMOTE_INSECURE=on SLIPWAY_BUILD_CACHE=import-only
    arguments | grep -qxF -- "--cache-from=type=registry,ref=$prefix/main@sha256:$hex,registry.insecure=true" || fail "it gets $(arguments)"
    expect_not test -e "$store"
    # Only asked for what is imported.
    rm asked
    build SLIPWAY_REMOTE_MODE=direct SLIPWAY_BUILD_CACHE=off
    expect_not test -e asked
    expect_equal "$(arguments)" $'build\n-t\napp\napp' arguments
}
test_case "in direct mode the engine imports the reference that the registry has" imported_directly

# answers SCRIPT WORDS: docker gets the caller's words, and the journal tells why.
answers() {
    answering "$1"
    build SLIPWAY_REMOTE_MODE=direct
    expect_equal "$(arguments)" $'build\n-t\napp\napp' "arguments after: $1"
    expect_equal "$(journal_codes)" SLP905 "notes after: $1"
    [[ $(message SLP905) == *"$2"* ]] || fail "after \"$1\" it says: $(message SLP905)"
}
answered_badly() {
    local sleep=$place/sleep began
    project app
    answers "exit 0" "nothing was pushed for it"
    answers "echo no such host >&2; exit 1" "no such host"
    # Neither an option nor a reference elsewhere gets into the command line.
    answers "echo '$prefix/main@sha256:$hex,src=/etc'" "nothing was pushed for it"
    answers "echo 'elsewhere.example/main@sha256:$hex'" "nothing was pushed for it"
    answers "echo '$prefix/main:latest'" "nothing was pushed for it"
    answers "head -c 100000 /dev/zero" ""
    answers "kill -9 \$\$" ""
    install -m 755 "$(type -P sleep)" sleep
    began=$SECONDS
    answers "exec '$sleep' 50" "no answer in 2 s"
    expect [ $((SECONDS - began)) -lt 30 ]
    expect_not running "$sleep"
    rm bin/slipway
    build SLIPWAY_REMOTE_MODE=direct
    [[ $(message SLP905) == *"no slipway beside docker"* ]] || fail "without the program it says: $(message SLP905)"
}
running() { [[ -n $(find /proc/[0-9]*/exe -maxdepth 0 -lname "$1" 2>/dev/null) ]]; }
test_case "no answer, a wrong one and one without end leave the build as it is" answered_badly 120

awaited() {
    local sleep=$place/sleep began
    project app
    answering "exit 0"
    build SLIPWAY_REMOTE_WAIT=20s
    expect_equal "$(head -n 4 asked | tr '\n' ' ')" "remote sync --fetch-only -- " "what is asked"
    expect_notes SLP902
    # A key that the store knows does not wait, and neither does one without a limit.
    python3 -B "$processes/export.py" "$(record_of r)"
    await 60 at_rest
    rm asked
    unique >app/changed
    build SLIPWAY_REMOTE_WAIT=20s SLIPWAY_REMOTE_INTERVAL=600s
    expect_notes '!SLP902' '!SLP903' SLP001
    await 60 at_rest
    expect_not grep -qs fetch-only asked
    project other
    install -m 755 "$(type -P sleep)" sleep
    # Only what the build waits for: it asks again behind the build.
    answering "[ \$3 != --fetch-only ] || exec '$sleep' 50"
    began=$SECONDS
    run on r PATH="$place/bin:$work/recording-r/bin:/usr/bin:/bin" SLIPWAY_REMOTE="$prefix" SLIPWAY_REMOTE_WAIT=1s docker build other
    expect_notes SLP903 SLP002
    expect [ $((SECONDS - began)) -lt 30 ]
    expect_not running "$sleep"
    await 60 at_rest
}
test_case "the first build of a key waits for the registry as long as remote.wait, and no other does" awaited 120
