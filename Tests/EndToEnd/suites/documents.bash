#!/usr/bin/env bash
# slipway's output for programs after real builds: checked against its JSON Schemas, and read back by the monitoring
# system's own parser.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
need python3
# Kept beside the engines: to make it takes longer than all else here.
modules=${SLIPWAY_ENGINES:-$root/.engines}/documents
python=$modules/bin/python
(
    flock 9
    "$python" -c 'import jsonschema, prometheus_client' 2>/dev/null || {
        python3 -m venv --clear "$modules"
        "$python" -m pip -q --disable-pip-version-check install jsonschema prometheus_client
    }
) 9>>"$modules.lock"

# document NAME [--lines] WORD...: the output of a command, which must be valid
document() {
    local name=$1 lines=()
    shift
    if [[ $1 == --lines ]]; then lines=(--lines) && shift; fi
    try on b "$@"
    "$python" "$root/Tests/Commands/validate.py" "$name" "${lines[@]}" <"$stdout" || fail "$* is not as its schema says: $(head -c 500 "$stdout")"
}

valid_documents() {
    project app
    run on a docker build -t app app
    published
    run on b docker build -t app app
    expect_cached all
    chmod 664 app/input.txt
    run on b docker build -t app app
    await 60 at_rest
    document why slipway why --json
    expect_equal "$(jq -r .cause "$stdout")" modes
    expect_equal "$(jq -r '.edits[0] | .do + " " + .mode' "$stdout")" "set-mode 0644" "the edit"
    # After these edits the next build hits.
    jq -r '.edits[] | .mode + " " + .file' "$stdout" | while read -r mode file; do chmod "$mode" "$file"; done
    run on b docker build -t app app
    expect_cached all
    await 60 at_rest
    document log --lines slipway log --json
    document stats slipway stats --json
    document status slipway status --json
    document doctor slipway doctor --json
    document explain slipway explain --json -- docker build -t app app
    document trim slipway trim --dry-run --json
    document lint slipway lint --json app
}
turn_case 3 "the output of --json after real builds matches its schema, and an edit from why makes the next build hit" valid_documents

counted_builds() {
    project app
    run on a docker build -t app app
    published
    run on b docker build -t app app
    await 60 at_rest
    run on b slipway metrics
    cat >parse.py <<'PY'
import sys
from prometheus_client.openmetrics.parser import text_fd_to_metric_families
samples = {s.name: s.value for f in text_fd_to_metric_families(sys.stdin) for s in f.samples}
print(*(int(samples["slipway_" + name]) for name in ("builds_total", "steps_cached_total", "steps_executed_total", "exports_total", "store_keys")))
print(samples["slipway_exported_bytes_total"] > 0, samples["slipway_saved_seconds_total"] > 0)
PY
    expect_equal "$("$python" parse.py <"$stdout")" "2 4 4 2 1
True True" "what was counted"
    run on b slipway report --html page.html
    grep -q 'never-built' page.html || fail "the report does not tell why the first build missed"
}
test_case "real builds are counted, and reported with the cause of their misses" counted_builds

builder_documents() {
    python3 "$root/Tests/EndToEnd/builder.py" "$place/s" "$(socket a)" >ready &
    await 10 grep -q ready ready
    local line words
    for line in 'builder-add slipway builder add team unix://'"$place/s"' --json' 'builder-check slipway builder check team --json' \
        'builder-check slipway builder check none-such --json' 'builder-list slipway builder list --json' \
        'builder-remove slipway builder remove team --json'; do
        read -r -a words <<<"$line"
        document "${words[0]}" env BUILDX_CONFIG="$place/buildx" "${words[@]:1}"
    done
}
turn_case 10 "what builder --json prints is as its schema says" builder_documents
