# shellcheck shell=bash disable=SC2154
# The output of --json, checked against the schemas in docs/schemas. The end-to-end suite "documents" does this after
# real builds.

need jsonschema python3-jsonschema
check "jsonschema is there" "$python" -c "import jsonschema"
home=$T/json
now=$(date +%s)
journal "$home" "$(command_line "$now" build true SLP001 SLP002)" "$(command_line "$now" build false SLP205)" \
    "$(command_line "$now" remote false SLP913)"
ledger "$home" "$(build_line "$now" r 1500 c)"
printf '%s\n' 'FROM debian:latest' 'RUN apt-get update' 'RUN --mount=type=cache,target=/root/.cache/pip pip install --no-cache-dir flask' >"$T/Dockerfile"
# valid_document NAME WORD...: the document that a command prints
valid_document() {
    local name=$1
    shift
    at "$home" "$@" >"$T/document" 2>"$T/said"
    "$python" "$here/validate.py" "$name" "${lines[@]}" <"$T/document" || { head -c 2000 "$T/document"; return 1; }
}
lines=()
check "version" valid_document version version --json
check "settings" valid_document settings settings --json
check "stats" valid_document stats stats --json
check "status" valid_document status status --json
check "doctor" valid_document doctor doctor --json
check "lint" valid_document lint lint --json "$T/Dockerfile"
check "  with edits" jq -e 'any(.edits | length > 0)' "$T/document"
check "trim" valid_document trim trim --dry-run --json
check "store init" valid_document store-init store init --json "$T/made"
check "paths" valid_document paths paths --json
check "an error in a document's place" valid_document error pull --json
lines=(--lines)
check "log" valid_document log log --json
lines=()
check "a document with a member that no schema names is refused" not "$python" "$here/validate.py" version <<<'{"version": "1", "more": 1}'
check "and one that lacks one" not "$python" "$here/validate.py" version <<<'{}'

# lint's edits are those that --fix makes.
at "$home" lint --json "$T/Dockerfile" >"$T/findings"
cp "$T/Dockerfile" "$T/fixed"
at "$home" lint --fix "$T/fixed" >/dev/null
python3 - "$T/Dockerfile" "$T/findings" >"$T/edited" <<'PY'
import json, sys
text = open(sys.argv[1], "rb").read()
edits = {(edit["from"], edit["to"], edit["text"].encode()) for finding in json.load(open(sys.argv[2])) for edit in finding["edits"]}
for begin, end, new in sorted(edits, reverse=True):
    text = text[:begin] + new + text[end:]
sys.stdout.buffer.write(text)
PY
check "and they are what --fix does" cmp "$T/edited" "$T/fixed"
