#!/bin/sh
# Runs in the builder container: fetches packages into the directory ROOT, where they will be mounted later too, since some tools
# keep paths. What is to be fetched lies in the folder INPUTS, one name a line, never in the text of a command.
#
#     sh -c "$(cat builder.sh)" slipway ROOT INPUTS [FROM]
#
# With FROM, what is there is copied first. Standard output is for the program that started this, a line for each fact, with
# tabs between its words; what the tools print goes to standard error. Ends with 0 after "finished", with 1 after "fail".
set -u
umask 022
LC_ALL=C
export LC_ALL
root=$1 inputs=$2 from=${3-}
exec 3>&1 1>&2 </dev/null
tab=$(printf '\t')

tell() { (IFS=$tab; printf '%s\n' "$*") >&3; }
fail() { tell fail "$@"; failed=1; return 1; }
failed=0

for program in find sort sha256sum stat chmod chown mkdir rm sed head du; do
    command -v "$program" >/dev/null || { fail program-missing "$program"; exit 1; }
done

# The work stays out of /tmp: an image may have none.
work=$inputs/work
TMPDIR=$inputs/tmp
export TMPDIR
mkdir -p "$work" "$TMPDIR" || { fail no-room "$inputs"; exit 1; }

# fresh: an empty folder to work in, and the shell in it.
fresh() {
    cd / || return
    rm -rf "$work/now" && mkdir -p "$work/now" || return
    cd "$work/now" || return
}

# pip says nothing when it cannot keep what it has downloaded. Then there is no room for the largest of it now, either.
keeps_room() {
    largest=$(find "$work/now" -type f -exec ls -S {} + | head -n 1)
    [ -n "$largest" ] || return 0
    cp "$largest" "$root/pip/.room"
    copied=$?
    rm -f "$root/pip/.room"
    return "$copied"
}

# -- pip ------------------------------------------------------------------------------------------------------------------

PIP_CACHE_DIR=$root/pip PIP_NO_CACHE_DIR='' PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export PIP_CACHE_DIR PIP_NO_CACHE_DIR PIP_DISABLE_PIP_VERSION_CHECK PIP_NO_INPUT

# A line "FORMAT MINOR VERSION KIND PROGRAM" for each pip: since 23.3 its cache has another format, and built wheels are
# kept for each minor version of Python.
list_pips() {
    IFS=:
    # shellcheck disable=SC2086 # PATH is split here
    set -- $PATH /usr/local/bin /usr/bin /opt/*/bin /root/.pyenv/versions/*/bin
    unset IFS
    seen=:
    for directory; do
        directory=$(cd -P -- "$directory" 2>/dev/null && pwd) || continue
        case $seen in *":$directory:"*) continue ;; esac
        seen=$seen$directory:
        for program in "$directory"/pip "$directory"/pip3 "$directory"/pip3.* \
            "$directory"/python3 "$directory"/python3.* "$directory"/python; do
            if [ ! -f "$program" ] || [ ! -x "$program" ]; then continue; fi
            case ${program##*/} in
                *-config) continue ;;
                python*) kind=module said=$("$program" -m pip --version 2>/dev/null) || continue ;;
                *) kind=program said=$("$program" --version 2>/dev/null) || continue ;;
            esac
            # "pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)"
            version=${said#pip } version=${version%% *}
            python=${said##*(python } python=${python%)*}
            major=${version%%.*} rest=${version#*.} minor=${rest%%.*}
            case $major$minor in '' | *[!0-9]*) continue ;; esac
            format=http-v2
            [ "$major" -gt 23 ] || { [ "$major" -eq 23 ] && [ "$minor" -ge 3 ]; } || format=http
            printf '%s %s %s %s %s\n' "$format" "$python" "$version" "$kind" "$program"
        done
    done
}

warm_pip() {
    tell step "looking for pip"
    list_pips >"$work/pips"
    [ -s "$work/pips" ] || { fail tool-missing pip; return; }
    set --
    while IFS= read -r file; do set -- "$@" -r "$file"; done <"$inputs/pip/files"
    set -- "$@" --
    while IFS= read -r name; do set -- "$@" "$name"; done <"$inputs/pip/names"
    done=:
    while read -r format python version kind program <&4; do
        case $done in *":$format $python:"*) continue ;; esac
        done="$done$format $python:"
        tell tool pip "$version" "$python"
        tell step "pip $version for Python $python"
        fresh || { fail no-room "$work"; return; }
        case $kind in
            module) "$program" -m pip wheel --cache-dir "$root/pip" --progress-bar off --wheel-dir "$work/now" "$@" 4<&- ;;
            *) "$program" wheel --cache-dir "$root/pip" --progress-bar off --wheel-dir "$work/now" "$@" 4<&- ;;
        esac || { fail tool-failed "pip $version for Python $python" "$?"; return; }
        keeps_room || { fail no-room "$root/pip"; return; }
    done 4<"$work/pips"
    [ -n "$(find "$root/pip/http" "$root/pip/http-v2" -type f 2>/dev/null | head -n 1)" ] || tell note pip-not-cacheable
}

# -- npm ------------------------------------------------------------------------------------------------------------------

NPM_CONFIG_CACHE=$root/npm NPM_CONFIG_AUDIT=false NPM_CONFIG_FUND=false NPM_CONFIG_UPDATE_NOTIFIER=false
NPM_CONFIG_PROGRESS=false NPM_CONFIG_LOGLEVEL=warn
export NPM_CONFIG_CACHE NPM_CONFIG_AUDIT NPM_CONFIG_FUND NPM_CONFIG_UPDATE_NOTIFIER NPM_CONFIG_PROGRESS NPM_CONFIG_LOGLEVEL

# Tarballs are found by their digests, and last; lists of versions do not: with their index they can fail an npm that may not
# change them (npm 9), and with an index but without what it names npm 10 fails.
# shellcheck disable=SC2016 # this is JavaScript
npm_tidy() {
    rm -rf "$root/npm/_logs" "$root/npm/_cacache/index-v5" "$root"/npm/_update-notifier*
    # In a shared volume another container's npm may be writing there.
    [ "$root" = /cache ] || rm -rf "$root/npm/_cacache/tmp"
    [ -d "$root/npm/_cacache/content-v2" ] || return 0
    node -e '
        const fs = require("fs"), path = require("path"), head = Buffer.alloc(2);
        const walk = (folder) => {
            for (const entry of fs.readdirSync(folder, {withFileTypes: true})) {
                const name = path.join(folder, entry.name);
                if (entry.isDirectory()) { walk(name); continue; }
                const file = fs.openSync(name, "r");
                const count = fs.readSync(file, head, 0, 2, 0);
                fs.closeSync(file);
                if (count < 2 || head[0] !== 0x1f || head[1] !== 0x8b) fs.unlinkSync(name);
            }
        };
        walk(process.argv[1]);
    ' "$root/npm/_cacache/content-v2"
}

warm_npm() {
    if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
        fail tool-missing npm
        return
    fi
    version=$(npm --version 2>/dev/null)
    tell tool npm "$version"
    for project in "$inputs"/npm/projects/*/; do
        [ -d "$project" ] || continue
        tell step "npm $version: a lock file"
        (cd "$project" && npm ci --ignore-scripts) || { fail tool-failed "npm ci" "$?"; return; }
    done
    while IFS= read -r name <&4; do
        tell step "npm $version: $name"
        fresh || { fail no-room "$work"; return; }
        # With what it needs, as far as that is known without a lock file.
        echo '{"name":"warm","version":"1.0.0","private":true}' >package.json
        (npm install --ignore-scripts --no-save --no-package-lock -- "$name") 4<&- ||
            { fail tool-failed "npm install $name" "$?"; return; }
    done 4<"$inputs/npm/names"
    npm_tidy || { fail tool-failed "cleaning npm's cache" "$?"; return; }
}

# -- uv, yarn, go ---------------------------------------------------------------------------------------------------------

warm_uv() {
    command -v uv >/dev/null || { fail tool-missing uv; return; }
    version=$(uv --version 2>/dev/null) version=${version#uv } version=${version%% *}
    tell tool uv "$version"
    tell step "uv $version"
    fresh || { fail no-room "$work"; return; }
    set --
    while IFS= read -r file; do set -- "$@" -r "$file"; done <"$inputs/uv/files"
    set -- "$@" --
    while IFS= read -r name; do set -- "$@" "$name"; done <"$inputs/uv/names"
    UV_CACHE_DIR=$root/uv UV_LINK_MODE=copy UV_NO_PROGRESS=1 uv pip install --target "$work/now" "$@" ||
        fail tool-failed "uv $version" "$?"
}

warm_yarn() {
    yarn=$(command -v yarn || command -v yarnpkg) || { fail tool-missing yarn; return; }
    version=$("$yarn" --version 2>/dev/null)
    case $version in 1.*) ;; *) fail tool-wrong "yarn $version: its cache is known for yarn 1 only"; return ;; esac
    YARN_CACHE_FOLDER=$root/yarn
    export YARN_CACHE_FOLDER
    tell tool yarn "$version"
    for project in "$inputs"/yarn/projects/*/; do
        [ -d "$project" ] || continue
        tell step "yarn $version: a lock file"
        (cd "$project" && "$yarn" install --frozen-lockfile --ignore-scripts --non-interactive --no-progress) ||
            { fail tool-failed "yarn install" "$?"; return; }
    done
    while IFS= read -r name <&4; do
        tell step "yarn $version: $name"
        fresh || { fail no-room "$work"; return; }
        echo '{"name":"warm","version":"1.0.0","private":true}' >package.json
        "$yarn" add --ignore-scripts --non-interactive --no-progress --no-lockfile -- "$name" 4<&- ||
            { fail tool-failed "yarn add $name" "$?"; return; }
    done 4<"$inputs/yarn/names"
    rm -rf "$root"/yarn/v*/.tmp
}

warm_go() {
    command -v go >/dev/null || { fail tool-missing go; return; }
    version=$(go env GOVERSION 2>/dev/null) version=${version#go}
    GOMODCACHE=$root/go/mod GOCACHE=$root/go/build GOFLAGS="${GOFLAGS-} -modcacherw"
    export GOMODCACHE GOCACHE GOFLAGS
    mkdir -p "$GOMODCACHE" "$GOCACHE" || { fail no-room "$root"; return; }
    tell tool go "$version"
    for project in "$inputs"/go/projects/*/; do
        [ -d "$project" ] || continue
        tell step "go $version: a module"
        (cd "$project" && go mod download) || { fail tool-failed "go mod download" "$?"; return; }
    done
    while IFS= read -r name <&4; do
        tell step "go $version: $name"
        fresh || { fail no-room "$work"; return; }
        (go mod init slipway.invalid/warm && go get -- "$name" && go mod download) 4<&- ||
            { fail tool-failed "go get $name" "$?"; return; }
    done 4<"$inputs/go/names"
}

# -- All of it ------------------------------------------------------------------------------------------------------------

# Only what lacks a bit is touched: in a view, a change copies the whole file up.
normalise() {
    for part in "$root/pip" "$root/npm" "$root/uv" "$root/yarn" "$root/go"; do
        [ -d "$part" ] || continue
        find "$part" \( ! -user 0 -o ! -group 0 \) -exec chown -h 0:0 {} + &&
            find "$part" -type d ! -perm -0777 -exec chmod a+rwx {} + &&
            find "$part" -type f ! -perm -0666 -exec chmod a+rw {} + &&
            find "$part" -type f -perm -0100 ! -perm -0111 -exec chmod a+x {} + || return
    done
}

# Of sorted names, types, modes and contents.
digest() {
    cd "$root" || return
    set --
    for part in pip npm uv yarn go; do [ -d "$part" ] && set -- "$@" "$part"; done
    [ $# -gt 0 ] || { tell files 0; return 0; }
    find "$@" ! -type l -exec stat -c '%f %n' {} + >"$work/list" &&
        find "$@" -type f -exec sha256sum {} + >>"$work/list" &&
        find "$@" -type l -exec sh -c 'for l; do printf "%s -> %s\n" "$l" "$(readlink "$l")"; done' sh {} + >>"$work/list" &&
        sort "$work/list" >"$work/sorted" && sum=$(sha256sum <"$work/sorted") && tell digest "${sum%% *}" || return
    find "$@" -type f >"$work/files" && tell files "$(sed -n '$=' "$work/files")"
    size=$(du -sk "$@" | { sum=0; while read -r size _; do sum=$((sum + size)); done; echo "$sum"; }) && tell size "$size"
}

# One run at a time fills the shared volumes, where the image has flock; the kernel drops the locks with the container.
if [ "$root" = /cache ] && command -v flock >/dev/null; then
    tell step "waiting for other runs"
    if [ -d "$root/pip" ]; then exec 8<"$root/pip" && flock 8; fi
    if [ -d "$root/npm" ]; then exec 9<"$root/npm" && flock 9; fi
fi
if [ -n "$from" ]; then
    tell step "copying what is there"
    cp -a "$from/." "$root/" || { fail no-room "$root"; exit 1; }
fi
# Without it the engine would take over an image's files and modes into a volume that is still empty.
if [ "$root" != /cache ]; then
    { : >"$root/.slipway"; } || { fail no-room "$root"; exit 1; }
    chmod a+rw "$root/.slipway"
    chmod a+rwx "$root"
fi
for tool in pip npm uv yarn go; do
    [ -d "$inputs/$tool" ] || continue
    mkdir -p "$root/$tool" || { fail no-room "$root"; break; }
    case $tool in
        pip) warm_pip ;;
        npm) warm_npm ;;
        uv) warm_uv ;;
        yarn) warm_yarn ;;
        go) warm_go ;;
    esac
    [ "$failed" = 0 ] || break
done
tell step "owners and modes"
# What another container removes meanwhile is missed by find: a second time it is not there.
normalise || normalise || normalise || fail no-room "$root"
[ "$failed" = 0 ] || exit 1
for tool in pip npm uv yarn go; do
    if [ -n "$(find "$root/$tool" -type f 2>/dev/null | head -n 1)" ]; then
        tell kept "$tool"
    else
        rmdir "$root/$tool" "$root/$tool"/* 2>/dev/null
    fi
done
tell step "digest"
digest || digest || { fail no-room "$work"; exit 1; }
tell finished
