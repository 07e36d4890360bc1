# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, uninstall: everything out again that the manifest names or that can be known without it, as long as
# it is ours: a damaged manifest may say anything.

# shellcheck source=help.sh
. "$rooms/help.sh"
# shellcheck source=plugin.sh
. "$rooms/plugin.sh"

# A text file outside our folder is of this install if it names this install's folder.
names_us() { grep -qF -- "$shims" "$1" || grep -qF -- "$(quote_fish "$shims")" "$1" || grep -qF -- "$(quote "$shims")" "$1"; }

remove_file() {
    [ -e "$1" ] || return 0
    case $1 in
    "$home"/* | "$prefix/bin/slipway") ;;
    "$profile_file" | */fish/conf.d/slipway.fish | */environment.d/slipway.conf | */man/man1/slipway.1 | \
        */bash-completion/completions/slipway | */site-functions/_slipway | */fish/completions/slipway.fish) names_us "$1" || return 0 ;;
    *) return 0 ;;
    esac
    if [ -L "$1" ] || ! is_ours "$1"; then
        say "kept, not Slipway's: $1"
    else
        delete "$1"
    fi
}

remove_link() {
    [ -L "$1" ] || return 0
    case $(readlink -- "$1") in
    "$prefix/bin/slipway" | "$prefix/share/man") delete "$1" ;;
    "$shims/docker")
        if [ -e "$1" ] && ! is_shim "$1"; then
            say "kept, because the real docker is behind it: $1"
        else
            delete "$1"
        fi
        ;;
    esac
}

# A build in progress reads the store and would fail. Strangers who can read a lease can lock it, too: they do not count.
store_in_use() {
    [ -d "$1" ] || return 1
    find "$1/" -name lease -type f 2>/dev/null >"$work/leases"
    while IFS= read -r lease; do
        # The kernel's table tells files of two file systems apart by no number that stat shows, so it is asked only about a lock that
        # there is.
        if have flock && flock -n -x "$lease" true 2>/dev/null; then continue; fi
        holders=$(lock_holders "$lease")
        if [ -n "$holders" ]; then
            for holder in $holders; do is_strangers "$holder" || return 0; done
        elif have flock; then
            return 0
        fi
    done <"$work/leases"
    return 1
}

# The processes with a lock on a file, as the kernel counts them; -1 for a lock that is of no process.
lock_holders() {
    inode=$(stat -c %i -- "$1") && awk -v inode="$inode" '
        $2 != "->" { count = split($6, part, ":"); if (part[count] == inode) print $5 }
    ' /proc/locks 2>/dev/null
}

is_strangers() {
    user=$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null)
    case $user in '' | 0 | "$me") return 1 ;; esac
}

# Whether something is mounted at a folder or below it; in doubt, yes.
holds_mount() {
    [ -d "$1" ] || return 1
    place=$(cd -- "$1" 2>/dev/null && pwd -P) && cut -d ' ' -f 5 /proc/self/mountinfo >"$work/mounts" 2>/dev/null || return 0
    place=$(say "$place" | sed "s/\\\\/\\\\134/g; s/ /\\\\040/g; s/$(printf '\t')/\\\\011/g") # as the kernel writes it
    while IFS= read -r mounted; do
        case $mounted in "$place" | "$place"/*) return 0 ;; esac
    done <"$work/mounts"
    return 1
}

remove_data() { # remove_data WHAT FOLDER
    if [ -L "$2" ]; then
        say "kept: $(readlink -f -- "$2"), to which $2 pointed"
        delete "$2" "a link"
    elif holds_mount "$2"; then
        # rm would empty what other containers use, and busybox' knows no --one-file-system.
        say "kept, because what is mounted there may be shared with others: $2"
    elif [ -e "$2" ] && [ "$(stat -c %u -- "$2")" != "$me" ]; then
        say "kept, because it belongs to another user: $2"
    elif [ -e "$2" ]; then
        delete "$2" "$1"
        if grep -qxF -- "absent ${2%/*}" "$work/manifest"; then say "dir ${2%/*}" >>"$work/places"; fi
    fi
}

# All that may be ours, as in the manifest.
all_places() {
    cat "$work/manifest"
    if [ "$scope" = user ]; then
        block_files | sed 's/^/block /'
    else
        for file in profile bash.bashrc bashrc zshenv zsh/zshenv; do say "block /etc/$file"; done
    fi
    printf 'link %s\n' "$prefix/bin/docker" "$prefix/sbin/docker" "$shims/slipway" "$manual_link" "$plugin"
    help_files | sed 's/^/file /'
    printf 'file %s\n' "$fish_file" "$systemd_file" "$profile_file" "$prefix/bin/slipway" "$shims/docker" \
        "$home"/shell/* "$home"/install/*.sh "$home/install.sh" "$docker_record"
    manifest_is_whole || printf 'dir %s\n' "$home" "$shims" "$home/shell" "$home/install"
}

take_out() {
    if [ "$scope" = user ] && [ -z "$keep_data" ] && store_in_use "$cache_home/slipway"; then
        die "a build is using $cache_home/slipway. Nothing was removed; try again when it is done, or add --keep-data"
    fi
    load_manifest
    all_places | sort -u >"$work/places"
    # The way to the shim first, then the shim: nobody finds half of it.
    for what in block link file; do
        while read -r kind path; do
            [ "$kind" != "$what" ] || "remove_$kind" "$path"
        done <"$work/places"
    done
    [ ! -f "$manifest" ] || delete "$manifest"

    if [ -n "$keep_data" ]; then
        :
    elif [ "$scope" = user ]; then
        remove_data "your build cache" "$cache_home/slipway"
        remove_data "journals and state" "$state_home/slipway"
        remove_data "your settings" "$config_home/slipway"
    else
        remove_data "settings for all" /etc/slipway
    fi
    [ -n "$dry" ] || remove_folders "$work/places"
    report_kept
    mutated=
    [ "$changes" -gt 0 ] || say "found nothing of Slipway's below $prefix"
    [ -z "$failed" ] || die "not everything could be removed"
}

report_kept() {
    if [ "$scope" = system ]; then
        say "kept: each user's own files (~/.cache/slipway, ~/.local/state/slipway, ~/.config/slipway)"
    elif [ -n "$keep_data" ]; then
        for path in "$cache_home/slipway" "$state_home/slipway" "$config_home/slipway"; do [ ! -e "$path" ] || say "kept: $path"; done
    fi
    if [ -d /buildkit-cache/v1 ]; then
        say "kept: /buildkit-cache, which may be shared with others. To remove your own sub-store:"
        say "  rm -rf /buildkit-cache/v1/u$(id -u)"
    fi
    case ${SLIPWAY_STORE-} in '' | /buildkit-cache) ;; *) say "kept: $SLIPWAY_STORE (SLIPWAY_STORE)" ;; esac
}
