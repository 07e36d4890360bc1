#!/usr/bin/env bash
# What an install and an uninstall must never touch.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

# -- Never what is not ours

fresh foreign
real_docker "$home/.local/bin/docker"
before=$(tree "$home"); install "$home"; equal "a real docker in PREFIX/bin" $? 0
check "it is not overwritten" grep -q 'real docker' "$home/.local/bin/docker"
check "and it is told" said "left unchanged: $home/.local/bin/docker"
reached_everywhere "a real docker in PREFIX/bin" "$home" "$home/.local"
install "$home" --uninstall; equal "a real docker in PREFIX/bin: no trace" "$(tree "$home")" "$before"
for file in lib/slipway/{shims/docker,shell/slipway.sh,install.sh,install/files.sh} bin/slipway; do
    fresh foreign
    real_docker "$home/.local/$file"
    before=$(tree "$home")
    install "$home"; equal "a foreign $file: 1" $? 1
    equal "a foreign $file: nothing is changed" "$(tree "$home")" "$before"
    install "$home" --uninstall; equal "a foreign $file: uninstall leaves it" "$(tree "$home")" "$before"
done
fresh foreign
install "$home"; real_docker "$T/real/docker"; cp "$T/real/docker" "$home/.local/bin/docker" # through our link
install "$home" --uninstall
check "a real docker copied over ours is kept" grep -q 'real docker' "$home/.local/lib/slipway/shims/docker"
equal "and can still be called" "$("$home/.local/bin/docker" x)" "the real docker x"
fresh foreign
mkdir -p "$home/.config/fish/conf.d"; echo 'echo mine' >"$home/.config/fish/conf.d/slipway.fish"
before=$(tree "$home"); install "$home"; install "$home" --uninstall
equal "a foreign slipway.fish" "$(tree "$home")" "$before"
mv "$package/bin/docker" "$package/bin/kept"; real_docker "$package/bin/docker"
install "$home"; equal "a docker without the marker is not installed" $? 1
equal "and nothing is" "$(tree "$home")" "$before"
mv "$package/bin/kept" "$package/bin/docker"

# -- The docker that is written down for callers without PATH

fresh record
record=$home/.local/lib/slipway/real-docker
mkdir "$T/path"; real_docker "$T/path/docker"
with=(PATH="$T/path:$default_path")
install "$home"; equal "the real docker is written down" "$(tail -n 1 "$record")" "$T/path/docker"
equal "for all to read, and nobody else to write" "$(stat -c %a "$record")" 644
rm "$T/path/docker"; real_docker "$T/newer/docker"
with=(PATH="relative:$T/newer:$default_path")
install "$home"; equal "one that has moved is written down anew" "$(tail -n 1 "$record")" "$T/newer/docker"
install "$home" --uninstall; equal "a record: no trace" "$(tree "$home")" ""
if [[ $EUID == 0 ]]; then
    for spoilt in "chown 1001 $T/newer" "chown 1001 $T/newer/docker" "chmod 777 $T/newer" "chmod 777 $T/newer/docker"; do
        $spoilt
        install "$home"; check "a docker that a stranger may replace is not written down ($spoilt)" not grep -qs "$T/newer/docker" "$record"
        install "$home" --uninstall
        chown -R 0 "$T/newer"; chmod 755 "$T/newer" "$T/newer/docker"
    done
fi
with=()

# -- The manifest

for damage in "rm" "truncate -s 0" "truncate -s 40" "sh -c 'head -c 200 /dev/urandom >\"\$1\"' x"; do
    fresh manifest
    echo mine >"$home/.bashrc"; mkdir -p "$home/.config/fish/conf.d" "$home/.local/bin"; : >"$home/.local/bin/tool"; : >"$home/.config/fish/conf.d/a.fish"
    before=$(find "$home" -type f -exec sha256sum {} +); install "$home"
    eval "$damage" '"$home/.local/lib/slipway/manifest"'
    install "$home" --uninstall; equal "manifest damaged ($damage): uninstalls" $? 0
    equal "manifest damaged ($damage): no file is left" "$(find "$home" -type f -exec sha256sum {} +)" "$before"
    check "manifest damaged ($damage): nor a link" test -z "$(find "$home" -type l)" -a ! -e "$home/.local/lib/slipway"
done
install "$home"; echo precious >"$home/precious"
printf 'file %s\nblock %s\nlink %s\nfile %s\n' "$home/precious" "$home/precious" "$home/precious" "$home/.bashrc" >>"$home/.local/lib/slipway/manifest"
install "$home" --uninstall
check "a manifest cannot point at what is not ours" test -s "$home/precious" -a -s "$home/.bashrc"

# -- Upgrade

fresh upgrade
install "$home"; inode=$(stat -c %i "$home/.local/lib/slipway/shims/docker"); exec 9<"$home/.local/lib/slipway/shims/docker"
make_package 0.2.0
rm "$home/.local/lib/slipway/install/reach.sh"; sed -i '/reach.sh/d' "$home/.local/lib/slipway/manifest" # as if it were new
before=$(tree "$home"); install "$home" --dry-run
check "--dry-run tells of an upgrade" said "would write $home/.local/lib/slipway/shims/docker"
equal "--dry-run of an upgrade changes nothing" "$(tree "$home")" "$before"
echo "# A room of Slipway's that there is no more" >"$home/.local/lib/slipway/install/old.sh"
install "$home"
check "an upgrade says its version" said "slipway 0.2.0"
check "an upgrade is a new file" test "$(stat -c %i "$home/.local/lib/slipway/shims/docker")" != "$inode"
check "what runs keeps the old one" grep -q 0.1.0 <&9
exec 9<&-
equal "no temporary files are left" "$(find "$home" -name '*.new-*')" ""
install "$home" --uninstall; equal "upgrade: no trace" "$(tree "$home")" ""
make_package

# -- Data

data() {
    mkdir -p "$home/.cache/slipway/v1/u0/gen-000001" "$home/.local/state/slipway" "$home/.config/slipway"
    : >"$home/.cache/slipway/v1/u0/gen-000001/lease"; echo x >"$home/.config/slipway/slipway.conf"; echo x >"$home/.local/state/slipway/journal"
}
fresh data
install "$home"; data; install "$home" --uninstall
equal "cache, state and settings go" "$(tree "$home")" ""
check "and are told" said "your build cache"
install "$home"; data; install "$home" --uninstall --keep-data
equal "--keep-data keeps all three" "$(find "$home" -type f | wc -l)" 3
mkdir "$T/big"; : >"$T/big/file"; rm -rf "$home/.cache/slipway"; ln -s "$T/big" "$home/.cache/slipway"
install "$home" --uninstall
check "a cache behind a link: the link goes, the target stays and is told" test -f "$T/big/file" -a ! -L "$home/.cache/slipway"
check "told" said "kept: $T/big"
if installed flock; then
    fresh data; install "$home"; data; before=$(tree "$home")
    exec 9<"$home/.cache/slipway/v1/u0/gen-000001/lease"; flock -s 9
    install "$home" --uninstall; equal "a build in progress: 1" $? 1
    equal "a build in progress: nothing is removed" "$(tree "$home")" "$before"
    exec 9<&-
    install "$home" --uninstall; equal "afterwards: no trace" "$(tree "$home")" ""
    if installed python3; then
        # There is no lease, but the kernel's table has a lock on a file with this inode, as it may come from another
        # file system.
        install "$home"; data
        python3 -c 'import fcntl, sys, time; f = open(sys.argv[1], "r+"); fcntl.lockf(f, fcntl.LOCK_EX); print("held", flush=True); time.sleep(60)' \
            "$home/.cache/slipway/v1/u0/gen-000001/lease" >"$T/holder" & holder=$!
        until grep -q held "$T/holder"; do sleep 0.1; done
        install "$home" --uninstall; equal "a lock that no build has holds up no uninstall" $? 0
        kill $holder; wait $holder 2>/dev/null
    fi
fi

# -- Interrupted

fresh interrupted
echo 'sleep 5' >"$home/.bashrc"
before=$(tree "$home")
env -i HOME="$home" PATH="$default_path" TMPDIR="$T" sh "$package/install.sh" >"$T/out" 2>&1 </dev/null & pid=$!
for _ in {1..50}; do sleep 0.1; [[ -e $home/.local/lib/slipway/shims/docker ]] && grep -q slipway "$home/.bashrc" && break; done
kill -TERM $pid; wait $pid; equal "TERM in the middle: 143" $? 143
check "the manifest is there" test -s "$home/.local/lib/slipway/manifest"
install "$home" --uninstall; equal "TERM in the middle: no trace" "$(tree "$home")" "$before"
equal "no temporary folders are left" "$(left_over)" ""
for delay in 0.02 0.1 0.2 0.4 0.8; do
    fresh interrupted; before=$(tree "$home")
    env -i HOME="$home" PATH="$default_path" TMPDIR="$T" sh "$package/install.sh" >"$T/out" 2>&1 </dev/null & pid=$!
    sleep $delay; kill -TERM $pid; wait $pid
    install "$home" --uninstall; equal "TERM after $delay s: no trace" "$(tree "$home")" "$before"
done
equal "TERM at any time: no temporary folders are left" "$(left_over)" ""
# sort is what the installer runs while it writes the manifest.
mkdir "$T/terminating"
# shellcheck disable=SC2016
printf '#!/bin/sh\nkill -TERM "$PPID"\nexec %s "$@"\n' "$(command -v sort)" >"$T/terminating/sort"; chmod 755 "$T/terminating/sort"
fresh interrupted; before=$(tree "$home")
env -i HOME="$home" PATH="$T/terminating:$default_path" TMPDIR="$T" sh "$package/install.sh" >"$T/out" 2>&1 </dev/null
equal "TERM while the manifest is written: 143" $? 143
install "$home" --uninstall; equal "TERM while the manifest is written: no trace" "$(tree "$home")" "$before"
fresh pipe; before=$(tree "$home")
env -i HOME="$home" PATH="$default_path" TMPDIR="$T" sh "$package/install.sh" </dev/null 2>/dev/null | :
equal "nobody reads what it says: no temporary folders are left" "$(left_over)" ""
install "$home" --uninstall; equal "nobody reads what it says: no trace" "$(tree "$home")" "$before"

# -- A user without permissions

if [[ $EUID == 0 ]] && installed setpriv; then
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    mkdir -m 700 "$T/nobody"; chown 65534:65534 "$T/nobody"
    with=(TMPDIR="$T/nobody" XDG_DATA_HOME="$T/nobody/data")
    fresh nobody; debian_home "$home"; chown -Rh 65534:65534 "$home"
    echo 'export Q=1' >"$home/.zprofile"; chmod 644 "$home/.zprofile" # owned by root, and readable
    before=$(tree "$home"); install "$home"; equal "a user: installs" $? 0
    reached_everywhere "a user" "$home" "$home/.local"
    install "$home" --uninstall; equal "a user: no trace" "$(tree "$home")" "$before"
    chown 0:0 "$home/.profile"; chmod 644 "$home/.profile"; chmod 755 "$home"; chown 0:0 "$home"; mkdir "$home/p"; chown 65534 "$home/p"
    before=$(tree "$home"); install "$home" --prefix "$home/p"; equal "a file that cannot be written: installs" $? 0
    check "and tells it" said ".profile was left unchanged: it cannot be written"
    install "$home" --uninstall --prefix "$home/p"; equal "a file that cannot be written: no trace" "$(tree "$home")" "$before"
    install "$home" --system; equal "--system needs root: 1" $? 1
    as=() with=()
    with=(SUDO_UID=65534 SUDO_USER=nobody); chown 65534 "$home"; install "$home"; equal "root by sudo in another's HOME: 1" $? 1; with=()
else
    skip "not root, or no setpriv"
fi
