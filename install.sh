#!/bin/sh
# Installs Slipway: a `docker` that comes before the real docker on PATH, and `slipway`, its admin program.
# Plain POSIX sh and the usual small tools, so that it runs wherever the programs run. See `install.sh --help`.
#
# What goes where, below PREFIX (~/.local, or /usr/local with --system):
#
#   lib/slipway/shims/docker     the shim, in a folder of its own that can be put first on PATH
#   lib/slipway/shims/slipway    a link to the admin program, so that this one folder is enough
#   lib/slipway/shell/           what the shells read
#   lib/slipway/install.sh       this file, and install/, for --uninstall and --check
#   lib/slipway/manifest         what was put in place
#   lib/slipway/real-docker      the docker that the shim runs if PATH leads to none
#   bin/slipway                  the admin program
#   share/                       its manual page (and a link to it, lib/slipway/man), completions for bash and zsh; fish's
#                                are beside its settings
#   bin/docker                   a link to the shim, for processes that no shell file reaches; only if the name is free.
#                                With --system and a real docker there: sbin/docker, which comes before bin for root,
#                                containers, services and sudo
#
# With --with-plugin also ~/.docker/cli-plugins/docker-buildx, or /usr/local/lib/docker/cli-plugins/docker-buildx with
# --system, a link to the shim; only if the name is free.
#
# Links, not copies: the shim knows itself by inode, without reading the file.
#
# A user's shell files get one marked block. Its marker lines contain everything that is needed to remove it again, byte
# for byte; a lost manifest costs at most empty folders. No file named docker is overwritten or deleted unless it carries our
# marker.
#
# This file reads the options and settles where things go. The work is done in the files of installer/; each says at its
# head what it does, and sources the files that it needs:
#
#   setup      the install: on programs, help, reach
#   programs   where docker and slipway come from
#   shells     which files which shell reads: on blocks
#   help       the manual page, and what shells complete: on shells
#   blocks     our lines in the files of others
#   reach      which shells run the shim (--check): on plugin
#   plugin     the shim as docker's plugin docker-buildx
#   uninstall  on help, plugin;   package: on programs;   deb: on package, help;   demo: on setup
#   files      what is ours, the manifest, writing: under all of them
#   trust      who else may change what: under files, and read first

set -u
LC_ALL=C
export LC_ALL
unset CDPATH

usage() {
    PATH=/usr/bin:/bin cat <<'END'
usage: install.sh [--with-plugin] [--system] [--prefix DIR] [--dry-run]
                                                              build if necessary, and install
       install.sh --check [--system] [--prefix DIR]           show which shells run the shim; status 1 if one does not
       install.sh --uninstall [--keep-data] [--system] [--prefix DIR] [--dry-run]
       install.sh --package [tarball | deb] [FILE]            make a tarball or a Debian package that installs without Swift
       install.sh --demo [--prefix DIR]                       build, install for the user, and show it at work

  --system      for all users, below /usr/local; needs root. Without it: for you, below ~/.local
  --prefix DIR  install below DIR
  --with-plugin also install the shim as docker's plugin docker-buildx, in front of the real one, so that docker compose
                and docker buildx bake share their layers
  --uninstall   remove everything: programs, blocks in shell files, your build cache, journals and settings
                (with --system: programs and settings for all users; each user's own files stay)
  --keep-data   with --uninstall: keep cache, journals and settings
  --package     slipway-VERSION-linux-ARCH.tar.gz or slipway_VERSION_ARCH.deb in the current folder, or FILE
  --demo        builds an example on one engine, then on a second, empty one; status 1 if that one has to build a step
  --dry-run     show what would be done, and do nothing
  --help        this text
END
}

say() { printf '%s\n' "$*"; }
warn() { printf 'install.sh: %s\n' "$*" >&2; }
die() {
    warn "$*"
    exit 1
}
misuse() {
    warn "$*"
    usage >&2
    exit 2
}
have() { command -v "$1" >/dev/null 2>&1; }

# ---------------------------------------------------------------------------------------------------------------------
# What is asked for

action=install
scope=user
prefix=
package_kind=
package_file=
keep_data=
with_plugin=
dry=

while [ $# -gt 0 ]; do
    case $1 in
    --system) scope=system ;;
    --prefix | --prefix=*)
        case $1 in
        *=*) prefix=${1#*=} ;;
        *)
            prefix=${2-}
            [ $# -eq 1 ] || shift
            ;;
        esac
        [ -n "$prefix" ] || misuse "--prefix needs a folder"
        ;;
    --check | --uninstall | --package | --demo)
        [ "$action" = install ] || [ "--$action" = "$1" ] || misuse "--$action and $1 do not go together"
        action=${1#--}
        ;;
    --keep-data) keep_data=1 ;;
    --with-plugin) with_plugin=1 ;;
    --dry-run) dry=1 ;;
    --help | -h)
        usage
        exit 0
        ;;
    -*) misuse "unknown option: $1" ;;
    *)
        if [ "$action" != package ] || [ -n "$package_file" ]; then misuse "one word too many: $1"; fi
        case $package_kind:$1 in :tarball | :deb) package_kind=$1 ;; *) package_file=$1 ;; esac
        ;;
    esac
    shift
done

case $action:$keep_data in uninstall:* | *:) ;; *) misuse "--keep-data goes with --uninstall" ;; esac
case $action:$with_plugin in install:* | demo:* | *:) ;; *) misuse "--with-plugin goes with install and --demo" ;; esac
case $action:$dry in install:* | uninstall:* | *:) ;; *) misuse "--dry-run goes with install and --uninstall" ;; esac
case $action:$scope in demo:system) misuse "--demo installs for the user, not with --system" ;; esac

case $0 in */*) here=${0%/*}/ ;; *) here=. ;; esac
here=$(cd -- "$here" && pwd) || exit 1
rooms=$here/installer
installed_copy=
if [ ! -d "$rooms" ] && [ -d "$here/install" ]; then
    installed_copy=1
    rooms=$here/install
fi
[ -f "$rooms/files.sh" ] || die "$rooms is missing: run install.sh in Slipway's sources or package"
# First of all: it settles which programs this runs.
# shellcheck source=installer/trust.sh
. "$rooms/trust.sh"
if [ -n "$installed_copy" ]; then
    # The copy that an install leaves behind knows whose it is.
    case $action in check | uninstall) ;; *)
        die "this copy of install.sh can only --uninstall and --check; for anything else, run the one in Slipway's sources or package"
        ;;
    esac
    if grep -q '^scope system$' "$here/manifest" 2>/dev/null; then scope=system; fi
    # As it was given then: the same folder may have other names, but blocks and links have this one.
    [ -n "$prefix" ] || prefix=$(sed -n 's/^prefix //p' "$here/manifest" 2>/dev/null)
    [ -n "$prefix" ] || prefix=${here%/lib/slipway}
fi

# ---------------------------------------------------------------------------------------------------------------------
# Where things go

if [ "$action" = package ]; then
    prefix=/ # nothing is installed
elif [ "$scope" = user ]; then
    case ${HOME-} in
    /*) HOME=${HOME%/} ;;
    *) die "HOME is not set to a folder, so there is no user to install for; set it, or use --system" ;;
    esac
    [ -d "$HOME/" ] || die "HOME, $HOME, is not a folder"
    # The files in it would be run as root.
    case $me:$action:${SUDO_UID-} in
    0:uninstall:) ;;
    0:*)
        case $(stat -c %u "$HOME/") in 0 | "$roots") ;; *)
            die "this is root with another user's HOME, $HOME: run it without sudo, or with --system"
            ;;
        esac
        ;;
    esac
    : "${prefix:=$HOME/.local}"
else
    if [ "$me" != 0 ] && [ "$action" != check ] && [ -z "$dry" ]; then
        die "--system needs root; without it, Slipway is installed for you alone"
    fi
    : "${prefix:=/usr/local}"
    umask 022
fi
umask g-w,o-w # whatever the caller's: shells read what is written here
case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
while [ "${prefix%/}" != "$prefix" ]; do prefix=${prefix%/}; done
case $prefix in *:*) misuse "--prefix: a folder with a colon in its name cannot stand on PATH" ;; esac
case $prefix${HOME-} in *"
"*) misuse "a prefix or HOME with a line break in its name cannot be handled" ;; esac
if [ "$me" = 0 ] && [ "$action" = install ] && theirs=$(outsider "$prefix"); then
    die "$theirs belongs to another user, or everybody can change it: they could replace what root installs in $prefix. Choose another --prefix"
fi

home=$prefix/lib/slipway
shims=$home/shims
snippet=$home/shell/slipway.sh
manifest=$home/manifest
docker_record=$home/real-docker

# The specification of these variables says that a relative path does not count.
absolute_or() { case $1 in /*) printf '%s\n' "${1%/}" ;; *) printf '%s\n' "$2" ;; esac; }
config_home=$(absolute_or "${XDG_CONFIG_HOME-}" "${HOME-}/.config")
cache_home=$(absolute_or "${XDG_CACHE_HOME-}" "${HOME-}/.cache")
state_home=$(absolute_or "${XDG_STATE_HOME-}" "${HOME-}/.local/state")
[ "$scope" = user ] || config_home=/etc

# ---------------------------------------------------------------------------------------------------------------------

work=
clean_up=:
mutated=
half=
at_end() {
    status=$?
    # Not to be stopped half way by a second Ctrl-C.
    trap '' HUP INT PIPE TERM
    trap - EXIT
    $clean_up
    # Interrupted in the middle: what was done so far must be known to --uninstall.
    [ -z "$half" ] || rm -f -- "$half"
    [ -z "$mutated" ] || save_manifest || warn "cannot write $manifest"
    [ -z "$work" ] || rm -rf -- "$work"
    exit "$status"
}
trap at_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE # "install.sh --check | head" leaves nothing behind, either
trap 'exit 143' TERM
# Private, and where nobody else may rename it.
for folder in "${TMPDIR-}" /tmp /var/tmp; do
    case $folder in /*) ;; *) continue ;; esac
    if [ ! -w "$folder" ] || outsider "$folder" >/dev/null; then continue; fi
    work=$(mktemp -d "${folder%/}/slipway-install.XXXXXX") && break
done
[ -n "$work" ] || die "no folder for temporary files: /tmp is not writable, or others can rename what is in it. Set TMPDIR to a folder of your own"

# shellcheck source=installer/files.sh
. "$rooms/files.sh"
case $action in
install)
    # shellcheck source=installer/setup.sh
    . "$rooms/setup.sh"
    set_up
    [ -n "$dry" ] || report_setup
    ;;
check)
    # shellcheck source=installer/reach.sh
    . "$rooms/reach.sh"
    ask_shells
    report_reach
    [ ! -s "$work/lacking" ]
    ;;
uninstall)
    # shellcheck source=installer/uninstall.sh
    . "$rooms/uninstall.sh"
    take_out
    ;;
package)
    # shellcheck source=installer/package.sh
    . "$rooms/package.sh"
    if [ "$package_kind" = deb ]; then
        # shellcheck source=installer/deb.sh
        . "$rooms/deb.sh"
        make_deb
    else
        make_package
    fi
    ;;
demo)
    # shellcheck source=installer/demo.sh
    . "$rooms/demo.sh"
    demo
    ;;
esac
