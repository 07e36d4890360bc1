#!/usr/bin/env bash
# Install, install again, --check, --dry-run and --uninstall, with every sh, for every kind of HOME; and --prefix.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

install "$homes" --help; equal "--help ends with 0" $? 0
check "--help tells the options" said --uninstall
for words in "--nonsense" "extra" "--keep-data" "--demo --system" "--prefix" "--uninstall --demo" "--prefix /a:b" "--dry-run --package" "--package one two"; do
    # shellcheck disable=SC2086
    install "$homes" $words; equal "'$words' is misuse: 2" $? 2
done
with=(HOME=relative); install x; equal "a HOME that is no folder: 1" $? 1; with=()

installers=()
for installer in dash "bash --posix" "busybox sh" bash; do if installed "${installer%% *}"; then installers+=("$installer"); else skip "no ${installer%% *}"; fi; done
for installer in "${installers[@]}"; do
    kinds=("o'quote \$x \"y\" \\z & é")
    [[ $installer == bash* ]] || kinds=(empty debian "with space" "${kinds[@]}")
    for kind in "${kinds[@]}"; do
        turn 3 || continue
        name="$installer, HOME $kind"
        home=$homes/${installer// /-}-$kind
        mkdir -p "$home"
        [[ $kind == empty ]] || debian_home "$home"
        before=$(tree "$home")
        install "$home"; equal "$name: installs" $? 0
        after=$(tree "$home")
        check "$name: shim is in place, 0755" test "$(stat -c %a "$home/.local/lib/slipway/shims/docker")" = 755
        equal "$name: the link" "$(readlink "$home/.local/bin/docker")" "$home/.local/lib/slipway/shims/docker"
        check "$name: tells a way back" said "SLIPWAY=off docker"
        check "$name: no shell says NO" not grep -q ' NO$\|  NO  ' "$T/out"
        reached_everywhere "$name" "$home" "$home/.local"
        install "$home"; equal "$name: installs again" $? 0
        check "$name: says that it was there" said "Already installed"
        equal "$name: twice is once" "$(tree "$home")" "$after"
        install "$home" --check; equal "$name: --check finds it" $? 0
        equal "$name: --check changes nothing" "$(tree "$home")" "$after"
        install "$home" --uninstall --dry-run
        equal "$name: --uninstall --dry-run changes nothing" "$(tree "$home")" "$after"
        install "$home" --uninstall; equal "$name: uninstalls" $? 0
        equal "$name: no trace" "$(tree "$home")" "$before"
        install "$home" --uninstall; equal "$name: uninstalls nothing" $? 0
        equal "$name: and nothing changed" "$(tree "$home")" "$before"
        install "$home" --dry-run; equal "$name: --dry-run" $? 0
        equal "$name: --dry-run changes nothing" "$(tree "$home")" "$before"
    done
done
installer="sh"

# -- --prefix

fresh prefix
install "$home" --prefix "$home/a b/c"; equal "--prefix with a space" $? 0
reached_everywhere "--prefix" "$home" "$home/a b/c"
copy() { env -i HOME="$home" PATH="$default_path" TMPDIR="$T" sh "$home/a b/c/lib/slipway/install.sh" "$@" >"$T/out" 2>&1 </dev/null; }
copy --check; equal "the installed copy checks" $? 0
check "and knows its own prefix" said "the shim"
for words in "" "--demo" "--package"; do
    # shellcheck disable=SC2086
    copy $words; equal "the installed copy cannot do more: '$words'" $? 1
done
copy --uninstall; equal "the installed copy uninstalls" $? 0
equal "--prefix: no trace" "$(tree "$home")" ""
ln -s "$home" "$T/other-name"; before=$(tree "$home")
install "$T/other-name"
env -i HOME="$T/other-name" PATH="$default_path" sh "$home/.local/lib/slipway/install.sh" --uninstall >"$T/out" 2>&1
equal "a prefix with two names: no trace" "$(tree "$home")" "$before"
install "$home" --prefix "$home/one"
install "$home" --prefix "$home/two"
install "$home" --uninstall --prefix "$home/one"
reached "of two installs the other stays" "$home" "$home/two/lib/slipway/shims/docker" bash -l
install "$home" --uninstall --prefix "$home/two"
equal "two installs: no file is left" "$(find "$home" ! -type d)" ""
(cd "$home" && install "$home" --prefix relative/)
check "a relative prefix" test -x "$home/relative/bin/slipway"
install "$home" --uninstall --prefix "$home/relative"
