#!/usr/bin/env bash
# Examples/sandbox, built on a base made with debootstrap: its cache mounts are used, and a second engine gets it from
# the store. All of it takes minutes, so it runs only with SLIPWAY_TESTS_ALL=1, and the part that needs Python in one run of ten:
# `packages` and `lint` show in every run that cache mounts are used.

# shellcheck disable=SC2016 # the containers' shells
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
# shellcheck source=Tests/EndToEnd/packages/lib.bash
. "$root/Tests/EndToEnd/packages/lib.bash"
need python3
need wget
engine a sid containerd
engine b sid containerd
limit=1500

# An index decides whether pip may keep what it fetches, and mirrors often say no. So two packages from an index of
# ours, which counts, are requested besides the real ones.
base_image() {
    local name home=$work place=$work/build
    mkdir "$work/sandbox-base"
    for name in a b; do "$root/Tests/EndToEnd/sandbox/base" "$name"; done
    cp "$indexes/ca.pem" "$work/sandbox-base"
    printf '%s\n' 'FROM slipway/debian:1' 'COPY ca.pem /ca.pem' 'RUN cat /ca.pem >>/usr/local/share/machine.pem' \
        "ENV PIP_EXTRA_INDEX_URL=$(sed -n 's/^PIP_INDEX_URL=//p' "$indexes/environment")" >"$work/sandbox-base/Dockerfile"
    direct a docker build --tag debian-and-index "$work/sandbox-base"
    # The same image on both engines; otherwise no step would be the same.
    direct a docker save debian-and-index | direct b docker load
}
linted() {
    run on a slipway lint "$root/Examples/sandbox"
    expect [ ! -s "$stdout" ]
}
test_case "the linter has nothing against it" linted

if ! turn 10; then
    left_out=1
    exit
fi
serve_packages
echo "# engines a and b: a base made by debootstrap"
# Not in a condition: set -e would be ignored.
(set -e; base_image) >"$work/base.log" 2>&1 </dev/null
made=$?
[[ $made == 0 ]] || { sed 's/^/    # /' "$work/base.log"; exit 1; }

build() {
    run on "$1" docker build --network=host --build-arg BASE=debian-and-index "${@:3}" "$2"
}
example() {
    cp -r "$root/Examples/sandbox" sandbox
    echo slw-tree >>sandbox/requirements.txt
    git -c init.defaultBranch=main init --quiet sandbox
    git -C sandbox remote add origin "https://example.invalid/team/$(unique).git"
    commit sandbox
}

python_half() {
    example
    downloading 2 build a sandbox --target python -t half
    run direct a docker run --rm half /opt/python/bin/python -c '
import pip, bs4, openpyxl, pandas, pypdf, docx, reportlab, requests, slw_leaf
assert int(pip.__version__.split(".")[0]) >= 24, pip.__version__
print(pandas.DataFrame({"a": [1, 2]}).sum().iloc[0])'
    expect_said 3

    # Changed lines run again, and fetch only what is new.
    sed -i 's/python3 python3-venv$/python3 python3-venv tree/' sandbox/Dockerfile
    echo '# changed' >>sandbox/requirements.txt
    downloading 0 build a sandbox --target python -t half
    grep -qE 'Need to get [0-9.]+ k?B/[0-9.]+ MB of archives' "$stderr" || fail "what apt had fetched was not used"

    build b sandbox --target python -t half
    expect_cached all
}
test_case "the Python half: changed lines fetch only what is new, a second engine fetches nothing" python_half

is_healthy() { [[ $(direct b docker inspect --format '{{.State.Health.Status}}' "$1") == healthy ]]; }
whole() {
    example
    build a sandbox -t sandbox
    expect_equal "$(direct a docker image inspect sandbox | jq -c '.[0].Config | [.User, .WorkingDir, .Entrypoint, (.Healthcheck.Test | length)]')" \
        '["sandbox","/workspace",["tini","--"],4]' "the image"
    note "size: $(direct a docker image inspect --format '{{.Size}}' sandbox)"
    SECONDS=0
    build b sandbox -t sandbox
    note "on a second engine: $SECONDS s"
    expect_cached all

    run on b SLIPWAY_PROFILE=sandbox docker run --rm --network=host sandbox sh -ec '
        test "$(id -u)" = 1000
        touch /cache/pip/x /cache/npm/x /cache/x /workspace/x
        for program in curl wget jq tree git node npm python3 pip cc make; do "$program" --version >/dev/null; done
        python3 -c "import bs4, openpyxl, pandas, pypdf, docx, reportlab, requests"
        echo "int main(void) { return 0; }" >/tmp/a.c && cc -o /tmp/a /tmp/a.c && /tmp/a
        pip install --quiet six && python3 -c "import six"'
    run direct b docker run -d --name healthy --health-interval=1s sandbox
    await 30 is_healthy healthy
    run direct b docker rm --force healthy
}
[[ ${SLIPWAY_TESTS_ALL-} != 1 ]] || test_case "all of it: what is in it, and a second engine fetches nothing" whole
