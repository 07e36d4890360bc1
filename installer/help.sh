# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, help: the manual page of slipway, and what bash, zsh and fish complete. They come as shims/help has
# them; Scripts/help writes that.

# shellcheck source=shells.sh
. "$rooms/shells.sh"

# bash-completion looks below XDG_DATA_HOME for what is a user's own; fish has a folder beside its settings. zsh has none for
# users: slipway.sh names this one to it.
share=$prefix/share
if [ "$scope" = user ] && [ "$prefix" = "$HOME/.local" ]; then share=$(absolute_or "${XDG_DATA_HOME-}" "$share"); fi
manual=$prefix/share/man/man1/slipway.1
bash_completion=$share/bash-completion/completions/slipway
zsh_completion=$prefix/share/zsh/site-functions/_slipway
fish_completion=$config_home/fish/completions/slipway.fish
# man looks beside the folders on PATH, and of ours perhaps only the shim's is there.
manual_link=$home/man

help_files() { printf '%s\n' "$manual" "$bash_completion" "$zsh_completion" "$fish_completion"; }

put_help() { # put_help NAME PATH
    fill "help/$1" "$shims" "$work/help-$1"
    put_text "$work/help-$1" "$2"
}

# At its start zsh asks about folders that others may write, and waits for an answer.
zsh_trusts() {
    folder=${1%/*}
    for folder in "$folder" "${folder%/*}"; do
        [ ! -d "$folder" ] || [ -z "$(find "$folder/." -prune \( -perm -020 -o -perm -002 \))" ] || return 1
    done
}

put_all_help() {
    put_help slipway.1 "$manual"
    [ "$scope" = system ] || put_link "$manual_link" "$prefix/share/man"
    put_help bash "$bash_completion"
    if zsh_trusts "$zsh_completion"; then
        put_help zsh "$zsh_completion"
    else
        say "not written: $zsh_completion (others may write that folder, and zsh would ask about it)"
    fi
    if have fish || [ -d "$config_home/fish" ]; then put_help fish "$fish_completion"; fi
}
