# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, setup: the install. Everything in its place, then the shells are asked, and what they lack is
# fixed or told.

# shellcheck source=programs.sh
. "$rooms/programs.sh"
# shellcheck source=help.sh
. "$rooms/help.sh"
# shellcheck source=reach.sh
. "$rooms/reach.sh"

# What the copy of install.sh that stays behind needs for --check and --uninstall.
rooms_that_stay="trust files blocks shells help plugin reach uninstall"

# Has something of somebody else's this name?
check_place() {
    if [ -e "$1" ] || [ -L "$1" ]; then
        is_ours "$1" || die "$1 exists and is not Slipway's: nothing was installed. Move it away, or choose another --prefix"
    fi
}

place() { put "$@" || die "cannot write $2"; }

# Sets link: where the link for processes without shell files stands, if it can.
place_docker_link() {
    link=
    for file in "$prefix/bin/docker" "$prefix/sbin/docker"; do
        if put_link "$file" "$shims/docker"; then
            link=$file
            return
        fi
        say "left unchanged: $file"
        [ "$scope" = system ] || return 0
    done
}

# For callers without PATH. The shim believes it while nobody else could have put it or that docker there.
place_record() {
    real=$(first_docker "$PATH:$root_path" real) || return 0
    if outsider "$real" >/dev/null || outsider "${real%/*}" >/dev/null; then return 0; fi
    printf '%s\n' "# Slipway: the docker behind the shim where PATH names none. install.sh looks for it anew each time." "$real" >"$work/real-docker"
    put "$work/real-docker" "$docker_record" 644 || warn "cannot write $docker_record"
}

set_up() {
    find_programs
    load_manifest
    # All of them before any of them is written.
    for file in "$shims/docker" "$prefix/bin/slipway" "$snippet" "$home/shell/slipway.fish" "$home/install.sh" \
        "$docker_record"; do
        check_place "$file"
    done
    for room in $rooms_that_stay; do check_place "$home/install/$room.sh"; done
    if [ "$scope" = user ]; then
        for folder in "$cache_home" "$state_home" "$config_home"; do [ -d "$folder" ] || record absent "$folder"; done
    fi
    fill slipway.sh "$(quote "$shims")" "$work/slipway.sh"
    fill slipway.fish "$(quote_fish "$shims")" "$work/slipway.fish"

    place "$programs/docker" "$shims/docker" 755
    place "$programs/slipway" "$prefix/bin/slipway" 755
    put_link "$shims/slipway" "$prefix/bin/slipway"
    place "$work/slipway.sh" "$snippet" 644
    place "$work/slipway.fish" "$home/shell/slipway.fish" 644
    place "$here/install.sh" "$home/install.sh" 755
    for room in $rooms_that_stay; do place "$rooms/$room.sh" "$home/install/$room.sh" 644; done
    place_record
    place_docker_link
    plugin_state=
    [ -z "$with_plugin" ] || place_plugin
    put_all_help

    if [ "$scope" = user ]; then
        write_user_files
        [ -n "$dry" ] || ask_shells fix
    else
        lacking=
        [ -n "$dry" ] || ask_shells
        # With the link in bin, most machines need no file in /etc. Where one has been written before, it stays.
        grep '^block \|^file /etc/' "$work/manifest" | grep -vxF "file $fish_completion" >"$work/written"
        if [ -n "$lacking" ] || [ "$link" != "$prefix/bin/docker" ] || [ -s "$work/written" ]; then
            write_system_files
            [ -n "$dry" ] || ask_shells
        fi
    fi
    if [ -n "$dry" ]; then
        [ "$changes" -gt 0 ] || say "nothing to do"
    else
        save_manifest
    fi
}

report_setup() {
    done_what=Installed
    [ "$changes" -gt 0 ] || done_what="Already installed"
    say "$done_what: $(version_of "$prefix/bin/slipway")."
    say "  the shim        $shims/docker"
    [ -z "$link" ] || say "  a link to it    $link"
    [ -z "$plugin_state" ] || say "  docker-buildx   $plugin_state"
    say "  admin program   $prefix/bin/slipway"
    if grep -qxF "file $manual" "$work/manifest"; then say "  manual page     $manual"; fi
    sed -n 's/^block /  a block in      /p' "$work/manifest"
    for file in "$fish_file" "$systemd_file" "$profile_file" "$bash_completion" "$zsh_completion" "$fish_completion"; do
        if grep -qxF "file $file" "$work/manifest"; then say "  a file          $file"; fi
    done
    if real=$(first_docker "$PATH:$root_path" real); then
        say "  the real docker $real, unchanged"
    else
        say "  no real docker was found: until there is one, \`docker\` ends with status 127"
    fi
    say ""
    report_reach
    say ""
    now=$(first_docker "$given_path")
    if ! is_shim "$now"; then
        say "In this shell docker is still ${now:-not found}: open a new shell, or run"
        say "  . $(quote "$snippet")"
    fi
    say "One command without Slipway:  SLIPWAY=off docker ..."
    say "To remove it:                 $(quote "$home/install.sh") --uninstall"
}
