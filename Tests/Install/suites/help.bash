#!/usr/bin/env bash
# The manual page and the completions: tested in real shells, and removed by an uninstall.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

pages() { find "$1" -name 'slipway.1' -o -path '*completions/slipway*' -o -name _slipway; }

# in_bash FILE WORD...: bash's completions of the last of these words
# shellcheck disable=SC2016 # the shell that is started expands it
in_bash() {
    env -i PATH="$default_path" bash --norc -c '
        . "$1" || exit
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
        function=$(complete -p slipway) && function=${function##*-F } && function=${function%% *}
        "$function" slipway "${!#}" "${COMP_WORDS[$# - 2]}"
        printf "%s\n" "${COMPREPLY[@]}"
    ' bash "$@" 2>>"$T/out" | sed 's/ *$//' | sort | tr '\n' ' '
}

# in_zsh HOME WORDS: what zsh shows in a terminal of its own after these words and a tab
# shellcheck disable=SC2016
in_zsh() {
    env -i HOME="$1" PATH="$default_path" TERM=dumb zsh -d -c '
        zmodload zsh/zpty
        zpty -b shell "PS1=ready TERM=vt100 zsh -d -i"
        zpty -w shell "autoload -Uz compinit; compinit -D; unset zle_bracketed_paste; bindkey \"^I\" complete-word; echo s\"\"et; echo u\"\"p"
        zpty -r -m shell out "*set*up*" || exit
        zpty -w -n shell "$1"$'"'\\t'"'
        for n in {1..300}; do
            zpty -r -t shell out && all+=$out
            [[ $all != *store* ]] || break
            sleep 0.1
        done
        printf %s "$all"
    ' zsh "$2" 2>>"$T/out" </dev/null | tr -d '\0'
}

in_fish() { env -i HOME="$1" PATH="$default_path" TERM=dumb fish -c "complete -C '$2'" 2>>"$T/out" | cut -f 1 | tr '\n' ' '; }

fresh help
debian_home "$home"
before=$(tree "$home")
install "$home"; equal "installs" $? 0
share=$home/.local/share
check "the manual page is told" said "manual page     $share/man/man1/slipway.1"
if installed man; then
    page() { env -i HOME="$home" PATH="$1:/usr/bin:/bin" MANPAGER=cat man slipway >"$T/page" 2>&1 && grep -q 'explain' "$T/page"; }
    check "man finds the page beside bin" page "$home/.local/bin"
    check "and beside the shim" page "$home/.local/lib/slipway/shims"
fi
if installed mandoc; then check "mandoc has nothing against it" mandoc -Tlint -W warning "$share/man/man1/slipway.1"; fi
if installed groff; then
    check "nor has groff" test -z "$(groff -man -ww -z "$share/man/man1/slipway.1" 2>&1)"
else
    skip "no groff"
fi
bash_file=$share/bash-completion/completions/slipway
equal "bash: st" "$(in_bash "$bash_file" slipway st)" "stats status store "
equal "bash: an option" "$(in_bash "$bash_file" slipway log --dec)" "--declined "
equal "bash: a reason" "$(in_bash "$bash_file" slipway log --code SLP40)" "SLP400 SLP401 SLP402 SLP403 SLP404 SLP405 "
if installed zsh; then
    shown=$(in_zsh "$home" "slipway st")
    check "zsh: st" test "${shown#*stats}" != "$shown" -a "${shown#*store}" != "$shown"
else
    skip "no zsh"
fi
if installed fish; then
    cp -a "$home" "$T/fish-home"
    equal "fish: st" "$(in_fish "$T/fish-home" "slipway st")" "stats status store "
    equal "fish: a reason" "$(in_fish "$T/fish-home" "slipway log --code SLP40")" "SLP400 SLP401 SLP402 SLP403 SLP404 SLP405 "
else
    skip "no fish"
fi
after=$(tree "$home"); install "$home"; equal "twice is once" "$(tree "$home")" "$after"
install "$home" --uninstall; equal "no trace" "$(tree "$home")" "$before"

fresh lost
install "$home"; rm "$home/.local/lib/slipway/manifest"
install "$home" --uninstall; equal "without the manifest no page is left" "$(pages "$home")" ""

fresh xdg
with=(XDG_DATA_HOME="$home/data"); install "$home"; with=()
check "XDG_DATA_HOME: bash" test -s "$home/data/bash-completion/completions/slipway"
install "$home" --uninstall; equal "XDG_DATA_HOME: no trace, even without the variable" "$(tree "$home")" ""

fresh foreign
mkdir -p "$home/.local/share/man/man1" "$home/.local/share/bash-completion/completions"
echo 'of another program' | tee "$home/.local/share/man/man1/slipway.1" >"$home/.local/share/bash-completion/completions/slipway"
before=$(tree "$home"); install "$home"; equal "pages of somebody else: installs" $? 0
check "and tells it" said "man1/slipway.1 was left unchanged: it is not Slipway's"
install "$home" --uninstall; equal "pages of somebody else stay" "$(tree "$home")" "$before"

fresh two
install "$home" --prefix "$home/one"; install "$home" --prefix "$home/two"
install "$home" --uninstall --prefix "$home/one"
check "of two installs the other keeps its page" test -s "$home/two/share/man/man1/slipway.1"
if installed fish; then check "and what fish reads" test -s "$home/.config/fish/completions/slipway.fish"; fi

fresh group
(umask 002; mkdir -p "$home/.local/share/zsh")
install "$home"
check "zsh is not given a folder that others may write" said "others may write that folder"
check "and none is made" test ! -e "$home/.local/share/zsh/site-functions"
fresh mask
as=(bash -c 'umask 002; exec "$@"' bash); install "$home"; as=()
if installed zsh; then
    equal "a loose umask: zsh trusts its folders" "$(env -i HOME="$home" PATH="$default_path" zsh -c 'autoload -Uz compaudit; compaudit' 2>&1)" ""
fi
