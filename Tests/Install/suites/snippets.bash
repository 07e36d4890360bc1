#!/usr/bin/env bash
# The lines that shells read, and what shellcheck says.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

readarray -t rooms < <(cd "$sources" && printf '%s\n' installer/*.sh)
sed "s|@SHIMS@|'/s'|" "$sources/shims/slipway.sh" >"$T/snippet"
# PATH is set inside the shell: zsh reads files even for -c, and on a machine with Slipway these have already put it
# first.
for shell in dash bash zsh "busybox sh"; do
    installed "${shell%% *}" || { skip "no $shell"; continue; }
    for pair in "/a:/b=/s:/a:/b" "/s:/a=/s:/a" "/a:/s:/s:/b:/s=/s:/a:/b" ":/a=/s::/a" "/a:=/s:/a:" "/ss:/a/s=/s:/ss:/a/s"; do
        # shellcheck disable=SC2046
        got=$(env -i HOME="$T" "$(command -v "${shell%% *}")" $([[ $shell != *\ * ]] || echo sh) -euc "PATH=${pair%%=*}; . $T/snippet; . $T/snippet; echo \"\$PATH\${_slipway_path-}\${_slipway_shims-}\"")
        equal "slipway.sh in $shell: ${pair%%=*}" "$got" "${pair#*=}"
    done
done

if installed shellcheck; then
    for file in install.sh shims/slipway.sh "${rooms[@]}"; do
        check "shellcheck $file" shellcheck -x -P SCRIPTDIR "$sources/$file"
    done
    # Each part is checked without the names of the others; together they must know all names.
    together() { (cd "$sources" && sed '/^# shellcheck shell=sh disable=/d' install.sh "${rooms[@]}" | shellcheck -s sh -e SC1090,SC1091 -) >"$T/out"; }
    check "shellcheck of all rooms together" together
else
    skip "no shellcheck"
fi
for file in install.sh "${rooms[@]}"; do check "$file has at most 300 lines" test "$(wc -l <"$sources/$file")" -le 300; done
