# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, shells: which files which shell reads, and what goes into them: one block in a user's own file, or
# a small file of ours where there is a folder for such.

# shellcheck source=blocks.sh
. "$rooms/blocks.sh"

fish_file=$config_home/fish/conf.d/slipway.fish
systemd_file=$config_home/environment.d/slipway.conf
profile_file=/etc/profile.d/zz-slipway.sh

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

# All files of a user that may ever have got a block, save those that only the manifest knows.
block_files() {
    for file in .profile .bash_profile .bash_login .bashrc; do say "$HOME/$file"; done
    for file in .zshenv .zprofile .zshrc .zlogin; do printf '%s\n' "$HOME/$file" "$(zsh_folder)/$file"; done
    say "$config_home/fish/config.fish"
}

# fill TEMPLATE WORD OUT: a template of shims/ with the shim's folder filled in.
fill() {
    while IFS= read -r text; do
        case $text in
        *@SHIMS@*) say "${text%%@SHIMS@*}$2${text#*@SHIMS@}" ;;
        *) say "$text" ;;
        esac
    done <"$here/shims/$1" >"$3" || die "cannot read $here/shims/$1"
}

# A file of ours among those of others. What cannot be done is only told: the rest of the install is of use without it.
put_text() { # put_text SOURCE PATH
    if [ -e "$2" ] && ! is_text_of_ours "$2"; then
        untouched "$2" "it is not Slipway's"
    else
        put "$1" "$2" 644 || untouched "$2" "it cannot be written"
    fi
}

# The user's systemd gives this PATH to all it starts: terminals and editors of a desktop, too. Its syntax knows
# variables, so only plain paths.
write_systemd_file() {
    have systemctl || [ -d /usr/lib/systemd/user ] || return 0
    case $shims in *[!A-Za-z0-9/._+@,=\ -]*)
        say "not written: $systemd_file (unusual characters in $shims)"
        return
        ;;
    esac
    fill environment.conf "$shims" "$work/environment"
    put_text "$work/environment" "$systemd_file"
}

write_user_files() {
    add_block "$HOME/.profile" sh end
    if have bash || [ -e "$HOME/.bashrc" ]; then
        login_file=$(bash_login_file)
        [ "$login_file" = "$HOME/.profile" ] || add_block "$login_file" sh end
        # At the top: what ssh and others start is not interactive, and most of these files then return early.
        add_block "$HOME/.bashrc" sh top
    fi
    if have zsh || [ -e "$(zsh_folder)/.zshenv" ] || [ -e "$HOME/.zshenv" ] || [ -e "$HOME/.zshrc" ]; then
        add_block "$(zsh_folder)/.zshenv" sh end
        if [ "$(zsh_folder)" != "$HOME" ] && [ -e "$HOME/.zshenv" ]; then add_block "$HOME/.zshenv" sh end; fi
    fi
    if have fish || [ -d "$config_home/fish" ]; then put_text "$work/slipway.fish" "$fish_file"; fi
    write_systemd_file
}

write_system_files() {
    if [ -d /etc/profile.d ]; then put_text "$work/slipway.sh" "$profile_file"; else add_block /etc/profile sh end; fi
    for file in /etc/bash.bashrc /etc/bashrc; do [ ! -f "$file" ] || add_block "$file" sh top; done
    if have zsh; then
        if [ -d /etc/zsh ]; then add_block /etc/zsh/zshenv sh end; else add_block /etc/zshenv sh end; fi
    fi
    if have fish; then put_text "$work/slipway.fish" "$fish_file"; fi
    write_systemd_file
}

# fix SHELL KIND: a second try for what the usual place did not reach: the file of that kind of shell which is read last,
# or the other end. Fails if nothing more can be done.
fix() {
    changes_before=$changes
    case $1:$2 in
    bash:login*) add_block "$(bash_login_file)" sh both ;;
    bash:typed) add_block "$HOME/.bashrc" sh both ;;
    sh:login*) add_block "$HOME/.profile" sh both ;;
    zsh:script) add_block "$HOME/.zshenv" sh both ;;
    zsh:login) add_block "$(zsh_folder)/.zprofile" sh end ;;
    zsh:typed) add_block "$(zsh_folder)/.zshrc" sh end ;;
    zsh:login-typed) add_block "$(zsh_folder)/.zlogin" sh end ;;
    fish:*) [ ! -f "$config_home/fish/config.fish" ] || add_block "$config_home/fish/config.fish" fish end ;;
    esac
    [ "$changes" != "$changes_before" ]
}
