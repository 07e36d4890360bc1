# shellcheck shell=bash disable=SC2154
# Files for other programs, checked against their schemas.

# Validators of PyPI's, some seconds to install: where all tests are asked for.
valid() { # valid SCHEMA FILE...
    "$python" -m check_jsonschema --builtin-schema "vendor.$1" "${@:2}"
}
if [[ ${SLIPWAY_TESTS_ALL-} == 1 ]]; then
    need check_jsonschema
    check "check-jsonschema is there" "$python" -c "import check_jsonschema"
    check "the workflows are ones of GitHub's" valid github-workflows "$sources"/.github/workflows/*.yml
    check "the issue forms are" valid github-issue-forms "$sources"/.github/ISSUE_TEMPLATE/[0-9]*.yml
    check "and their choice" valid github-issue-config "$sources/.github/ISSUE_TEMPLATE/config.yml"
    printf '%s\n' 'on: push' 'jobs: {one: {runs-on: x, step: []}}' >"$T/wrong.yml"
    check "a wrong workflow is none" not valid github-workflows "$T/wrong.yml"
    need reuse
    check "reuse is there" "$python" -c "import reuse"
    check "every file has a copyright and a licence" "$python" -m reuse --root "$sources" lint --quiet
fi
check "each bug's form asks for the doctor's findings" grep -q 'slipway doctor --json' "$sources/.github/ISSUE_TEMPLATE/1-bug.yml"
check "the dashboard is JSON" jq -e '.panels | length > 0' "$sources/Examples/monitoring/grafana.json"
# Every series that the dashboard uses exists.
at "$T/formats" metrics >"$T/series"
while IFS= read -r series; do
    check "the dashboard's $series exists" grep -qE "^# TYPE ${series%_total} " "$T/series"
done < <(jq -r '.. | .expr? // empty' "$sources/Examples/monitoring/grafana.json" | grep -oE 'slipway_[a-z_]+' | grep -v '^slipway_store_' | sort -u)
