#!/usr/bin/env bash
# Which command lines are edited, and which are not: the words that docker gets.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
recording r containerd

arguments() { given r argv | tr '\0' '\n'; }
imports() { arguments | grep -c '^--cache-from=type=local,src=' || true; }
exported() { arguments | grep -c '^--cache-to=type=local,dest=' || true; }

all_names() {
    project app
    for command in "build" "image build" "builder build" "buildx build" "buildx b" "builder b" "-D build" "buildx --builder default build"; do
        forgotten r
        unique >app/new # a build without changes is left unchanged
        # shellcheck disable=SC2086
        run on r docker $command app
        expect injected
        expect_equal "$(exported)" 1 "exports of docker $command"
        word=${command##* }
        expect_equal "$(arguments | grep -nx -- "$word" | tail -n 1 | cut -d: -f1)" "$(($(arguments | grep -n -- '^--cache-' | sed -n 1s/:.*//p) - 1))" \
            "the command word's place"
    done
    # Not ours to edit.
    for command in "ps" "images" "buildx ls" "builder du"; do
        forgotten r
        # shellcheck disable=SC2086
        run on r docker $command
        # shellcheck disable=SC2086
        expect_equal "$(arguments)" "$(printf '%s\n' $command)" arguments
    done
}
test_case "every name of the build command gets the flags" all_names

left_alone() {
    project app
    built r app
    for flag in --check --call=outline --call=targets,format=json --print=outline --help; do
        forgotten r
        try on r docker build "$flag" app
        expect_equal "$(arguments)" "$(printf '%s\n' build "$flag" app)" arguments
        expect_notes SLP103
    done
}
test_case "checks and printed plans are left alone" left_alone

switched_off() {
    project app
    run on r SLIPWAY=off docker build app
    expect_equal "$(arguments)" $'build\napp' arguments
    expect_not test -e "$store"
    expect_not test -e "$home/.local/state/slipway"
    run on r SLIPWAY_BUILD_CACHE=off docker build app
    expect_equal "$(arguments)" $'build\napp' arguments
    expect_notes SLP107
    expect_not test -e "$store"
    run on r SLIPWAY_BUILD_CACHE=import-only docker build app
    expect_notes SLP110 '!SLP002'
    expect_not test -e "$store"
}
test_case "SLIPWAY=off and build-cache=off leave the command unchanged" switched_off

# A second shim, or the caller's own words, add or replace nothing of ours; an import needs an export in the store.
users_words() {
    project app
    built r app
    run on r docker build app
    expect_notes SLP001 SLP002
    expect_equal "$(imports) $(exported)" "1 1" "imports and exports"
    unique >app/new
    run on r docker build --cache-to "type=local,dest=$place/theirs" app
    expect_notes SLP001 SLP105 '!SLP002'
    expect_equal "$(exported)" 0 exports
    run on r docker build --cache-from "type=local,src=$place/theirs" app
    arguments | grep -qx "type=local,src=$place/theirs" || fail "the user's import is gone"
    expect_equal "$(imports)" 1 imports
    run on r docker build --no-cache app
    expect_notes SLP106 SLP002 '!SLP001'
    expect_equal "$(imports) $(exported)" "0 1" "imports and exports"
    mkdir copy
    cp "$work/bin/docker" copy/docker
    run on r PATH="$work/bin:$place/copy:$work/recording-r/bin:/usr/bin:/bin" docker build app
    expect_equal "$(imports) $(exported)" "1 1" "imports and exports"
}
test_case "an import and an export are added once, and none where the user has their own or wants none" users_words
