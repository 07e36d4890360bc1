# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, reach: which docker new shells run. Each kind of each shell is started and asked, since what its
# files do cannot be known from reading them.

# shellcheck source=plugin.sh
. "$rooms/plugin.sh"

# Without a terminal, since an interactive shell would take ours; with a time limit, since the user's files may do anything,
# and a second signal, since interactive shells ignore the first.
limited=
if have timeout; then limited="timeout -k 2 10"; fi
if have setsid; then limited="setsid $limited"; fi

# probe SHELL KIND PATH: what `docker` is in such a shell when its parent has only this PATH. Sets answer.
#
# What its files print is no answer, so that goes to a place of its own, and stands between two lines there: Debian's busybox
# greets in the middle of a command. Another user gets nothing of ours to read or to write, and we look into nothing of
# theirs: they have no HOME, and answer into a file that we have opened for them.
probe() {
    shell=$(command -v "$1")
    case $2 in
    login-typed) flags="-l -i" ;;
    typed) flags=-i ;;
    login) flags=-l ;;
    *) flags= ;;
    esac
    or_not=' || true' # some have "set -e" in their files; older fish knows neither
    [ "$1" != fish ] || or_not=
    set -- "$1" "HOME=$probe_home" "PATH=$3" "SHELL=$shell" "USER=$probe_user" "LOGNAME=$probe_user" TERM=dumb
    if [ "$scope" = user ] && [ "$1" != fish ] && [ -n "${XDG_CONFIG_HOME-}" ]; then
        set -- "$@" "XDG_CONFIG_HOME=$XDG_CONFIG_HOME"
    elif [ -z "$as_user" ] && [ "$1" = fish ]; then
        # fish writes files at its very start, so it gets a copy of its settings to write into.
        rm -rf "$work/fish"
        mkdir -p "$work/fish/config" "$work/fish/data"
        if [ "$scope" = user ] && [ -d "$config_home/fish" ]; then
            cp -RL -- "$config_home/fish" "$work/fish/config/fish" 2>/dev/null
        fi
        chmod -R u+rwX "$work/fish"
        set -- "$@" "XDG_CONFIG_HOME=$work/fish/config" "XDG_DATA_HOME=$work/fish/data" \
            "XDG_CACHE_HOME=$work/fish/data" "XDG_STATE_HOME=$work/fish/data"
    fi
    shift
    : >"$work/answer"
    line="printf '\\n@\\n'"
    # shellcheck disable=SC2086,SC2016 # several words; the shell that is asked expands it
    if [ -n "$as_user" ]; then
        (cd / && $limited $as_user env -i "$@" "$shell" $flags -c "$line >&9; command -v docker >&9$or_not; $line >&9") \
            </dev/null >/dev/null 2>&1 9>>"$work/answer" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-
    else
        to='>>"$SLIPWAY_ANSWER"'
        (cd / && $limited env -i "$@" "SLIPWAY_ANSWER=$work/answer" "$shell" $flags -c "$line $to; command -v docker $to$or_not; $line $to") \
            </dev/null >/dev/null 2>&1
    fi
    find_answer
}

# What stands between the last two lines: a file if one is named there, else the first line (an alias). Sets answer.
find_answer() {
    answer='?'
    head -c 4096 "$work/answer" | awk '
        { text[NR] = $0 }
        $0 == "@" { first = last; last = NR }
        END { if (!first || last != NR) exit 1; for (n = first + 1; n < last; n++) if (text[n] != "") print text[n] }
    ' >"$work/said" || return 0
    answer=$(head -n 1 "$work/said")
    while IFS= read -r text; do
        case $text in /*) if [ -x "$text" ]; then answer=$text; fi ;; esac
    done <"$work/said"
}

# Whether an answer is the shim. What another user names is looked at as that user, who may have put anything there.
is_shim_for() {
    case $1 in /*) ;; *) return 1 ;; esac
    if [ -z "$as_user" ]; then
        is_shim "$1"
    else
        # shellcheck disable=SC2086,SC2016
        (cd / && $limited $as_user env -i "PATH=$user_path" sh -c '[ -f "$1" ] && grep -aq SLIPWAY-SHIM "$1"' sh "$1") \
            </dev/null >/dev/null 2>&1
    fi
}

# What others wrote may steer a terminal: control characters, those of U+0080 to 009F and those that turn the order of writing.
printable() {
    tr '\001-\011\013-\037\177' '?' |
        sed "s/$(printf '\302')[$(printf '\200')-$(printf '\237')]/?/g
            s/$(printf '\342\200')[$(printf '\216')-$(printf '\217')$(printf '\252')-$(printf '\256')]/?/g
            s/$(printf '\342\201')[$(printf '\246')-$(printf '\251')]/?/g; s/$(printf '\330\234')/?/g"
}

# cell SHELL KIND: sets verdict to shim, parent (the shell reads nothing, but passes on a PATH that has the shim), NO or
# "?" (no answer), and answer to the docker that it runs.
cell() {
    probe "$1" "$2" "$base_path"
    if [ "$answer" = '?' ]; then
        verdict='?'
    elif is_shim_for "$answer"; then
        verdict=shim
    else
        without=$answer
        probe "$1" "$2" "$shims:$base_path"
        if is_shim_for "$answer"; then verdict=parent; else verdict=NO; fi
        answer=$without
    fi
}

# Does a shell of this kind read a file at all? Those that do not can only have what their parent has.
reads_files() { case $1:$2 in bash:script | sh:script | sh:typed) return 1 ;; esac; }

# row LABEL SHELL [fix]: one line of the table. What it lacks goes to $work/lacking, and "lacking" is set.
row() {
    cells=
    for kind in login-typed typed login script; do
        cell "$2" "$kind"
        case ${3-}:$verdict in fix:parent | fix:NO)
            if reads_files "$2" "$kind" && fix "$2" "$kind"; then cell "$2" "$kind"; fi
            ;;
        esac
        case $kind in
        login-typed) what="typed in, login shell" ;;
        typed) what="typed in" ;;
        login) what="script, login shell" ;;
        *) what="script or -c" ;;
        esac
        case $verdict in
        shim) word="the shim" ;;
        parent) word="as its parent" ;;
        NO)
            word="NO"
            say "  $1, $what: docker is ${answer:-not found}" | printable >>"$work/lacking"
            ;;
        *)
            word="no answer"
            say "  $1, $what: did not answer within 10 seconds" >>"$work/lacking"
            ;;
        esac
        case $verdict in parent | NO) lacking=1 ;; esac
        cells="$cells$(printf '  %-14s' "$word")"
    done
    printf '  %-12s%s\n' "$1" "$cells" | sed 's/ *$//'
}

# ask_shells [fix]: makes the table. Sets lacking if a shell does not reach the shim by itself.
ask_shells() {
    lacking=
    : >"$work/lacking"
    as_user=
    probe_user=$(id -un 2>/dev/null || id -u)
    base_path=$user_path
    [ "$me" != 0 ] || base_path=$root_path
    probe_home=${HOME-}
    if [ "$scope" = system ]; then
        # A user without files of their own: only what the machine gives to all.
        probe_home=$work/empty
        mkdir -p "$probe_home"
    fi
    {
        printf '  %-12s  %-14s  %-14s  %-14s  %s\n' "" "typed, login" "typed" "script, login" "script, -c"
        who=
        if [ "$scope" = system ] && [ "$me" = 0 ]; then
            for name in bash zsh fish sh; do ! have "$name" || row "$name, root" "$name"; done
            as_user="setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --inh-caps=-all"
            base_path=$user_path probe_user=nobody probe_home=/nonexistent
        fi
        [ "$scope" = user ] || who=", users"
        for name in bash zsh fish sh; do
            if ! have "$name"; then
                printf '  %-12s  not installed\n' "$name"
            elif [ -z "$as_user" ] || { have setpriv && have setsid; }; then # without a session of their own they have our terminal
                row "$name$who" "$name" "${1-}"
            fi
        done
    } >"$work/table"
}

# What no shell file reaches has the PATH it was given; these are the usual ones.
path_row() { # path_row WHOSE PATH
    plain=$(first_docker "$2")
    if [ -z "$plain" ]; then
        plain="no docker there"
    elif is_shim "$plain"; then
        plain="the shim"
    else
        plain="NO: $plain"
        path_lacking=1
    fi
    printf '  %-48s  %s\n' "$1" "$plain"
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
    say "Processes that no shell starts have the PATH that they were given. The usual ones lead to:"
    path_lacking=
    path_row "root, system services, docker exec, sudo" "$root_path"
    path_row "users, before any file is read" "$user_path"
    path_row "cron jobs of users" /usr/bin:/bin
    if [ -n "$path_lacking" ]; then
        say "  If it says NO, put this folder first on the PATH that you set there (crontab, unit, image):"
        say "    $shims"
    fi
    say "What docker and compose run for builds:"
    report_plugin
    if [ "$scope" = user ] && [ -f "$config_home/environment.d/slipway.conf" ]; then
        say "  Processes that your own systemd starts have it after the next login ($config_home/environment.d/slipway.conf)."
    fi
}
