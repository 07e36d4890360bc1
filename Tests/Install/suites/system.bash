#!/usr/bin/env bash
# --system, as root in a mount namespace whose /etc, /usr/local and /root are throw-away copies.

. "$(dirname -- "${BASH_SOURCE[0]}")/../namespace.bash"

mkdir -p "$T/ns/etc" "$T/ns/local/bin" "$T/ns/local/sbin" "$T/ns/root"
cp -a /etc/. "$T/ns/etc/"
rm -rf "$T"/ns/etc/profile.d/*slipway* "$T/ns/etc/slipway"
mount --bind "$T/ns/etc" /etc
mount --bind "$T/ns/local" /usr/local
mount --bind "$T/ns/root" /root
for file in {/usr,}/{bin,sbin}/docker; do [[ ! -e $file ]] || mount --bind /bin/false "$file"; done

fresh system
system() { install "$home" --system "$@"; }
all() { tree / etc usr/local root "${home#/}"; }

# who_runs CASE PATTERN...: every kind of every shell, of root and of others, runs the shim; only if "WHO SHELL
# FLAGS:DOCKER" matches a pattern, the docker in the pattern: a shell that reads no files has the PATH that it was
# given.
who_runs() {
    local case=$1 who shell flags want exception got path
    shift
    for who in root nobody; do
        as=() with=(XDG_DATA_HOME="$T/ns-home-$who/data") path=$default_path
        [[ $who == root ]] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups) path=/usr/local/bin:/usr/bin:/bin
        for shell in bash zsh fish sh; do
            installed "$shell" || continue
            for flags in "" "-l" "-i" "-l -i"; do
                turn 3 || continue
                want=/usr/local/lib/slipway/shims/docker
                for exception; do [[ "$who $shell $flags" != "${exception%:*}" ]] || want=${exception#*:}; done
                # shellcheck disable=SC2086 # several words
                got=$(which_docker "$T/ns-home-$who" "$path" "$shell" $flags)
                equal "$case: $who: $shell $flags" "$(readlink -f "$got")" "$want"
            done
        done
    done
    as=() with=()
}
# fish writes to its HOME, so the shells that are asked get others: one per user, and private.
mkdir -m 700 "$T"/ns-home-{root,nobody}
chown 65534:65534 "$T/ns-home-nobody"

name="nothing in the place"
before=$(all)
system --dry-run; equal "$name: --dry-run" $? 0
equal "$name: --dry-run changes nothing" "$(all)" "$before"
system; equal "$name: installs" $? 0
equal "$name: the link" "$(readlink /usr/local/bin/docker)" /usr/local/lib/slipway/shims/docker
check "$name: no file in /etc is needed" not grep -rqi --exclude-dir=completions slipway /etc
who_runs "$name"
for file in man/man1/slipway.1 bash-completion/completions/slipway zsh/site-functions/_slipway; do
    check "$name: share/$file, for all to read" test "$(stat -c %a "/usr/local/share/$file")" = 644
done
if installed man; then equal "$name: man finds the page" "$(env -i PATH="$default_path" man -w slipway)" /usr/local/share/man/man1/slipway.1; fi
if installed fish; then
    equal "$name: fish completes" "$(env -i HOME="$T/ns-home-root" PATH="$default_path" fish -c 'complete -C "slipway stats"' | cut -f 1)" stats
fi
after=$(all); system; equal "$name: twice is once" "$(all)" "$after"
system --check; equal "$name: --check" $? 0
mkdir /etc/slipway; echo x >/etc/slipway/slipway.conf
system --uninstall --keep-data; check "--keep-data: settings stay" test -f /etc/slipway/slipway.conf
system --uninstall; equal "$name: no trace" "$(all)" "$before"
system
env -i HOME="$home" PATH="$default_path" sh /usr/local/lib/slipway/install.sh --uninstall >"$T/out" 2>&1
equal "the installed copy knows that it is the system's: no trace" "$(all)" "$before"

name="real docker in /usr/local/bin"
real_docker /usr/local/bin/docker; before=$(all)
system; equal "$name: installs" $? 0
check "$name: as its parent is told" grep -q 'bash, users.*as its parent' "$T/out"
check "$name: it is not overwritten" grep -q 'real docker' /usr/local/bin/docker
equal "$name: the link stands in sbin" "$(readlink /usr/local/sbin/docker)" /usr/local/lib/slipway/shims/docker
check "$name: bash is reached" grep -qs slipway /etc/bash.bashrc /etc/bashrc
check "$name: login shells are reached" grep -q slipway /etc/profile.d/zz-slipway.sh
who_runs "$name" "nobody bash :/usr/local/bin/docker" "nobody sh :/usr/local/bin/docker" "nobody sh -i:/usr/local/bin/docker"
after=$(all); system; equal "$name: twice is once" "$(all)" "$after"
system --uninstall; equal "$name: no trace" "$(all)" "$before"

name="real docker in both"
real_docker /usr/local/sbin/docker; before=$(all)
system
who_runs "$name" "nobody bash :/usr/local/bin/docker" "nobody sh :/usr/local/bin/docker" "nobody sh -i:/usr/local/bin/docker" \
    "root bash :/usr/local/sbin/docker" "root sh :/usr/local/sbin/docker" "root sh -i:/usr/local/sbin/docker"
system --uninstall; equal "$name: no trace" "$(all)" "$before"

name="real docker in sbin"
rm /usr/local/bin/docker; before=$(all)
system
who_runs "$name" "root bash :/usr/local/sbin/docker" "root sh :/usr/local/sbin/docker" "root sh -i:/usr/local/sbin/docker"
after=$(all); system; equal "$name: twice is once" "$(all)" "$after"
system --uninstall; equal "$name: no trace" "$(all)" "$before"
