# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, trust: who besides us may change what. With it goes which programs are run: they come from folders with
# a whole path, never from the one that this runs in, and root runs none that somebody else could have put there.

given_path=${PATH-}
root_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
user_path=/usr/local/bin:/usr/bin:/bin

# path_entries PATH COMMAND...: of its absolute entries those for which the command succeeds, as a PATH again.
path_entries() (
    rest=$1:
    shift
    kept=
    while [ -n "$rest" ]; do
        entry=${rest%%:*}
        rest=${rest#*:}
        case $entry in /*) if "$@" "$entry"; then kept=${kept:+$kept:}$entry; fi ;; esac
    done
    say "$kept"
)
PATH=$(path_entries "$given_path" :)
: "${PATH:=$root_path}"
export PATH

# The tools that judge the others.
tools=$root_path
PATH=$tools command -v stat >/dev/null 2>&1 || tools=$PATH
me=$(PATH=$tools id -u)
# The owner of "/" is root, whatever root's number is in this namespace.
roots=$(PATH=$tools stat -c %u /)

also= # one more user who may

# Whether somebody besides root and us may change what is in a folder or a file. With "sticky", a folder like /tmp will do:
# others may add to it, and cannot replace.
foreign() { # foreign PATH [sticky]
    # shellcheck disable=SC2046 # two words
    set -- "${2-}" $(PATH=$tools stat -L -c '%u %a' -- "$1" 2>/dev/null)
    case ${2:-none} in "$me" | "$roots" | "$also") ;; *) return 0 ;; esac
    case $1:$3 in sticky:[1357]???) return 1 ;; *[2367]) return 0 ;; esac
    return 1
}

# outsider PATH: the first of what stands there and the folders above it that somebody else may change; fails if there is none.
outsider() (
    place=$1
    while [ ! -e "$place" ]; do place=$(dirname -- "$place"); done
    place=$(readlink -f -- "$place") || exit 0
    while ! foreign "$place" sticky; do
        [ "$place" != / ] || exit 1
        place=$(dirname -- "$place")
    done
    say "$place"
)

if [ "$me" = 0 ]; then
    # The owner of these sources already decides what root runs.
    also=$(PATH=$tools stat -c %u -- "$here")
    is_safe() { ! foreign "$1"; }
    PATH=$(path_entries "$PATH" is_safe)
    : "${PATH:=$root_path}"
    also=
fi
