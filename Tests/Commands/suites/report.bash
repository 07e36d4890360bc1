# shellcheck shell=bash disable=SC2154
# `slipway report` in a real browser.

home=$T/report
# SLIPWAY_PICTURES=DIR writes the picture of docs/ there, without the name that attempts an injection: the same whenever it is made.
evil='</td><script>document.title=1</script>'
[[ -z ${SLIPWAY_PICTURES-} ]] || evil=example.invalid/team/docs
python3 - "$home" "$evil" <<'PY'
import json, os, random, sys
home, evil = sys.argv[1:]
state = home + "/.local/state/slipway"
os.makedirs(state)
chance = random.Random(7)
began = 1_790_000_000  # 2026-09-21
names = ["example.invalid/team/shop", "example.invalid/team/payments", "example.invalid/tools/site", evil]
with open(state + "/builds.jsonl", "w") as ledger, open(state + "/journal.jsonl", "w") as journal:
    for number in range(400):
        time = began + number * 5400 + chance.randrange(5000)
        name = chance.choice(names[:1] * 5 + names[1:2] * 3 + names[2:3] * 2 + (names[3:] if number > 300 else []))
        first = chance.choice([1, 2, 3, 9, 9, 9, 9]) if number > 20 else 1
        steps = [{"stage": "", "number": step + 2, "word": ["RUN", "COPY", "RUN", "COPY", "RUN"][step], "digest": "%03x" % step,
                  "cached": step + 1 < first, "milliseconds": 0 if step + 1 < first else [41000, 300, 18500, 700, 6200][step]}
                 for step in range(5)]
        ledger.write(json.dumps({"began": time, "pid": number + 2, "repository": name, "export": None, "imported": True,
            "dockerfile": "", "outcome": {"format": 1, "steps": steps, "bases": [], "export": None}}) + "\n")
        code, said = chance.choice([("SLP001", "layers are imported from the store")] * 8 + [("SLP205", "docker before 23 builds without buildx")])
        journal.write(json.dumps({"time": time, "pid": number + 2, "command": "build", "directory": "/w", "changed": code == "SLP001",
            "notes": [{"code": code, "message": said}]}) + "\n")
PY
page=$T/report.html
check "slipway report --html" at "$home" report --html "$page"
equal "only its owner may read it" "$(stat -c %a "$page")" 600
check "it has less than 300 kB" test "$(stat -c %s "$page")" -lt 300000
check "the same on standard output" bash -c "env -i HOME='$home' '$slipway' report --html - | tail -n 1 | grep -qx '</html>'"
equal "the short one begins with what was saved" "$(at "$home" report | head -n 1 | grep -oE 'saved, .* spent on exports, [0-9]+ builds')" "saved, 0 s spent on exports, 400 builds"
mkdir "$T/opener"
printf '%s\n' '#!/bin/sh' 'echo "$@"' >"$T/opener/xdg-open"
chmod +x "$T/opener/xdg-open"
equal "--open shows it" "$(env -i HOME="$home" PATH="$T/opener:/usr/bin:/bin" "$slipway" report --open | tail -n 1)" "$home/.local/state/slipway/report.html"
check "without a browser it says where the page is" bash -c "! env -i HOME='$home' PATH=/nowhere '$slipway' report --open 2>'$T/err' && grep -q 'file://$home/.local/state/slipway/report.html' '$T/err'"

# In Chromium: what it logs, what it requests from the network, and whether the page is wider than the window.
browser=$(command -v chromium chromium-browser google-chrome | head -n 1)
if [[ -z $browser && ${SLIPWAY_TESTS_ALL-} == 1 && $EUID == 0 ]]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null 2>&1 </dev/null
    browser=$(command -v chromium)
fi
look() { # look WIDTH OPTION...: writes $T/WIDTH.png, and Chromium's log to $T/log
    local width=$1
    shift
    timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run \
        --disable-background-networking --user-data-dir="$T/browser" --enable-logging=stderr --v=0 \
        --window-size="$width,1800" "$@" "file://$page" >"$T/seen" 2>"$T/log"
}
if [[ -n $browser ]]; then
    for width in 390 1280; do
        check "$width px: Chromium shows it" look "$width" --screenshot="$T/$width.png"
        equal "$width px: nothing on the console" "$(grep CONSOLE "$T/log")" ""
        check "$width px: there is a picture" test -s "$T/$width.png"
    done
    check "its document" look 1280 --dump-dom
    equal "no script ran" "$(grep -o '<title>[^<]*</title>' "$T/seen" | head -n 1)" "<title>Slipway: what builds saved</title>"
    equal "and no element of a name's" "$(grep -c '<script' "$T/seen")" 0
    if [[ -n ${SLIPWAY_PICTURES-} ]]; then
        sed -i -E 's/written [0-9-]+ [0-9:]+ UTC/written 2026-10-17 08:00 UTC/' "$page"
        check "the picture for docs/" look 1100 --window-size=1100,1024 --screenshot="$SLIPWAY_PICTURES/report.png"
    fi
elif [[ ${SLIPWAY_TESTS_ALL-} == 1 ]]; then
    check "there is a Chromium" false
fi
