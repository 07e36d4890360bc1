#!/usr/bin/env bash
# The tutorial's code blocks, exactly as written there.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
need python3
engine a sid containerd

# block NUMBER: writes it to a file, with the expectation from its last line in $wanted; false after the last one
block() {
    wanted=$(python3 - "$root/docs/tutorial.md" "$1" "$place/block" <<'PY'
import re, sys
page, number, out = sys.argv[1:]
blocks = re.findall(r"^```sh\n(.*?)^```$", open(page, encoding="utf-8").read(), re.M | re.S)
if int(number) >= len(blocks): sys.exit(1)
text = blocks[int(number)]
wanted = re.search(r" {2,}# (.+)\n\Z", text)
open(out, "w", encoding="utf-8").write(text)
print(wanted.group(1) if wanted else "")
PY
    )
}

runner() {
    cat >runner <<'SH'
cd "$(cat "$1/folder")" || exit
. "$1/$2"
code=$?
pwd >"$1/folder"
exit "$code"
SH
    pwd >folder
}
# step FILE: runs lines in the state that the previous ones have left
step() { try on a bash "$place/runner" "$place" "$1"; }
prints() {
    step last
    grep -qF -- "$wanted" "$stdout"
}

tutorial() {
    local number=0 wanted
    runner
    direct a docker tag slipway/base:1 alpine:latest
    while block "$number"; do
        # The next build does not see a build that has not recorded its outcome yet.
        await 60 at_rest
        step block
        case $wanted in
            '') expect_code 0 ;;
            [0-9]*) expect_equal "$(tail -n 1 "$stdout")" "$wanted" "what block $number prints" ;;
            *)
                tail -n 1 block >last
                await 60 prints
                ;;
        esac
        number=$((number + 1))
    done
    expect_equal "$number" 8 blocks
    expect_not test -e hello
    direct a docker rmi --force alpine:latest >/dev/null
}
test_case "each block of the tutorial does what the tutorial says" tutorial
