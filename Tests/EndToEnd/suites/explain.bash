#!/usr/bin/env bash
# `slipway explain` shows what the shim then does.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine classic sid classic

# The directory of an export is random in each call. Whether the time for a look at the tree suffices depends on what else the machine
# does in these milliseconds: one of two calls may say that it did not.
time_spent="not enough time for all files"
without_chance() { sed -E "s/\.[0-9a-f]{10}-[0-9a-f]{16}/.EXPORT/g; /^  SLP702  .*: $time_spent\$/d" "$@"; }

with=()
# alike ENGINE WORD...: with the variables of ${with[@]}, both forms of explain, and the shim's output under
# SLIPWAY_TRACE=1
alike() {
    local name=$1 line
    local -a words
    shift
    run on "$name" "${with[@]}" slipway explain -- "$@"
    without_chance "$stdout" >explained
    run on "$name" "${with[@]}" slipway explain --json -- "$@"
    without_chance "$stdout" | jq -c --arg spent "$time_spent" 'del(.notes[] | select(.message | endswith($spent)))' >explained.json
    try on "$name" SLIPWAY_TRACE=1 "${with[@]}" "$@"
    expect_equal "$(sed -n 1p "$stderr")" "slipway: $(docker_of "$name")" "the docker that runs"
    # Up to a line number: sed that writes to a closed pipe would end the case.
    sed 1d "$stderr" | without_chance | sed -n "1,$(wc -l <explained)p" >traced
    diff explained traced || fail "explained is not what ran"

    # The JSON has the same arguments and notes, and says so if nothing is changed.
    line=$(sed -n 1p traced)
    eval "words=($line)"
    expect_equal "$(jq -c .argv explained.json)" "$(jq -cn '$ARGS.positional' --args -- "${words[@]}")" argv
    expect_equal "$(jq -r '.notes[] | "  \(.code)  \(.message)"' explained.json)" "$(sed 1d traced)" notes
    expect_equal "$(jq -c '.changed' explained.json)" "$([[ ${#words[@]} == "$#" ]] && echo false || echo true)" changed
    expect_equal "$(jq -r '[.notes[].code] | join(" ")' explained.json)" "$(journal_codes | sed 's/\<SLP702\> *//; s/ $//')" "the journal"
}

same_as_run() {
    project app
    alike a docker build -t app app
    expect_equal "$(jq -c .changed explained.json)" true changed
    # shellcheck disable=SC2016
    alike b docker build -t app --build-arg 'FLAVOR=it'\''s "sweet" $and sour' app
    expect_equal "$(jq -r '.leases[]' explained.json)" "$store/v1/u0/gen-000001/lease" leases
    alike b docker build --no-cache app
    alike b docker build --cache-to "type=local,dest=$place/mine" app
    alike classic docker build app
    with=(DOCKER_BUILDKIT=0)
    sed -i "s/^$RUN/RUN/" app/Dockerfile # the old builder knows no other
    alike a docker build app
}
turn_case 3 "explain shows what the shim runs" same_as_run

unchanged_commands() {
    project app
    for words in "docker build --check app" "docker build --nonesuch app" "docker build --help"; do
        # shellcheck disable=SC2086
        alike a $words
        expect_equal "$(jq -c .changed explained.json)" false changed
    done
    with=(SLIPWAY=off)
    run on a "${with[@]}" slipway explain --json -- docker build app
    expect_equal "$(jq -c '[.changed, .notes[0].code]' "$stdout")" '[false,"SLP100"]' "where everything is bypassed"
    run on a slipway explain --json -- docker run --rm slipway/base:1 true
    expect_equal "$(jq -c '[.changed, .leases, .notes[0].code]' "$stdout")" '[false,[],"SLP501"]'
}
test_case "explain shows commands that stay unchanged" unchanged_commands

no_traces() {
    project app
    run on a slipway explain -- docker build app
    expect_equal "$(find home)" home "HOME"
    expect_not test -e "$store"
    run on a docker build app
    await 60 at_rest
    before=$(find "$store" home -printf '%p %T@ %C@ %i\n' | sort)
    run on b slipway explain --json -- docker build app
    expect_equal "$(find "$store" home -printf '%p %T@ %C@ %i\n' | sort)" "$before" "the store and HOME"
}
test_case "explain changes nothing" no_traces

# Like `cat`; a command that has to clean up does so first.
no_output() {
    local words
    for words in settings version --help; do
        try on a bash -c "slipway $words >/dev/full"
        expect_code 1
        expect_said "slipway: cannot write to standard output: No space left on device"
        try on a bash -c "slipway $words >&-"
        expect_code 1
    done
}
test_case "a full disk behind standard output is reported as a failure" no_output
