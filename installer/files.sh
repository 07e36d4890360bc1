# shellcheck shell=sh disable=SC2034,SC2154 # rooms use each other's names; Tests/Install checks them together
# Slipway's install.sh, files: what is ours, what was put in place (the manifest), and changing things: each whole or not
# at all, and not touched when it already is as it should be.

# Both programs carry this marker in an ELF note, which stays when they are stripped.
is_shim() { [ -f "$1" ] && [ -r "$1" ] && grep -aq SLIPWAY-SHIM "$1" 2>/dev/null; }

# Our text files name us in the first lines.
is_text_of_ours() { [ -f "$1" ] && head -n 3 -- "$1" 2>/dev/null | grep -q -e '^# .*Slipway' -e '^\.\\" .*Slipway'; }

is_ours() {
    case $1 in
    */docker | */bin/slipway) is_shim "$1" ;;
    *) is_text_of_ours "$1" ;;
    esac
}

# first_docker PATH [real]: the first docker on a PATH; with "real", the first that is not ours, in a folder with a whole path.
first_docker() (
    rest=$1:
    while [ -n "$rest" ]; do
        folder=${rest%%:*}
        rest=${rest#*:}
        file=${folder:-.}/docker
        if ! [ -f "$file" ] || ! [ -x "$file" ]; then continue; fi
        if [ "${2-}" = real ]; then
            case $file in /*) ;; *) continue ;; esac
            if is_shim "$file"; then continue; fi
        fi
        say "$file"
        exit 0
    done
    exit 1
)

# A word for a shell of the sh family.
quote() {
    case $1 in
    *[!A-Za-z0-9/._+@%,=-]*) printf "'%s'\n" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) say "$1" ;;
    esac
}

# ---------------------------------------------------------------------------------------------------------------------
# The manifest, one a line: "dir" (made by us), "file", "link", "block"; "absent" (a folder that was not there before us: it goes
# if what the shim has kept in it was all); "end" where it is whole

: >"$work/manifest"

record() {
    [ -z "$dry" ] || return 0
    grep -qxF -- "$1 $2" "$work/manifest" || printf '%s %s\n' "$1" "$2" >>"$work/manifest"
    mutated=1
}

forget() {
    grep -vxF -- "$1 $2" "$work/manifest" >"$work/manifest.less"
    mv -f -- "$work/manifest.less" "$work/manifest"
}

manifest_is_whole() { [ "$(tail -n 1 -- "$manifest" 2>/dev/null)" = end ]; }

# What an earlier install put in place stays known, as long as it is there.
load_manifest() {
    [ -f "$manifest" ] || return 0
    while read -r kind path; do
        case $kind in
        dir | absent) ;;
        file | link | block) [ -e "$path" ] || [ -L "$path" ] || continue ;;
        *) continue ;;
        esac
        printf '%s %s\n' "$kind" "$path"
    done <"$manifest" >"$work/manifest"
}

# remove_folders MANIFEST: those that we made, if nothing is in them; those inside others come first.
remove_folders() {
    sed -n 's/^dir //p' "$1" | sort -r | while IFS= read -r path; do rmdir -- "$path" 2>/dev/null; done
}

save_manifest() {
    if [ ! -d "$home" ]; then
        remove_folders "$work/manifest"
        mutated=
        return
    fi
    {
        say "# What Slipway's install.sh put in place; --uninstall reads it."
        say "scope $scope"
        say "prefix $prefix"
        sort -u "$work/manifest"
        say end
    } >"$work/manifest.new"
    replace "$work/manifest.new" "$manifest" 644
    mutated= # last: whoever is interrupted before this saves it again
}

# ---------------------------------------------------------------------------------------------------------------------
# Changing things

changes=0
failed=

# doing WHAT: counts a change; fails if it is only to be told.
doing() {
    changes=$((changes + 1))
    if [ -n "$dry" ]; then
        say "would $*"
        return 1
    fi
    mutated=1
}

make_folder() {
    [ -z "$dry" ] || return 0
    [ ! -d "$1" ] || return 0
    make_folder "$(dirname -- "$1")" || return 1
    record dir "$1" # first: an interruption comes between
    mkdir -- "$1" && return
    forget dir "$1"
    return 1
}

# replace SOURCE PATH MODE: whole or not at all ("half" is taken away in the end, and has a name that nobody can guess). A
# running program keeps the file that it has, since the new one is another file.
replace() {
    half=$(mktemp -- "$2.new-XXXXXX") || return 1
    cat -- "$1" >"$half" && chmod "$3" "$half" && mv -f -- "$half" "$2" && return
    rm -f -- "$half"
    return 1
}

# put SOURCE PATH MODE
put() {
    make_folder "${2%/*}" || return 1
    if [ -L "$2" ] || ! cmp -s -- "$1" "$2" || [ "$(stat -c %a -- "$2")" != "$3" ]; then
        if doing "write $2"; then replace "$1" "$2" "$3" || return 1; fi
    fi
    record file "$2"
}

# put_link PATH TARGET: fails if something else has the name.
put_link() {
    if ! [ -L "$1" ] || [ "$(readlink -- "$1")" != "$2" ]; then
        if [ -e "$1" ] || [ -L "$1" ]; then return 1; fi
        make_folder "${1%/*}" || exit 1
        if doing "link $1 to $2"; then ln -s -- "$2" "$1" || exit 1; fi
    fi
    record link "$1"
}

delete() { # delete PATH [NOTE]
    doing "delete $1${2:+ ($2)}" || return 0
    if rm -rf -- "$1"; then say "removed: $1${2:+ ($2)}"; else failed=1; fi
}
