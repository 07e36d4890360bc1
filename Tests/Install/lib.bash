# shellcheck shell=bash disable=SC2034 # suites use the variables
# Shared by the tests of install.sh: fake docker and slipway programs, throw-away HOMEs and roots, but real shells:
# bash, dash, zsh, fish and busybox if they are installed. A suite sources this file and is read from top to bottom.

set -u
LC_ALL=C
export LC_ALL
sources=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
T=$(mktemp -d /tmp/slipway-install-tests.XXXXXX)
chmod 755 "$T"
# shellcheck source=Tests/turn.bash
. "$sources/Tests/turn.bash"
default_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# -- Counting ---------------------------------------------------------------------------------------------------------

passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok - $1"; }
not_ok() { failed=$((failed + 1)); echo "not ok - $1"; [[ -z ${2-} ]] || printf '    # %s\n' "${2//$'\n'/$'\n'    # }"; }
# On a machine that can set up everything, nothing may be skipped.
skip() { if [[ -n ${SLIPWAY_TESTS_COMPLETE-} ]]; then not_ok "skipped: $1"; else echo "ok - # skip $1"; fi; }
# check NAME COMMAND...: the command's success is the test
check() { local name=$1; shift; if "$@"; then ok "$name"; else not_ok "$name" "$(tail -n 30 "$T/out" 2>/dev/null)"; fi; }
equal() { if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "$(diff <(echo "$2") <(echo "$3"); tail -n 30 "$T/out" 2>/dev/null)"; fi; }
not() { ! "$@"; }
installed() { command -v "$1" >/dev/null; }
said() { grep -qF -- "$1" "$T/out"; }

end_suite() {
    local status=$?
    chmod -R u+rwX "$T" 2>/dev/null
    rm -rf "$T"
    if [[ -n ${INSTALL_TEST_COUNTS-} ]]; then echo "$passed $failed" >"$INSTALL_TEST_COUNTS"; else echo "$passed passed, $failed failed"; fi
    [[ $failed == 0 ]] || exit 1
    exit "$status"
}
trap end_suite EXIT

# Folders as text: names, kinds, modes, targets of links, contents of files.
tree() { (cd "$1" && shift && find "${@:-.}" -mindepth 1 -printf '%p|%y|%m|%l\n' | sort && find "${@:-.}" -type f -exec sha256sum {} + | sort -k 2); }

# -- What is installed ------------------------------------------------------------------------------------------------

program() { # program FILE LINE...: a shell script
    local file=$1
    shift
    mkdir -p "${file%/*}"
    printf '%s\n' '#!/bin/sh' "$@" >"$file"
    chmod 755 "$file"
}
# shellcheck disable=SC2016
real_docker() { program "$1" 'echo the real docker "$@"'; }

package=$T/package
# shellcheck disable=SC2120 # suites give the version
make_package() { # make_package [VERSION]
    program "$package/bin/docker" '# SLIPWAY-SHIM' "echo shim ${1:-0.1.0}"
    program "$package/bin/slipway" '# SLIPWAY-SHIM' "echo slipway ${1:-0.1.0}"
    cp -r "$sources/installer" "$sources/shims" "$sources/install.sh" "$package/"
    echo licence >"$package/LICENSE"
    echo readme >"$package/README.md"
}
# shellcheck disable=SC2119
make_package

# A checkout of the sources, and a swift that builds: docker becomes what $checkout_docker is.
checkout=$T/check-out
checkout_docker=$package/bin/docker
plain=$T/plain # a PATH without swift, whatever this machine has
make_checkout() {
    local folder file
    mkdir -p "$checkout" "$plain"
    cp -r "$sources/installer" "$sources/shims" "$sources/install.sh" "$checkout/"
    : >"$checkout/Package.swift"
    echo licence >"$checkout/LICENSE"
    echo readme >"$checkout/README.md"
    program "$T/swift/swift" "echo \"\$*\" >>'$T/swift/calls'" \
        "[ ! -e '$T/swift/broken' ] || { echo 'error: broken'; exit 1; }" \
        "mkdir -p .build/release && cp '$checkout_docker' .build/release/docker && cp '$package/bin/slipway' .build/release/"
    for folder in /usr/bin /bin; do
        for file in "$folder"/*; do [[ ${file##*/} == swift* || -e $plain/${file##*/} ]] || ln -s "$file" "$plain/"; done
    done
}
from_checkout() { # from_checkout PATH WORD...
    env -i HOME="$home" PATH="$1" TMPDIR="$T" sh "$checkout/install.sh" "${@:2}" >"$T/out" 2>&1 </dev/null
}

# install HOME WORD...: install.sh under $installer, in a clean environment with the variables of ${with[@]}, by ${as[@]}
installer="sh"
with=()
as=()
install() {
    local home=$1
    shift
    # shellcheck disable=SC2086 # "busybox sh" is two words
    "${as[@]}" env -i HOME="$home" PATH="$default_path" TMPDIR="$T" "${with[@]}" $installer "$package/install.sh" "$@" >"$T/out" 2>&1 </dev/null
}
left_over() { find "$T" -maxdepth 1 -name 'slipway-install.*'; }

# -- Whose HOME -------------------------------------------------------------------------------------------------------

homes=$T/homes
mkdir "$homes"
fresh() { home=$homes/$1; rm -rf "$home"; mkdir -p "$home"; } # fresh NAME: an empty one

debian_home() { # Debian's files for a new user, and some typical additions
    mkdir -p "$1/.config/fish" "$1/dotfiles"
    cat >"$1/.profile" <<'END'
if [ -n "$BASH_VERSION" ]; then
    if [ -f "$HOME/.bashrc" ]; then . "$HOME/.bashrc"; fi
fi
if [ -d "$HOME/.local/bin" ] ; then
    PATH="$HOME/.local/bin:$PATH"
fi
END
    cat >"$1/dotfiles/bashrc" <<'END'
case $- in
    *i*) ;;
      *) return;;
esac
PS1='$ '
END
    ln -s dotfiles/bashrc "$1/.bashrc"
    chmod 600 "$1/.profile"
    printf 'umask 022 # no line end' >"$1/.zshenv"
    : >"$1/.zshrc"
    echo 'set -g fish_greeting' >"$1/.config/fish/config.fish"
}

# -- What shells run --------------------------------------------------------------------------------------------------

# which_docker HOME PATH SHELL WORD...: what docker is in a new shell
which_docker() {
    local home=$1 path=$2 shell=$3
    shift 3
    # shellcheck disable=SC2016 # the shell that is asked expands it
    local show='echo "=$(command -v docker)"'
    # shellcheck disable=SC2016
    [[ $shell != fish ]] || show='echo "="(command -v docker)'
    (cd / && "${as[@]}" env -i HOME="$home" PATH="$path" TERM=dumb XDG_DATA_HOME="$T/fish-data" "${with[@]}" setsid "$shell" "$@" -c "$show" </dev/null 2>/dev/null) |
        sed -n 's/^=//p' | tail -n 1
}

# fish writes to its settings folder when it starts; compare the tree before asking it, or give it a copy.
reached() { # reached NAME HOME SHIM SHELL WORD...
    local name=$1 home=$2 shim=$3 got
    shift 3
    got=$(which_docker "$home" "$default_path" "$@")
    if [[ $got == "$shim" || $(readlink -f "$got") == "$(readlink -f "$shim")" ]]; then ok "$name"; else not_ok "$name" "docker is $got"; fi
}

reached_everywhere() { # reached_everywhere WHAT HOME PREFIX
    local shim=$3/lib/slipway/shims/docker copy
    if installed bash; then
        reached "$1: bash, typed" "$2" "$shim" bash -i
        reached "$1: bash, login, typed" "$2" "$shim" bash -l -i
        reached "$1: bash, login, script" "$2" "$shim" bash -l
    fi
    if installed zsh; then
        reached "$1: zsh -c" "$2" "$shim" zsh
        reached "$1: zsh, typed" "$2" "$shim" zsh -i
        reached "$1: zsh, login, typed" "$2" "$shim" zsh -l -i
        reached "$1: zsh, login, script" "$2" "$shim" zsh -l
    fi
    reached "$1: sh, login" "$2" "$shim" sh -l
    if installed fish; then
        copy=$T/copy-of-home
        rm -rf "$copy"
        cp -a "$2" "$copy"
        reached "$1: fish -c" "$copy" "$shim" fish
        reached "$1: fish, typed" "$copy" "$shim" fish -i
        reached "$1: fish, login, typed" "$copy" "$shim" fish -l -i
    fi
}
