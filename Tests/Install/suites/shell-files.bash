#!/usr/bin/env bash
# Which of a user's files get a block, what effect other lines in them may have, and that an uninstall restores every
# byte.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

fresh bash_profile
echo 'export A=1' >"$home/.bash_profile"; echo 'export B=1' >"$home/.profile"
before=$(tree "$home")
install "$home"
check ".bash_profile gets a block" grep -q slipway "$home/.bash_profile"
check ".profile, too, for sh" grep -q slipway "$home/.profile"
reached_everywhere ".bash_profile" "$home" "$home/.local"
install "$home" --uninstall; equal ".bash_profile: no trace" "$(tree "$home")" "$before"

fresh bash_login
echo 'export A=1' >"$home/.bash_login"
install "$home"
check ".bash_login gets a block" grep -q slipway "$home/.bash_login"
reached ".bash_login" "$home" "$home/.local/lib/slipway/shims/docker" bash -l
install "$home" --uninstall; equal ".bash_login: no trace" "$(tree "$home" | wc -l)" 2

fresh zdotdir
mkdir "$home/z"; echo 'setopt nounset' >"$home/z/.zshenv"
before=$(tree "$home")
with=(ZDOTDIR="$home/z")
install "$home"
check "ZDOTDIR: block in its .zshenv" grep -q slipway "$home/z/.zshenv"
if installed zsh; then reached "ZDOTDIR: zsh -c" "$home" "$home/.local/lib/slipway/shims/docker" zsh; fi
with=()
if installed zsh; then reached "ZDOTDIR not set: zsh -c" "$home" "$home/.local/lib/slipway/shims/docker" zsh; fi
install "$home" --uninstall
equal "ZDOTDIR: no trace, even without the variable" "$(tree "$home")" "$before"

fresh xdg
with=(XDG_CONFIG_HOME="$home/conf")
install "$home"
if installed fish; then
    check "XDG_CONFIG_HOME: fish" test -f "$home/conf/fish/conf.d/slipway.fish"
    with=(XDG_CONFIG_HOME="$T/conf-copy"); cp -a "$home/conf" "$T/conf-copy"
    reached "XDG_CONFIG_HOME: fish -c" "$home" "$home/.local/lib/slipway/shims/docker" fish
fi
with=()
install "$home" --uninstall
equal "XDG_CONFIG_HOME: no trace" "$(tree "$home")" ""

fresh late
real_docker "$home/other/docker"
late="export PATH=\"$home/other:\$PATH\""
for file in .bashrc .profile .zshrc .zprofile .zlogin; do echo "$late" >"$home/$file"; done
mkdir -p "$home/.config/fish"; echo "set -gx PATH $home/other \$PATH" >"$home/.config/fish/config.fish"
before=$(tree "$home")
install "$home"; equal "files that put another docker first" $? 0
reached_everywhere "another docker first" "$home" "$home/.local"
after=$(tree "$home")
install "$home"; equal "another docker first: twice is once" "$(tree "$home")" "$after"
install "$home" --uninstall; equal "another docker first: no trace" "$(tree "$home")" "$before"

fresh alias
echo "alias docker='echo no'" >"$home/.bashrc"
install "$home"
check "an alias is told" said "bash, typed in: docker is alias docker"
install "$home" --check; equal "--check: status 1" $? 1
install "$home" --uninstall

fresh hostile
echo 'while :; do sleep 1; done' >"$home/.bashrc"
SECONDS=0; install "$home"
check "a shell that does not answer is told" said "did not answer"
check "and does not hold the install up for long" test $SECONDS -lt 90
install "$home" --uninstall
equal "a shell that does not answer: no trace" "$(tree "$home" | tail -n 1 | cut -c 67-)" ./.bashrc

fresh bytes
printf 'A=1\r\nB=2\r\n' >"$home/.bashrc"; printf '\377\376\nX=1' >"$home/.profile"; : >"$home/.zshenv"; printf '\n\n' >"$home/.zshrc"
chmod 640 "$home/.bashrc"; ln "$home/.profile" "$home/hard-link"
before=$(tree "$home"); install "$home"
equal "a hard link stays one" "$(stat -c %h "$home/.profile")" 2
equal "a mode stays" "$(stat -c %a "$home/.bashrc")" 640
install "$home" --uninstall; equal "odd bytes, no line end, empty, hard link: no trace" "$(tree "$home")" "$before"
printf 'a\0b\n' >"$home/.bashrc"; before=$(tree "$home"); install "$home"; equal "NUL bytes: installs" $? 0
install "$home" --uninstall; equal "NUL bytes: no trace" "$(tree "$home")" "$before"

fresh dangling
ln -s elsewhere/bashrc "$home/.bashrc"; mkdir "$home/elsewhere"
before=$(tree "$home"); install "$home"; check "a dangling link is followed" grep -q slipway "$home/elsewhere/bashrc"
install "$home" --uninstall; equal "a dangling link: no trace" "$(tree "$home")" "$before"

fresh appended
printf 'one=1' >"$home/.bashrc"; printf 'two=2' >"$home/.profile"
install "$home"
echo 'three=3' >>"$home/.bashrc"; echo 'four=4' >>"$home/.profile"; echo 'five=5' >>"$home/.zshenv"
install "$home" --uninstall
equal "lines added below a block stay lines" "$(cat "$home/.bashrc" "$home/.profile" "$home/.zshenv" 2>/dev/null)" $'one=1three=3\ntwo=2\nfour=4\nfive=5'
fresh appended
install "$home"
sed -i '/<<< slipway/d' "$home/.bashrc"
install "$home" --uninstall; equal "a damaged block: uninstalls the rest" $? 0
check "a damaged block is told" said "or were changed: left unchanged"
check "and stays" test -s "$home/.bashrc"

fresh new-file
install "$home"
sed -i 's/^if .*/if false; then :; fi/' "$home/.bashrc" # a block as an older install wrote it
install "$home"
equal "a block of an older install is renewed" "$(head -n 1 "$home/.bashrc")" "# >>> slipway >>> (new file)"
install "$home" --uninstall; equal "renewed: no trace" "$(tree "$home")" ""
