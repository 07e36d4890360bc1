#!/bin/sh
# Installs Slipway: a `docker` that stands ahead of the real docker on PATH, and `slipway`, its admin program.
# Plain POSIX sh and the usual small tools, so that it runs wherever the programs run. `install.sh --help` tells the rest.
#
# What goes where, below PREFIX (~/.local, or /usr/local with --system):
#
#   lib/slipway/shims/docker     the shim, in a folder of its own that can be put first on PATH
#   lib/slipway/shims/slipway    a link to the admin program, so that this one folder is enough
#   lib/slipway/shell/           what the shells read
#   lib/slipway/install.sh       this file, for --uninstall and --check
#   lib/slipway/manifest         what was put in place
#   bin/slipway                  the admin program
#   bin/docker                   a link to the shim, for processes that no shell file reaches; only where the name is free.
#                                With --system and a real docker there: sbin/docker, which root, containers, services and
#                                sudo have ahead of bin
#
# Links, not copies: the shim knows itself by inode, without reading the file.
#
# A user's shell files get one marked block. All that is needed to take it out again, byte for byte, stands in its marker
# lines, so a lost manifest loses nothing. No file named docker is overwritten or deleted unless it carries our marker.

set -u
LC_ALL=C
export LC_ALL
unset CDPATH GREP_OPTIONS

usage() {
    cat <<'END'
usage: install.sh [--system] [--prefix DIR] [--dry-run]       build if need be, and install
       install.sh --check [--system] [--prefix DIR]           tell which shells run the shim; status 1 if one does not
       install.sh --uninstall [--keep-data] [--system] [--prefix DIR] [--dry-run]
       install.sh --package [FILE]                            make a tarball that installs without Swift
       install.sh --demo [--prefix DIR]                       build, install for the user, and show it at work

  --system      for all users, below /usr/local; needs root. Without it: for you, below ~/.local
  --prefix DIR  install below DIR
  --uninstall   take everything out again: programs, blocks in shell files, your build cache, journals and settings
                (with --system: programs and settings for all; what is each user's own stays)
  --keep-data   with --uninstall: keep cache, journals and settings
  --package     slipway-VERSION-linux-ARCH.tar.gz in the current folder, or FILE
  --demo        builds an example on one engine, then on a second, empty one
  --dry-run     tell what would be done, and do nothing
  --help        this text

DESTDIR=DIR install.sh --system ... puts everything below DIR instead of /, for those who make packages or images.
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

newline='
'

# ---------------------------------------------------------------------------------------------------------------------
# What is asked for

action=install
scope=
prefix=
package_file=
keep_data=
dry=
D=${DESTDIR-}
D=${D%/}

choose() {
    [ "$action" = install ] || [ "$action" = "$1" ] || misuse "--$action and --$1 do not go together"
    action=$1
}

while [ $# -gt 0 ]; do
    case $1 in
    --system) scope=system ;;
    --user) scope=user ;;
    --prefix)
        [ $# -ge 2 ] || misuse "--prefix needs a folder"
        prefix=$2
        [ -n "$prefix" ] || misuse "--prefix needs a folder"
        shift
        ;;
    --prefix=*)
        prefix=${1#--prefix=}
        [ -n "$prefix" ] || misuse "--prefix needs a folder"
        ;;
    --uninstall) choose uninstall ;;
    --check) choose check ;;
    --demo) choose demo ;;
    --package)
        choose package
        case ${2-} in
        '' | -*) ;;
        *)
            package_file=$2
            shift
            ;;
        esac
        ;;
    --package=*)
        choose package
        package_file=${1#--package=}
        ;;
    --keep-data) keep_data=1 ;;
    --dry-run | -n) dry=1 ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) misuse "unknown option: $1" ;;
    esac
    shift
done

[ -z "$keep_data" ] || [ "$action" = uninstall ] || misuse "--keep-data goes with --uninstall"
if [ -n "$dry" ]; then
    case $action in install | uninstall) ;; *) misuse "--dry-run goes with install and --uninstall" ;; esac
fi
[ "$action" != demo ] || [ "$scope" != system ] || misuse "--demo installs for the user, not with --system"

here=$(cd -- "$(dirname -- "$0")" && pwd -P) || exit 1

# The copy that an install leaves behind knows whose it is.
if [ -f "$here/manifest" ] && [ "${here%/lib/slipway}" != "$here" ]; then
    installed_copy=1
    [ -n "$prefix" ] || prefix=${here%/lib/slipway}
    if [ -z "$scope" ] && grep -q '^scope system$' "$here/manifest" 2>/dev/null; then scope=system; fi
    # Installed by DESTDIR and now run from there: the prefix is the one without it.
    [ -z "$D" ] || prefix=${prefix#"$D"}
else
    installed_copy=
fi
: "${scope:=user}"

if [ "$action" != package ]; then
    if [ "$scope" = user ]; then
        [ -z "$D" ] || misuse "DESTDIR goes with --system"
        case ${HOME-} in
        /*) ;;
        *) die "HOME is not set to a folder, so there is no user to install for; set it, or use --system" ;;
        esac
        HOME=${HOME%/}
        case $HOME in *"$newline"*) die "a HOME with a line break in it cannot be handled" ;; esac
        [ -d "$HOME" ] || die "HOME, $HOME, is not a folder"
        if [ -n "${SUDO_UID-}" ] && [ "$(id -u)" = 0 ] && [ "$(stat -c %u "$HOME/")" != 0 ]; then
            die "this is root in somebody else's HOME, $HOME: run it without sudo, or with --system"
        fi
        : "${prefix:=$HOME/.local}"
    else
        if [ -z "$D" ] && [ "$(id -u)" != 0 ] && [ "$action" != check ] && [ -z "$dry" ]; then
            die "--system needs root; without it, Slipway is installed for you alone"
        fi
        : "${prefix:=/usr/local}"
        [ -z "$D" ] || mkdir -p -- "$D" || exit 1
        umask 022
    fi
    case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
    while [ "${prefix%/}" != "$prefix" ]; do prefix=${prefix%/}; done
    # A folder with a colon in its name cannot stand on PATH.
    case $prefix in *:* | *"$newline"*) misuse "--prefix: a folder with a colon or a line break in its name cannot stand on PATH" ;; esac
fi

home=$prefix/lib/slipway
shims=$home/shims
snippet=$home/shell/slipway.sh
manifest=$home/manifest
case $scope in
system) config_home=/etc ;;
*) config_home=${XDG_CONFIG_HOME-} ;;
esac
# The specification of these variables says that a relative path does not count.
absolute_or() { case $1 in /*) printf '%s\n' "${1%/}" ;; *) printf '%s\n' "$2" ;; esac; }
config_home=$(absolute_or "$config_home" "${HOME-}/.config")
cache_home=$(absolute_or "${XDG_CACHE_HOME-}" "${HOME-}/.cache")
state_home=$(absolute_or "${XDG_STATE_HOME-}" "${HOME-}/.local/state")

work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-install.XXXXXX") || exit 1
chmod 0711 "$work"
: >"$work/manifest"
mutated=
at_end() {
    status=$?
    trap - EXIT HUP INT TERM
    if [ "$action" = demo ]; then end_demo; fi
    # Interrupted in the middle: what was done so far must be known to --uninstall.
    if [ -n "$mutated" ]; then save_manifest; fi
    rm -rf -- "$work"
    exit "$status"
}
trap at_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---------------------------------------------------------------------------------------------------------------------
# What is ours

# Both programs carry this marker in an ELF note, which stays when they are stripped; nothing else counts for a docker.
is_shim() { [ -f "$1" ] && [ -r "$1" ] && grep -aq SLIPWAY-SHIM "$1" 2>/dev/null; }
is_admin() { is_shim "$1" || { grep -aq slipway "$1" && grep -aq ArgumentParser "$1"; } 2>/dev/null; }

# Our small text files name us in the first lines.
is_snippet() { [ -f "$1" ] && head -n 3 -- "$1" 2>/dev/null | grep -q '^# .*Slipway'; }

is_ours() {
    case $1 in
    */docker) is_shim "$1" ;;
    */bin/slipway) is_admin "$1" ;;
    */lib/slipway/manifest) [ -f "$1" ] ;;
    *) is_snippet "$1" ;;
    esac
}

# first_docker PATH [real]: the first docker on a PATH; with "real", the first that is not ours.
first_docker() (
    rest=$1:
    while [ -n "$rest" ]; do
        folder=${rest%%:*}
        rest=${rest#*:}
        file=${folder:-.}/docker
        if ! [ -f "$file" ] || ! [ -x "$file" ]; then continue; fi
        if [ "${2-}" = real ] && is_shim "$file"; then continue; fi
        printf '%s\n' "$file"
        exit 0
    done
    exit 1
)

# ---------------------------------------------------------------------------------------------------------------------
# The manifest: "dir" (made by us, or absent before us), "file", "link", "block", one a line

record() {
    grep -qxF -- "$1 $2" "$work/manifest" || printf '%s %s\n' "$1" "$2" >>"$work/manifest"
    mutated=1
}
recorded() { grep -qxF -- "$1 $2" "$work/manifest"; }

# What an earlier install put in place stays known, as long as it is there.
load_manifest() {
    manifest_whole=
    [ -f "$D$manifest" ] || return 0
    lines=$(grep -c '^dir \|^file \|^link \|^block ' "$D$manifest")
    if grep -qx "end $lines" "$D$manifest"; then manifest_whole=1; fi
    while read -r kind path; do
        case $kind in
        dir) printf 'dir %s\n' "$path" ;;
        file | link | block) if [ -e "$D$path" ] || [ -L "$D$path" ]; then printf '%s %s\n' "$kind" "$path"; fi ;;
        esac
    done <"$D$manifest" >>"$work/manifest"
}

save_manifest() {
    mutated=
    [ -d "$D$home" ] || return 0
    {
        say "# What Slipway's install.sh put in place; --uninstall reads it."
        say "scope $scope"
        sort -u "$work/manifest"
        say "end $(sort -u "$work/manifest" | wc -l)"
    } >"$work/manifest.new"
    put "$work/manifest.new" "$manifest" 644
}

# ---------------------------------------------------------------------------------------------------------------------
# Changing things: each whole or not at all, and not touched when it already is as it should be

changes=0
doing() {
    changes=$((changes + 1))
    if [ -n "$dry" ]; then
        say "would $*"
        return 1
    fi
    mutated=1
    return 0
}

make_folder() {
    walked=
    rest=${1#/}
    while [ -n "$rest" ]; do
        part=${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
        walked=$walked/$part
        [ -d "$D$walked" ] && continue
        [ -n "$dry" ] && return 0
        mkdir -- "$D$walked" || return 1
        record dir "$walked"
    done
}

give_to_root() { if [ "$scope" = system ] && [ "$(id -u)" = 0 ]; then chown -h 0:0 -- "$1"; fi; }

# put SOURCE PATH MODE: a running program keeps the file it has, since the new one is another file.
put() {
    if [ -f "$D$2" ] && [ ! -L "$D$2" ] && cmp -s -- "$1" "$D$2" && [ "$(stat -c %a -- "$D$2")" = "$3" ]; then return 0; fi
    if [ "$2" != "$manifest" ]; then doing "write $D$2" || return 0; fi
    put_new=$D$2.new-$$
    if cp -- "$1" "$put_new" && chmod "$3" "$put_new" && give_to_root "$put_new" && mv -f -- "$put_new" "$D$2"; then return 0; fi
    rm -f -- "$put_new"
    return 1
}

# Has something of somebody else's this name?
check_place() {
    if [ -e "$D$1" ] || [ -L "$D$1" ]; then
        is_ours "$D$1" || die "$D$1 is there and is not Slipway's: nothing was installed. Move it away, or choose another --prefix"
    fi
}

place() { # place SOURCE PATH MODE
    make_folder "${2%/*}" || exit 1
    put "$1" "$2" "$3" || die "cannot write $D$2"
    record file "$2"
}

# Is PATH free for our link to TARGET, or the link already?
free_for_link() {
    [ -L "$D$1" ] && [ "$(readlink -- "$D$1")" = "$2" ] && return 0
    [ ! -e "$D$1" ] && [ ! -L "$D$1" ]
}

place_link() {
    make_folder "${1%/*}" || exit 1
    if [ ! -L "$D$1" ] && doing "link $D$1 to $2"; then
        ln -s -- "$2" "$D$1" || return 1
        give_to_root "$D$1"
    fi
    record link "$1"
}

# ---------------------------------------------------------------------------------------------------------------------
# Blocks in shell files

begin='# >>> slipway >>>'
end='# <<< slipway <<<'

quote_sh() { printf "'%s'\n" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")"; }
quote_fish() { printf "'%s'\n" "$(printf '%s\n' "$1" | sed "s/[\\\\']/\\\\&/g")"; }

# The word that names the snippet in a block. $HOME stays a variable: shell files travel between machines.
snippet_word() {
    if [ "$scope" = user ] && [ "${snippet#"$HOME"/}" != "$snippet" ]; then
        snippet_rest=${snippet#"$HOME"}
        case $snippet_rest in
        *[!A-Za-z0-9/._+@%,=\ -]*) ;;
        *)
            printf '"%sHOME%s"\n' '$' "$snippet_rest"
            return
            ;;
        esac
    fi
    quote_sh "$snippet"
}

# The line that does it, by kind of file. It also tells whose block it is.
block_line() {
    case $1 in
    fish)
        line_word=$(quote_fish "$home/shell/slipway.fish")
        printf 'if test -r %s; source %s; end\n' "$line_word" "$line_word"
        ;;
    *)
        line_word=$(snippet_word)
        printf 'if [ -r %s ]; then . %s; fi\n' "$line_word" "$line_word"
        ;;
    esac
}

block() { # block LINE NOTE
    printf '%s\n' "$begin$2" '# Puts the docker of Slipway first on PATH; "install.sh --uninstall" takes this out again.' "$1" "$end"
}

# The file that is really read and written when $1 is a link.
behind() { if [ -L "$1" ]; then readlink -f -- "$1"; else printf '%s\n' "$1"; fi; }

# write_back NEW FILE: FILE gets the content of NEW and keeps its mode, owner and other names.
write_back() {
    if [ -e "$2" ]; then
        [ -w "$2" ] || return 1
        back_new=$2.new-$$
        if [ "$(stat -c %h -- "$2")" = 1 ] && cp -p -- "$2" "$back_new" 2>/dev/null; then
            if cat "$1" >"$back_new" && mv -f -- "$back_new" "$2"; then return 0; fi
            rm -f -- "$back_new"
            return 1
        fi
        rm -f -- "$back_new"
        cat "$1" >"$2"
    else
        back_new=$2.new-$$
        if cat "$1" >"$back_new" && mv -f -- "$back_new" "$2"; then return 0; fi
        rm -f -- "$back_new"
        return 1
    fi
} 2>/dev/null

# Prints "first last note" for the first whole block that has the line LINE, or any line if LINE is empty.
find_block() { # find_block FILE LINE
    WANTED=$2 awk '
        index($0, "# >>> slipway >>>") == 1 { start = NR; note = substr($0, 18); hit = ENVIRON["WANTED"] == "" }
        start && $0 == ENVIRON["WANTED"] { hit = 1 }
        index($0, "# <<< slipway <<<") == 1 { if (start && hit) { print start, NR, note; exit } start = 0 }
    ' "$1"
}

# count_blocks FILE LINE
count_blocks() {
    WANTED=$2 awk '
        index($0, "# >>> slipway >>>") == 1 { start = NR; hit = ENVIRON["WANTED"] == "" }
        start && $0 == ENVIRON["WANTED"] { hit = 1 }
        index($0, "# <<< slipway <<<") == 1 { if (start && hit) n++; start = 0 }
        END { print n + 0 }
    ' "$1"
}

# strip_blocks FROM TO LINE: TO is FROM without its blocks, each with what was added for its sake.
# Sets stripped (how many) and was_new (the file was made for a block).
strip_blocks() {
    stripped=0
    was_new=
    cat "$1" >"$2" || return 1
    while :; do
        found=$(find_block "$2" "$3")
        [ -n "$found" ] || return 0
        first=${found%% *}
        rest=${found#* }
        last=${rest%% *}
        note=${rest#"$last"}
        head -n $((first - 1)) "$2" >"$work/head"
        tail -n +$((last + 1)) "$2" >"$work/tail"
        case $note in *'(line end added)'*)
            # Only while it is still the last: otherwise two lines of the user's would become one.
            if [ ! -s "$work/tail" ]; then
                size=$(($(wc -c <"$work/head") - 1))
                head -c "$size" "$work/head" >"$work/cut" && mv -f "$work/cut" "$work/head"
            fi
            ;;
        esac
        case $note in *'(new file)'*) was_new=1 ;; esac
        cat "$work/head" "$work/tail" >"$2" || return 1
        stripped=$((stripped + 1))
    done
}

# add_block FILE KIND top|end|both: "both" is for files whose other lines put another docker ahead of ours.
# The block is not added unless taking it out gives back the very same bytes.
add_block() {
    shown=$D$1
    target=$(behind "$shown")
    line=$(block_line "$2")
    if [ -z "$target" ] || [ -d "$target" ]; then
        untouched "$1" "it is not a file"
        return 1
    fi
    : >"$work/plain"
    if [ -e "$target" ]; then
        if ! [ -r "$target" ] || ! [ -f "$target" ]; then
            untouched "$1" "it cannot be read"
            return 1
        fi
        wanted=1
        [ "$3" = both ] && wanted=2
        if [ "$(count_blocks "$target" "$line")" -ge "$wanted" ] &&
            [ "$(count_blocks "$target" "$line")" = "$(count_blocks "$target" "")" ]; then
            record block "$1"
            return 0
        fi
        strip_blocks "$target" "$work/plain" "" || return 1
        note=
        [ -z "$was_new" ] || [ -s "$work/plain" ] || note=' (new file)'
    else
        note=' (new file)'
    fi
    {
        if [ "$3" = top ] || [ "$3" = both ]; then block "$line" "$note"; fi
        cat "$work/plain"
        if [ "$3" = end ] || [ "$3" = both ]; then
            if [ -s "$work/plain" ] && [ -n "$(tail -c 1 "$work/plain" | tr '\n' ' ' | tr -d ' ')" ]; then
                say ""
                note=' (line end added)'
            fi
            block "$line" "$note"
        fi
    } >"$work/with"
    strip_blocks "$work/with" "$work/again" "$line"
    if ! cmp -s "$work/plain" "$work/again"; then
        untouched "$1" "a block could not be taken out of it again without a trace"
        return 1
    fi
    doing "add a block to $shown" || return 0
    make_folder "${1%/*}" || return 1
    if ! write_back "$work/with" "$target"; then
        untouched "$1" "it cannot be written"
        return 1
    fi
    record block "$1"
}

untouched() {
    warn "$D$1 was left as it is: $2"
}

# remove_block FILE LINE...: says what it did, if there was something to do.
remove_block() {
    [ -e "$D$1" ] || return 0
    target=$(behind "$D$1")
    [ -f "$target" ] && [ -r "$target" ] || return 0
    cat "$target" >"$work/now"
    total=0
    new_file=
    for line in "$(block_line sh)" "$(block_line fish)"; do
        strip_blocks "$work/now" "$work/next" "$line" || return 1
        total=$((total + stripped))
        [ -z "$was_new" ] || new_file=1
        mv -f "$work/next" "$work/now"
    done
    if [ "$total" -gt 0 ]; then
        if [ -n "$new_file" ] && [ ! -s "$work/now" ]; then
            if doing "delete $D$1, which held nothing else"; then rm -f -- "$target" && removed "$1"; fi
        elif doing "take the block out of $D$1"; then
            if write_back "$work/now" "$target"; then
                removed "the block in $1"
            else
                warn "cannot write $D$1: take the lines from \"$begin\" to \"$end\" out by hand"
                failed=1
            fi
        fi
    fi
    if [ -e "$target" ] && grep -q "^$begin" "$target"; then
        warn "$D$1 still has lines between \"$begin\" and \"$end\" that are not of this install, or were changed: left as they are"
    fi
}

# ---------------------------------------------------------------------------------------------------------------------
# Where the programs come from

find_programs() { # sets programs: a folder with docker and slipway
    if [ -f "$here/bin/docker" ] && [ -f "$here/bin/slipway" ]; then
        programs=$here/bin
    elif [ -n "$installed_copy" ]; then
        die "this copy of install.sh can only --uninstall and --check; to install, run the one in Slipway's sources or package"
    elif [ -f "$here/Package.swift" ]; then
        programs=$here/.build/release
        if have swift; then
            if [ -n "$dry" ]; then
                say "would run swift build -c release --static-swift-stdlib"
            else
                say "building the release: swift build -c release --static-swift-stdlib"
                (cd -- "$here" && swift build -c release --static-swift-stdlib) >"$work/build" 2>&1 || {
                    cat "$work/build" >&2
                    die "the build failed; what swift said stands above"
                }
            fi
        elif [ -f "$programs/docker" ] && [ -f "$programs/slipway" ]; then
            say "no swift on PATH: taking the programs that were built before, $programs"
        else
            no_swift
        fi
    else
        no_swift
    fi
    [ -n "$dry" ] && return 0
    if ! [ -f "$programs/docker" ] || ! [ -f "$programs/slipway" ]; then die "no docker and slipway in $programs"; fi
    is_shim "$programs/docker" || die "$programs/docker does not carry the shim's marker: not installed"
}

no_swift() {
    warn "there are no built programs here, and no swift on PATH to build them. Either"
    warn "  - install Swift 6.1 or newer (https://www.swift.org/install/linux/), and run this again, or"
    warn "  - where Swift is, run ./install.sh --package; unpack the tarball here and run the install.sh in it."
    exit 1
}

# The path of a template in shims/ with the shim's folder filled in: fill TEMPLATE QUOTED OUT
fill() {
    while IFS= read -r text; do
        case $text in
        *@SHIMS@*) printf '%s\n' "${text%%@SHIMS@*}$2${text#*@SHIMS@}" ;;
        *) printf '%s\n' "$text" ;;
        esac
    done <"$here/shims/$1" >"$3" || die "cannot read $here/shims/$1"
}

# ---------------------------------------------------------------------------------------------------------------------
# Shell files

has_bash() { have bash || [ -e "$HOME/.bashrc" ]; }
has_zsh() { have zsh || [ -e "$(zsh_folder)/.zshenv" ] || [ -e "$HOME/.zshenv" ] || [ -e "$HOME/.zshrc" ]; }
has_fish() { have fish || [ -d "$D$config_home/fish" ]; }

# Of its three login files bash reads the first that it can.
bash_login_file() {
    for file in "$HOME/.bash_profile" "$HOME/.bash_login"; do
        if [ -r "$file" ]; then
            say "$file"
            return
        fi
    done
    say "$HOME/.profile"
}

zsh_folder() { absolute_or "${ZDOTDIR-}" "$HOME"; }

system_bashrc() {
    for file in /etc/bash.bashrc /etc/bashrc; do
        if [ -f "$D$file" ]; then
            say "$file"
            return
        fi
    done
}
system_zsh_folder() { if [ -d "$D/etc/zsh" ]; then say /etc/zsh; else say /etc; fi; }

fish_file=$config_home/fish/conf.d/slipway.fish
systemd_file=$config_home/environment.d/slipway.conf
profile_file=/etc/profile.d/zz-slipway.sh

# place_text SOURCE PATH: as place, but what cannot be done is only told: the rest of the install is of use without it.
place_text() {
    if [ -e "$D$2" ] && ! is_snippet "$D$2"; then
        untouched "$2" "it is not Slipway's"
        return 1
    fi
    if ! make_folder "${2%/*}" || ! put "$1" "$2" 644; then
        untouched "$2" "it cannot be written"
        return 1
    fi
    record file "$2"
}

# The user's systemd gives this PATH to all it starts: terminals and editors of a desktop, too. Its syntax knows
# variables, so only plain paths.
place_systemd() {
    have systemctl || [ -d "$D/usr/lib/systemd/user" ] || return 0
    case $shims in *[!A-Za-z0-9/._+@,=\ -]*)
        say "not written: $systemd_file (unusual characters in $shims)"
        return 0
        ;;
    esac
    fill environment.conf "$shims" "$work/environment"
    place_text "$work/environment" "$systemd_file"
}

write_user_files() {
    add_block "$HOME/.profile" sh end
    if has_bash; then
        login_file=$(bash_login_file)
        [ "$login_file" = "$HOME/.profile" ] || add_block "$login_file" sh end
        # At the top: what ssh and others start is not interactive, and most of these files then return early.
        add_block "$HOME/.bashrc" sh top
    fi
    if has_zsh; then
        add_block "$(zsh_folder)/.zshenv" sh end
        if [ "$(zsh_folder)" != "$HOME" ] && [ -e "$HOME/.zshenv" ]; then add_block "$HOME/.zshenv" sh end; fi
    fi
    if has_fish; then place_text "$work/slipway.fish" "$fish_file"; fi
    place_systemd
}

write_system_files() {
    if [ -d "$D/etc/profile.d" ]; then
        place_text "$work/slipway.sh" "$profile_file"
    else
        add_block /etc/profile sh end
    fi
    file=$(system_bashrc)
    [ -z "$file" ] || add_block "$file" sh top
    if have zsh || [ -d "$D/etc/zsh" ]; then add_block "$(system_zsh_folder)/zshenv" sh end; fi
    if have fish || [ -d "$D/etc/fish" ]; then place_text "$work/slipway.fish" "$fish_file"; fi
    place_systemd
    write_environment
}

# /etc/environment, read at logins, is no shell: a PATH there is given whole. Where it has none, we do not begin to have
# one: it would replace what root and users get from elsewhere.
write_environment() {
    file=$D/etc/environment
    [ -f "$file" ] && [ -r "$file" ] || return 0
    strip_blocks "$file" "$work/plain" ""
    value=$(sed -n 's/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}PATH=//p' "$work/plain" | tail -n 1)
    [ -n "$value" ] || return 0
    value=$(printf '%s\n' "$value" | sed "s/^[\"']//; s/[[:space:]]*\$//; s/[\"']\$//")
    case $value in "$shims" | "$shims":*) return 0 ;; esac
    environment_line="PATH=\"$shims:$value\""
    block_line_was=$(find_block "$file" "$environment_line")
    if [ -n "$block_line_was" ]; then
        record block /etc/environment
        return 0
    fi
    note=
    {
        cat "$work/plain"
        if [ -n "$(tail -c 1 "$work/plain" | tr '\n' ' ' | tr -d ' ')" ]; then
            say ""
            note=' (line end added)'
        fi
        block "$environment_line" "$note"
    } >"$work/with"
    doing "add a block to $file" || return 0
    if write_back "$work/with" "$file"; then record block /etc/environment; else untouched /etc/environment "it cannot be written"; fi
}

# ---------------------------------------------------------------------------------------------------------------------
# Which shells run the shim: tried, not supposed

root_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
user_path=/usr/local/bin:/usr/bin:/bin

shell_flags() {
    case $1 in
    login-typed) say "-l -i" ;;
    typed) say "-i" ;;
    login) say "-l" ;;
    *) say "" ;;
    esac
}

# probe SHELL KIND PATH: what `docker` is in such a shell when its parent has only this PATH. Sets answer.
# Without a terminal (setsid), since an interactive shell would take ours; with a time limit, since the user's files may do
# anything. fish writes files at its very start, so it gets a copy of its settings to write into.
probe() {
    flags=$(shell_flags "$2")
    set -- "$(command -v "$1")" "$flags" "$3" "$1"
    # shellcheck disable=SC2016 # the shell that is asked expands it
    query='printf "\n@slipway:%s@\n" "$(command -v docker)"'
    probe_home=$probe_as_home
    set -- "$1" "$2" "$3" "$4" "HOME=$probe_home" "PATH=$3" "SHELL=$1" "USER=$probe_user" "LOGNAME=$probe_user" TERM=dumb
    if [ "$4" = fish ]; then
        query='printf "\n@slipway:%s@\n" (command -v docker)'
        mkdir -p "$work/fish/config" "$work/fish/data"
        if [ "$scope" = user ]; then
            rm -rf "$work/fish/config/fish"
            if [ -d "$config_home/fish" ]; then cp -RL -- "$config_home/fish" "$work/fish/config/fish" 2>/dev/null; fi
        fi
        chmod -R a+rwX "$work/fish"
        set -- "$@" "XDG_CONFIG_HOME=$work/fish/config" "XDG_DATA_HOME=$work/fish/data" \
            "XDG_CACHE_HOME=$work/fish/data" "XDG_STATE_HOME=$work/fish/data"
    elif [ "$scope" = user ] && [ -n "${XDG_CONFIG_HOME-}" ]; then
        set -- "$@" "XDG_CONFIG_HOME=$XDG_CONFIG_HOME"
    fi
    shell=$1
    flags=$2
    shift 4
    # shellcheck disable=SC2086 # the flags are several words
    output=$(cd / && $limited $as_user env -i "$@" "$shell" $flags -c "$query" </dev/null 2>/dev/null)
    case $output in
    *@slipway:*@*)
        answer=${output##*@slipway:}
        answer=${answer%%@*}
        ;;
    *) answer='?' ;;
    esac
}

set_up_probes() {
    limited=
    # Interactive shells ignore the first signal.
    if have timeout; then limited="timeout -k 2 10"; fi
    if have setsid; then limited="setsid $limited"; fi
    as_user=
    probe_user=$(id -un 2>/dev/null || id -u)
    if [ "$scope" = user ]; then
        probe_as_home=$HOME
    else
        # A user without files of his own: only what the machine gives to all.
        probe_as_home=$work/empty
        mkdir -p "$probe_as_home"
    fi
    if [ "$(id -u)" = 0 ]; then base_path=$root_path; else base_path=$user_path; fi
}

as_root() { as_user='' base_path=$root_path probe_user=root; }
as_nobody() { as_user="setpriv --reuid=65534 --regid=65534 --clear-groups" base_path=$user_path probe_user=nobody; }

# cell SHELL KIND: shim; parent (the shell reads nothing, but passes on a PATH that has the shim); NO; "?" (no answer).
# Sets verdict and answer.
cell() {
    probe "$1" "$2" "$base_path"
    clean=$answer
    if [ "$clean" = '?' ]; then
        verdict='?'
    elif is_shim "$clean"; then
        verdict=shim
    else
        probe "$1" "$2" "$shims:$base_path"
        if is_shim "$answer"; then verdict=parent; else verdict=NO; fi
        answer=$clean
    fi
}

kinds="login-typed typed login script"
describe() {
    case $1 in
    login-typed) say "typed in, login shell" ;;
    typed) say "typed in" ;;
    login) say "script, login shell" ;;
    *) say "script or -c" ;;
    esac
}

# A second try for what the usual place did not reach: the file of that kind of shell which is read last, or the other end.
second_try() {
    [ "$scope" = user ] || return 1
    case $1:$2 in
    bash:login*) add_block "$(bash_login_file)" sh both ;;
    bash:typed) add_block "$HOME/.bashrc" sh both ;;
    sh:login*) add_block "$HOME/.profile" sh both ;;
    zsh:script) add_block "$HOME/.zshenv" sh both ;;
    zsh:login) add_block "$(zsh_folder)/.zprofile" sh end ;;
    zsh:typed) add_block "$(zsh_folder)/.zshrc" sh end ;;
    zsh:login-typed) add_block "$(zsh_folder)/.zlogin" sh end ;;
    fish:*) if [ -f "$config_home/fish/config.fish" ]; then add_block "$config_home/fish/config.fish" fish end; else return 1; fi ;;
    *) return 1 ;;
    esac
}

# Does a shell of this kind read a file at all? Those that do not can only have what their parent has.
reads_files() { case $1:$2 in bash:script | sh:script | sh:typed) return 1 ;; esac; }

# row LABEL SHELL [mend]: one line of the table. What it lacks goes to $work/lacking, and "lacking" is set.
row() {
    cells=
    for kind in $kinds; do
        cell "$2" "$kind"
        if [ "${3-}" = mend ] && [ "$verdict" != shim ] && [ "$verdict" != '?' ] && reads_files "$2" "$kind"; then
            before=$changes
            if second_try "$2" "$kind" && [ "$changes" != "$before" ]; then cell "$2" "$kind"; fi
        fi
        case $verdict in
        shim) word="the shim" ;;
        parent) word="as its parent" ;;
        NO)
            word="NO"
            say "  $1, $(describe "$kind"): docker is ${answer:-not found}" >>"$work/lacking"
            ;;
        *)
            word="no answer"
            say "  $1, $(describe "$kind"): gave no answer within 10 seconds" >>"$work/lacking"
            ;;
        esac
        case $verdict in parent | NO) lacking=1 ;; esac
        cells="$cells$(printf '  %-14s' "$word")"
    done
    printf '  %-12s%s\n' "$1" "$cells" | sed 's/ *$//'
}

# table [mend]: sets lacking if a shell does not reach the shim by itself.
table() {
    lacking=
    : >"$work/lacking"
    {
        printf '  %-12s  %-14s  %-14s  %-14s  %s\n' "" "typed, login" "typed" "script, login" "script, -c"
        if [ "$scope" = user ]; then
            for name in bash zsh fish sh; do
                if have "$name"; then row "$name" "$name" "${1-}"; else printf '  %-12s  not installed\n' "$name"; fi
            done
        else
            if [ "$(id -u)" = 0 ]; then
                as_root
                for name in bash zsh fish sh; do have "$name" && row "$name, root" "$name"; done
                if have setpriv; then as_nobody; else as_user=none; fi
            fi
            [ "$as_user" = none ] || for name in bash zsh fish sh; do have "$name" && row "$name, users" "$name"; done
            for name in bash zsh fish; do have "$name" || printf '  %-12s  not installed\n' "$name"; done
        fi
    } >"$work/table"
}

# What no shell file reaches has the PATH it was given; these are the usual ones.
plain_row() {
    plain=$(first_docker "$2")
    if [ -z "$plain" ]; then
        printf '  %-48s  no docker there\n' "$1"
    elif is_shim "$plain"; then
        printf '  %-48s  the shim\n' "$1"
    else
        printf '  %-48s  NO: %s\n' "$1" "$plain"
        plain_lacking=1
    fi
}

report_reach() {
    say "Which docker new shells run (each was started and asked):"
    cat "$work/table"
    if grep -q 'as its parent' "$work/table"; then
        say "  \"as its parent\": such a shell reads no file; it has the PATH of what started it, and passes the shim on."
    fi
    if [ -s "$work/lacking" ]; then
        say "Not reached:"
        cat "$work/lacking"
    fi
    say "What no shell starts has the PATH it was given. On the usual ones stands:"
    plain_lacking=
    plain_row "root, system services, docker exec, sudo" "$root_path"
    plain_row "users, before any file is read" "$user_path"
    plain_row "cron jobs of users" /usr/bin:/bin
    if [ -n "$plain_lacking" ]; then
        say "  Where it says NO, put this folder first on the PATH you set there (crontab, unit, image):"
        say "    $shims"
    fi
    if [ "$scope" = user ] && [ -f "$systemd_file" ]; then
        say "  What your own systemd starts has it after the next login ($systemd_file)."
    fi
}

# ---------------------------------------------------------------------------------------------------------------------
# Install

version_of() { "$1" version </dev/null 2>/dev/null | head -n 1; }

# Sets link: where the link for processes without shell files stands, if it can.
place_docker_link() {
    link=
    for folder in bin sbin; do
        [ "$folder" = bin ] || [ "$scope" = system ] || break
        candidate=$prefix/$folder/docker
        if free_for_link "$candidate" "$shims/docker"; then
            place_link "$candidate" "$shims/docker" && link=$candidate
            return
        fi
        say "left as it is: $D$candidate"
    done
}

install_all() {
    find_programs
    load_manifest
    # All of them before any of them is written.
    for file in "$shims/docker" "$prefix/bin/slipway" "$snippet" "$home/shell/slipway.fish" "$home/install.sh"; do
        check_place "$file"
    done
    # So that --uninstall knows which of these the shim was the first to make.
    if [ "$scope" = user ] && [ -z "$dry" ]; then
        for folder in "$cache_home" "$state_home" "$config_home"; do [ -d "$folder" ] || record dir "$folder"; done
    fi
    changes=0
    fill slipway.sh "$(quote_sh "$shims")" "$work/slipway.sh"
    fill slipway.fish "$(quote_fish "$shims")" "$work/slipway.fish"

    place "$programs/docker" "$shims/docker" 755
    place "$programs/slipway" "$prefix/bin/slipway" 755
    if free_for_link "$shims/slipway" "$prefix/bin/slipway"; then place_link "$shims/slipway" "$prefix/bin/slipway"; fi
    place "$work/slipway.sh" "$snippet" 644
    place "$work/slipway.fish" "$home/shell/slipway.fish" 644
    place "$here/install.sh" "$home/install.sh" 755
    place_docker_link

    set_up_probes
    if [ "$scope" = user ]; then
        write_user_files
        if [ -z "$dry" ]; then table mend; fi
    else
        # With the link, most machines need no shell file. Where one has been written before, it stays.
        needs_files=
        grep -q '^block \|^file /etc/' "$work/manifest" && needs_files=1
        if [ "$link" != "$prefix/bin/docker" ]; then needs_files=1; fi
        if [ -z "$needs_files" ] && [ -z "$D" ] && [ -z "$dry" ]; then
            table
            if [ -n "$lacking" ]; then needs_files=1; fi
        fi
        if [ -n "$needs_files" ]; then write_system_files; fi
        if [ -n "$needs_files" ] && [ -z "$D" ] && [ -z "$dry" ]; then table; fi
    fi
    if [ -n "$dry" ]; then
        [ "$changes" -gt 0 ] || say "nothing to do"
        return
    fi
    save_manifest
}

report_install() {
    if [ "$changes" = 0 ]; then say "Already installed: $(version_of "$D$prefix/bin/slipway")."; else say "Installed: $(version_of "$D$prefix/bin/slipway")."; fi
    say "  the shim        $D$shims/docker"
    [ -z "$link" ] || say "  a link to it    $D$link"
    say "  admin program   $D$prefix/bin/slipway"
    grep '^block ' "$work/manifest" | while read -r _ path; do say "  a block in      $D$path"; done
    for path in "$fish_file" "$systemd_file" "$profile_file"; do
        if recorded file "$path"; then say "  a file          $D$path"; fi
    done
    real=$(first_docker "${PATH-}:$root_path" real)
    if [ -n "$real" ]; then
        say "  the real docker $real, as it was"
    else
        say "  no real docker was found: until there is one on PATH, \`docker\` ends with status 127"
    fi
    say ""
    if [ -n "$D" ]; then
        say "Not tried with DESTDIR: which shells reach the shim. Run \"$home/install.sh --check\" in the finished system."
    else
        report_reach
        say ""
        now=$(first_docker "${PATH-}")
        if ! is_shim "$now"; then
            say "Here and now docker is still ${now:-not found}: open a new shell, or say"
            say "  . $(plain_or_quoted "$snippet")"
        fi
    fi
    say "One call without Slipway:  SLIPWAY=off docker ..."
    say "To remove it:              $(plain_or_quoted "$home/install.sh") --uninstall"
}

plain_or_quoted() { case $1 in *[!A-Za-z0-9/._+@%,=-]*) quote_sh "$1" ;; *) say "$1" ;; esac; }

# ---------------------------------------------------------------------------------------------------------------------
# Uninstall

removed() { say "removed: $1"; }

remove_file() {
    [ -e "$D$1" ] || return 0
    if [ -L "$D$1" ] || ! is_ours "$D$1"; then
        say "kept, not Slipway's: $D$1"
        return 0
    fi
    doing "delete $D$1" || return 0
    if rm -f -- "$D$1"; then removed "$1"; else failed=1; fi
}

remove_link() { # remove_link PATH TARGET
    [ -L "$D$1" ] && [ "$(readlink -- "$D$1")" = "$2" ] || return 0
    if [ "$2" = "$shims/docker" ] && [ -e "$D$2" ] && ! is_shim "$D$2"; then
        say "kept, since the real docker is behind it: $D$1"
        return 0
    fi
    doing "delete $D$1" || return 0
    if rm -f -- "$D$1"; then removed "$1"; else failed=1; fi
}

# A build in progress reads the store and would fail.
store_in_use() {
    [ -d "$1" ] && have flock || return 1
    find "$1/" -name lease -type f 2>/dev/null >"$work/leases"
    while IFS= read -r lease; do
        flock -n -x "$lease" true 2>/dev/null || return 0
    done <"$work/leases"
    return 1
}

remove_data() { # remove_data WHAT FOLDER
    [ -e "$2" ] || [ -L "$2" ] || return 0
    if [ -L "$2" ]; then
        doing "delete the link $2" || return 0
        say "kept: $(readlink -f -- "$2"), to which $2 pointed"
        rm -f -- "$2" && removed "$2 (a link)"
        return 0
    fi
    doing "delete $2 ($1)" || return 0
    if rm -rf -- "$2"; then removed "$2 ($1)"; else failed=1; fi
}

uninstall_all() {
    failed=
    if [ "$scope" = user ] && [ -z "$keep_data" ] && store_in_use "$cache_home/slipway"; then
        die "a build is using $cache_home/slipway. Nothing was removed; try again when it is done, or add --keep-data"
    fi
    load_manifest
    had_shim=
    if is_shim "$D$shims/docker"; then had_shim=1; fi
    cp "$work/manifest" "$work/wanted"
    # What can be known without the manifest.
    {
        if [ "$scope" = user ]; then
            for file in .profile .bash_profile .bash_login .bashrc .zshenv .zprofile .zshrc .zlogin; do say "block $HOME/$file"; done
            if [ "$(zsh_folder)" != "$HOME" ]; then
                for file in .zshenv .zprofile .zshrc .zlogin; do say "block $(zsh_folder)/$file"; done
            fi
            say "block $config_home/fish/config.fish"
        else
            for file in profile bash.bashrc bashrc zshenv zsh/zshenv environment; do say "block /etc/$file"; done
            say "file $profile_file"
        fi
        say "file $fish_file"
        say "file $systemd_file"
    } >>"$work/wanted"

    # The way to the shim first, then the shim: nobody finds half of it.
    sort -u "$work/wanted" >"$work/sorted"
    while read -r kind path; do
        [ "$kind" = block ] || continue
        case $path in /etc/environment) remove_environment ;; *) remove_block "$path" ;; esac
    done <"$work/sorted"
    while read -r kind path; do
        [ "$kind" = file ] || continue
        # Only files of the kinds that we install: a damaged manifest may say anything.
        case $path in
        */fish/conf.d/slipway.fish | */environment.d/slipway.conf | "$profile_file")
            if [ -f "$D$path" ] && mentions_us "$D$path"; then remove_file "$path"; fi
            ;;
        esac
    done <"$work/sorted"
    remove_link "$prefix/bin/docker" "$shims/docker"
    remove_link "$prefix/sbin/docker" "$shims/docker"
    remove_link "$shims/slipway" "$prefix/bin/slipway"
    for file in "$shims/docker" "$prefix/bin/slipway" "$snippet" "$home/shell/slipway.fish" "$home/install.sh" "$manifest"; do
        remove_file "$file"
    done

    if [ "$scope" = user ] && [ -z "$keep_data" ]; then
        remove_data "your build cache" "$cache_home/slipway"
        remove_data "journals and state" "$state_home/slipway"
        remove_data "your settings" "$config_home/slipway"
    elif [ -z "$keep_data" ]; then
        remove_data "settings for all" "$D/etc/slipway"
    fi
    remove_folders
    report_kept
    mutated=
    [ "$changes" -gt 0 ] || say "nothing of Slipway was found below $D$prefix"
    [ -z "$failed" ] || die "not everything could be removed"
}

# A text file outside the prefix is of this install if it names this install's folder.
mentions_us() { grep -qF -- "$shims" "$1" || grep -qF -- "$(quote_fish "$shims")" "$1" || grep -qF -- "$(quote_sh "$shims")" "$1"; }

remove_environment() {
    [ -f "$D/etc/environment" ] || return 0
    environment_line=$(grep -F "PATH=\"$shims:" "$D/etc/environment" | head -n 1)
    [ -n "$environment_line" ] || return 0
    strip_blocks "$D/etc/environment" "$work/now" "$environment_line"
    [ "$stripped" -gt 0 ] || return 0
    doing "take the block out of $D/etc/environment" || return 0
    if write_back "$work/now" "$D/etc/environment"; then removed "the block in /etc/environment"; else failed=1; fi
}

# Folders that we made, if nothing else is in them. If a user's manifest is lost: those where we had something, if empty now.
remove_folders() {
    [ -n "$dry" ] && return 0
    {
        say "$shims/x"
        say "$home/shell/x"
        say "$prefix/bin/x"
        say "$prefix/sbin/x"
        say "$cache_home/x"
        say "$state_home/x"
        sed -n 's/^file //p; s/^block //p' "$work/wanted"
    } >"$work/places"
    {
        say "$shims"
        say "$home/shell"
        say "$home"
        sed -n 's/^dir //p' "$work/manifest"
        if [ "$scope" = user ] && [ -z "$manifest_whole" ] && [ -n "$had_shim" ]; then
            printf '%s\n' "$prefix/bin" "$prefix/lib" "$prefix"
            printf '%s\n' "${fish_file%/*}" "${fish_file%/*/*}" "${systemd_file%/*}" "$config_home"
        fi
    } | sort -ru | while IFS= read -r path; do
        # A damaged manifest may say anything: only folders in which something of ours may have been.
        if [ "$path" != "${HOME-}" ] && PLACE=$path/ awk 'index($0, ENVIRON["PLACE"]) == 1 { found = 1 } END { exit !found }' "$work/places"; then
            rmdir -- "$D$path" 2>/dev/null
        fi
    done
}

report_kept() {
    if [ "$scope" = system ]; then
        say "kept: what each user has of his own (~/.cache/slipway, ~/.local/state/slipway, ~/.config/slipway)"
    elif [ -n "$keep_data" ]; then
        for path in "$cache_home/slipway" "$state_home/slipway" "$config_home/slipway"; do [ -e "$path" ] && say "kept: $path"; done
    fi
    if [ -d "$D/buildkit-cache/v1" ]; then
        say "kept: $D/buildkit-cache, which may be shared with others. Your own part of it goes by:"
        say "  rm -rf $D/buildkit-cache/v1/u$(id -u)"
    fi
    case ${SLIPWAY_STORE-} in '' | "$cache_home/slipway" | /buildkit-cache) ;; *) say "kept: $SLIPWAY_STORE (SLIPWAY_STORE)" ;; esac
}

# ---------------------------------------------------------------------------------------------------------------------
# Package

make_package() {
    find_programs
    tar --version 2>/dev/null | grep -q 'GNU tar' || die "--package needs GNU tar (Debian: apt-get install tar)"
    version=$(version_of "$programs/slipway")
    version=${version#slipway }
    case $version in '' | *[!A-Za-z0-9.+~-]*) die "$programs/slipway version does not begin with \"slipway VERSION\"" ;; esac
    # A package must run where nothing else is installed.
    for file in docker slipway; do
        if have ldd && ldd "$programs/$file" 2>/dev/null | grep -q '=>'; then die "$programs/$file is not static"; fi
    done
    name=slipway-$version-linux-$(uname -m)
    : "${package_file:=$name.tar.gz}"
    root=$work/package/$name
    mkdir -p "$root/bin" "$root/shims"
    cp -- "$programs/docker" "$programs/slipway" "$root/bin/" || exit 1
    cp -- "$here/shims/slipway.sh" "$here/shims/slipway.fish" "$here/shims/environment.conf" "$root/shims/" || exit 1
    cp -- "$here/install.sh" "$root/" || exit 1
    for file in LICENSE README.md; do
        if [ -f "$here/$file" ]; then cp -- "$here/$file" "$root/"; else warn "no $file to put into the package"; fi
    done
    find "$root" -type d -exec chmod 755 {} +
    find "$root" -type f -exec chmod 644 {} +
    chmod 755 "$root/bin/docker" "$root/bin/slipway" "$root/install.sh"
    # The same programs give the same bytes: order, owner and time are fixed.
    epoch=${SOURCE_DATE_EPOCH-}
    [ -n "$epoch" ] || epoch=$(git -C "$here" log -1 --format=%ct 2>/dev/null) || epoch=
    tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@${epoch:-0}" \
        -C "$work/package" -cf "$work/package.tar" "$name" || exit 1
    gzip -9 -n <"$work/package.tar" >"$work/package.tar.gz" || exit 1
    new_package=$package_file.new-$$
    if ! cp -- "$work/package.tar.gz" "$new_package" || ! mv -f -- "$new_package" "$package_file"; then
        rm -f -- "$new_package"
        die "cannot write $package_file"
    fi
    say "made $package_file ($(wc -c <"$package_file") bytes); to install: unpack it and run $name/install.sh"
}

# ---------------------------------------------------------------------------------------------------------------------
# Demo

now_seconds() { # hundredths exist wherever Linux does
    read -r uptime _ </proc/uptime
    say "$uptime"
}

demo_engines=
demo_builder=
demo_host=

end_demo() {
    # Not to be stopped half way by a second Ctrl-C.
    trap '' HUP INT TERM
    if [ -n "$demo_builder" ]; then
        "$real" buildx rm --force "$demo_builder" >/dev/null 2>&1
        "$real" image rm --force slipway-demo >/dev/null 2>&1
    fi
    if [ -n "$demo_engines" ]; then
        # shellcheck disable=SC2086 # names without blanks
        "$here/Scripts/engines" stop $demo_engines >/dev/null 2>&1
    fi
    demo_engines=
    demo_builder=
}

# The host's own engine, if it answers and keeps its images in containerd: then it can export. A second, empty one is made
# beside it by buildx, which needs an image that the engine has or may pull.
host_engine() {
    real=$(first_docker "${PATH-}:$root_path" real) || {
        why="no docker on PATH"
        return 1
    }
    $demo_limit "$real" version >/dev/null 2>&1 || {
        why="$real has no engine that answers"
        return 1
    }
    case $($demo_limit "$real" info --format '{{json .DriverStatus}}' 2>/dev/null) in
    *io.containerd.snapshotter.v1*) ;;
    *)
        why="the host's engine keeps its images in the classic store and cannot export a build cache"
        return 1
        ;;
    esac
    $demo_limit "$real" buildx version >/dev/null 2>&1 || {
        why="the host's docker has no buildx"
        return 1
    }
    say "the host's engine answers and can export; making a second, empty builder beside it"
    demo_builder=slipway-demo-$$
    if ! $demo_limit "$real" buildx create --driver docker-container --name "$demo_builder" --bootstrap >"$work/builder" 2>&1; then
        why="a second, empty builder could not be made beside the host's engine: $(tail -n 1 "$work/builder")"
        "$real" buildx rm --force "$demo_builder" >/dev/null 2>&1
        demo_builder=
        return 1
    fi
    demo_host=1
}

private_engines() {
    if [ ! -x "$here/Scripts/engines" ]; then
        why_not="private engines are set up by Scripts/engines, which is in Slipway's sources only"
        return 1
    fi
    if [ "$(id -u)" != 0 ] || [ ! -f /etc/debian_version ]; then
        why_not="private engines need root on Debian"
        return 1
    fi
    if ! "$here/Scripts/engines" check >"$work/engines" 2>&1; then
        why_not="private engines cannot be set up here: $(tail -n 1 "$work/engines")"
        return 1
    fi
    say "setting up two private, empty engines from Debian's packages"
    for name in "demo-one-$$" "demo-two-$$"; do
        demo_engines="$demo_engines $name"
        if ! "$here/Scripts/engines" start "$name" sid containerd >"$work/engines" 2>&1; then
            cat "$work/engines" >&2
            why_not="a private engine did not start; what was said stands above"
            return 1
        fi
    done
}

# The file of a program; some shells have these built in.
program() (
    IFS=:
    for folder in $PATH; do
        if [ -x "$folder/$1" ] && [ -f "$folder/$1" ]; then
            say "$folder/$1"
            exit 0
        fi
    done
    exit 1
)

# The example: a small root made of this machine's own tools, so that no registry is needed, and four steps of real work.
make_project() {
    project=$work/project
    mkdir -p "$project/root/bin" "$project/root/tmp" "$project/app"
    for tool in sh awk gzip sha256sum sort; do
        path=$(program "$tool") || die "the demo needs $tool"
        cp -L -- "$path" "$project/root/bin/$tool" || exit 1
        ldd "$path" >>"$work/ldd" 2>/dev/null
    done
    tr -s '[:space:]' '\n' <"$work/ldd" | grep '^/' | sort -u >"$work/libraries"
    while IFS= read -r path; do
        mkdir -p "$project/root${path%/*}"
        cp -L -- "$path" "$project/root$path" || exit 1
    done <"$work/libraries"
    # So that the first build is cold on a host's engine, too, whatever it has built before.
    say "$$ $(date +%s)" >"$project/root/tmp/demo"
    cat >"$project/app/words.awk" <<'END'
BEGIN { srand(7); for (n = 0; n < 1500000; n++) printf "%d %d\n", int(rand() * 1000000), n % 977 }
END
    cat >"$project/Dockerfile" <<'END'
FROM scratch
COPY root/ /
RUN awk 'BEGIN { for (n = 0; n < 6000000; n++) s = (s * 31 + n) % 1000003; print s }' > /tmp/sum
COPY app/ /app/
RUN awk -f /app/words.awk > /tmp/words && sha256sum < /tmp/words > /app/words.sum
RUN sort -n /tmp/words | gzip -9 > /app/words.gz
RUN awk '{ count[$2] += $1 } END { for (k in count) print k, count[k] }' /tmp/words | sort -n > /app/totals
END
}

# demo_build LABEL ARGUMENT...: one build through the shim; adds a line to the table. Sets steps and cached.
demo_build() {
    label=$1
    shift
    log=$work/build.log
    say "building: $label"
    began=$(now_seconds)
    # Whatever is set up on this machine, the demo is one of the defaults, with a store of its own.
    if ! (cd -- "$project" && SLIPWAY_STORE=$work/store SLIPWAY_BUILD_CACHE=on SLIPWAY_STORE_MIN_FREE=100MB SLIPWAY_TRACE=1 \
        SLIPWAY_DOCKER=$demo_docker XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config docker "$@" --progress=plain -t slipway-demo .) >"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        die "the build on the ${label%%,*} engine failed; the end of its output stands above"
    fi
    ended=$(now_seconds)
    sed -n 's/^#\([0-9]*\) \[[^]]*[0-9]\/[0-9]*\] \(RUN\|COPY\|ADD\) .*/\1/p' "$log" | sort -u >"$work/steps"
    sed -n 's/^#\([0-9]*\) CACHED.*/\1/p' "$log" | sort -u >"$work/cached"
    steps=$(wc -l <"$work/steps")
    cached=$(comm -12 "$work/steps" "$work/cached" | wc -l)
    printf '  %-18s  %7.1f  %s of %s\n' "$label" "$(awk "BEGIN { print $ended - $began }")" "$cached" "$steps" >>"$work/results"
}

# on ENGINE COMMAND...: with the engine's own docker on PATH, behind the shim
on() {
    if [ -n "$demo_host" ]; then
        demo_docker=$real
    else
        settings=$("$here/Scripts/engines" env "$1") || die "Scripts/engines env $1 failed"
        eval "$settings"
        export DOCKER_HOST DOCKER_CONFIG
        unset DOCKER_CONTEXT BUILDX_BUILDER BUILDX_CONFIG
        demo_docker=$ENGINE_DOCKER
    fi
    PATH=$shims:${demo_docker%/*}:$demo_path
    export PATH
    hash -r
    shift
    "$@"
}

demo() {
    demo_limit=
    if have timeout; then demo_limit="timeout 120"; fi
    demo_path=$PATH
    why_not=
    unset SLIPWAY
    install_all
    if [ "$changes" -gt 0 ]; then report_install; else say "already installed: $(version_of "$prefix/bin/slipway")"; fi
    say ""
    if ! host_engine; then
        say "$why"
        if ! private_engines; then
            warn "the demo needs two engines, and there are none:"
            warn "  - $why"
            warn "  - $why_not"
            warn "Any one of these helps:"
            warn "  - a Docker engine with the containerd image store: {\"features\": {\"containerd-snapshotter\": true}} in"
            warn "    /etc/docker/daemon.json, then restart it; and docker-buildx"
            warn "  - run this from Slipway's sources as root on Debian 12: it sets up two private engines by itself"
            exit 1
        fi
    fi
    make_project
    : >"$work/results"
    if [ -n "$demo_host" ]; then
        on host demo_build "first, cold" build
        on host demo_build "second, empty" buildx build --builder "$demo_builder" --load
    else
        # shellcheck disable=SC2086 # names without blanks
        set -- $demo_engines
        on "$1" demo_build "first, cold" build
        on "$2" demo_build "second, empty" build
    fi
    say ""
    printf '  %-18s  %7s  %s\n' engine seconds "steps cached"
    cat "$work/results"
    exports=$(find "$work/store" -name index.json 2>/dev/null | wc -l)
    bytes=$(du -sk "$work/store" 2>/dev/null | awk '{ printf "%.1f MB", $1 * 1024 / 1000000 }')
    say "  in the store: $exports exports, ${bytes:-0 MB} (a throw-away store, $work/store)"
    say ""
    if [ "$steps" -eq 0 ] || [ "$cached" -lt "$steps" ]; then
        grep -a -i slipway "$log" | head -n 20 >&2
        die "the second engine did not take every step from the store; what the shim said stands above"
    fi
    say "The second engine had never seen this image: it took every step from the store."
    if [ -n "$demo_host" ]; then
        say "The host's engine keeps the demo's layers in its own build cache until it needs the room."
    fi
}

# ---------------------------------------------------------------------------------------------------------------------

case $action in
install)
    install_all
    if [ -z "$dry" ]; then report_install; fi
    ;;
check)
    [ -z "$D" ] || die "--check tries the shells of this machine; run it without DESTDIR"
    set_up_probes
    table
    mutated=
    report_reach
    [ ! -s "$work/lacking" ] || exit 1
    ;;
uninstall) uninstall_all ;;
package) make_package ;;
demo) demo ;;
esac
