# shellcheck shell=bash disable=SC2154,SC2016
# What the pages tell people to write into settings files is accepted as it stands there: whoever copies it has no file to correct.

told() {
    local page=$1
    sed -nE 's/^ {0,4}([a-z][a-z.-]* = .*)/\1/p' "$page"
    grep -oE '`[a-z][a-z.-]* = [^`]+`' "$page" | tr -d '`' | grep -vx 'key = value'
}
settings_are_accepted() {
    local home=$T/settings/$1 said
    mkdir -p "$home/.config/slipway"
    cat >"$home/.config/slipway/slipway.conf"
    [[ -s $home/.config/slipway/slipway.conf ]] || return
    said=$(at "$home" settings 2>&1 >/dev/null)
    printf '%s' "$said"
    [[ -z $said ]]
}
pages=0
for page in "$sources"/docs/*.md "$sources"/README.md; do
    name=$(basename "$page")
    [[ -n $(told "$page") ]] || continue
    pages=$((pages + 1))
    check "settings that $name names" settings_are_accepted "$name" < <(told "$page")
done
check "pages name settings" test "$pages" -gt 5
