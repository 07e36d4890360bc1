#!/usr/bin/env bash
# What another user on the machine may try while install.sh runs: a real second user, against root and against a user.

# shellcheck disable=SC2016 # programs for other interpreters stand in quotes
. "$(dirname -- "${BASH_SOURCE[0]}")/../namespace.bash"

mkdir -p "$T"/ns/{etc,local/bin,local/sbin,root}
cp -a /etc/. "$T/ns/etc/"
rm -rf "$T"/ns/etc/profile.d/*slipway* "$T/ns/etc/slipway"
mount --bind "$T/ns/etc" /etc
mount --bind "$T/ns/local" /usr/local
mount --bind "$T/ns/root" /root
for file in {/usr,}/{bin,sbin}/docker; do [[ ! -e $file ]] || mount --bind /bin/false "$file"; done

owner=1000 stranger=1001
by_owner=(setpriv --reuid="$owner" --regid="$owner" --clear-groups)
by_stranger=(setpriv --reuid="$stranger" --regid="$stranger" --clear-groups)
shared=$T/shared lair=$T/lair
mkdir -m 1777 "$shared" "$T/tmp"
mkdir "$lair"
chown $stranger:$stranger "$lair"
"${by_stranger[@]}" sh -c 'umask 0; : >"$1/ran"; : >"$1/read"; : >"$1/seen"; : >"$1/modes"' sh "$lair"
own() { chown -Rh $owner:$owner "$home"; }
# A program that records who has run it.
payload="/usr/bin/id -u >>'$lair/ran'"
ran() { sort -u "$lair/ran" | tr '\n' ' '; }
forget() { : >"$lair/ran"; : >"$lair/read"; : >"$lair/seen"; : >"$lair/modes"; }

# The racer: in every folder that appears, it writes the files that shells read at their start, and reads every file; it
# lists what it was able to read. It runs until "stop" appears in its lair.
cat >"$T/racer.py" <<'END'
import os, sys
place, lair, payload = sys.argv[1:]
planted = ["fish/config/fish/config.fish", "fish/config/fish/conf.d/a.fish", "empty/.profile", "empty/.bashrc", "empty/.zshenv",
           "empty/.config/fish/config.fish", "config.fish", "fish/config.fish", ".profile", ".bashrc", ".zshenv",
           ".config/fish/config.fish", "slipway.sh", "docker"]
def note(name, text):
    with open(lair + "/" + name, "a") as file:
        file.write(text + "\n")
seen = set()
open(lair + "/started", "w").close()
while not os.path.exists(lair + "/stop"):
    for name in os.listdir(place):
        folder = place + "/" + name
        if folder not in seen:
            seen.add(folder)
            note("seen", name)
        try:
            status = os.lstat(folder)
            if status.st_mode & 0o77 and status.st_uid != os.getuid():
                note("modes", "%o %s" % (status.st_mode & 0o77, name))
        except OSError:
            continue
        for path in planted:
            path = folder + "/" + path
            for parent in (os.path.dirname(os.path.dirname(path)), os.path.dirname(path)):
                try:
                    os.mkdir(parent)
                    os.chmod(parent, 0o777)
                except OSError:
                    pass
            try:
                with open(path, "w") as file:
                    file.write(payload + "\n")
            except OSError:
                pass
        try:
            with open(folder + "/fish/config/fish/fish_variables") as file:
                note("read", file.read())
        except OSError:
            pass
        for parent, _, files in os.walk(folder):
            for name in files:
                try:
                    with open(parent + "/" + name) as file:
                        note("read", file.read())
                except (OSError, ValueError):
                    pass
END
race() { # race FOLDER
    forget
    rm -f "$lair/stop" "$lair/started"
    "${by_stranger[@]}" python3 "$T/racer.py" "$1" "$lair" "$payload" & racer=$!
    for _ in {1..100}; do [[ ! -e $lair/started ]] || break; sleep 0.05; done
}
stop_race() { "${by_stranger[@]}" touch "$lair/stop"; wait $racer; }

# -- Scratch folders

with=(TMPDIR="$T/tmp")
for who in root user system; do
    fresh "scratch-$who"
    words=()
    [[ $who != system ]] || words=(--system)
    mkdir -p "$home/.config/fish"
    echo 'SETUVAR token:a-secret-value' >"$home/.config/fish/fish_variables"
    chmod 600 "$home/.config/fish/fish_variables"
    if [[ $who == user ]]; then as=("${by_owner[@]}"); own; fi
    race "$T/tmp"
    install "$home" "${words[@]}"; status=$?
    install "$home" --check "${words[@]}"
    stop_race
    equal "a racer beside an install ($who): installs" $status 0
    equal "a racer beside an install ($who): nothing of a stranger's is run" "$(ran)" ""
    equal "a racer beside an install ($who): a private fish_variables is not read" "$(grep -c a-secret "$lair/read")" 0
    equal "a racer beside an install ($who): no scratch folder is open to others" "$(sort -u "$lair/modes")" ""
    check "the racer has seen the install ($who)" grep -q slipway-install "$lair/seen"
    install "$home" --uninstall "${words[@]}"
    as=()
done

# If everybody may rename a folder, a private one inside does not help: scratch folders are made elsewhere.
mkdir -m 777 "$T/open"
mkdir "$T/foreign"; chown $stranger "$T/foreign"
for place in open foreign; do
    with=(TMPDIR="$T/$place")
    fresh "tmpdir-$place"
    race "$T/$place"
    install "$home"; status=$?
    stop_race
    equal "TMPDIR is a stranger's or everybody's ($place): installs" $status 0
    equal "TMPDIR is a stranger's or everybody's ($place): nothing is made there" "$(cat "$lair/seen")" ""
done
with=()

# -- Names that can be guessed, and links that were planted

victim=$T/victim
echo precious >"$victim"
fresh links
make_checkout
plant() { # plant FILE: links with the names that a program derives from it and its PID
    local next
    sh -c 'echo $$' >"$T/number"
    next=$(cat "$T/number")
    "${by_stranger[@]}" perl -e 'my ($file, $to, $from) = @ARGV; symlink $to, "$file.new-$_" for $from .. $from + 4000' "$1" "$victim" "$next"
}
plant "$shared/slipway.tar.gz"
from_checkout "$T/swift:$plain" --package "$shared/slipway.tar.gz"; equal "links under guessed names beside a package: it is made" $? 0
equal "links under guessed names beside a package are not followed" "$(cat "$victim")" precious
check "the package is whole" tar -tzf "$shared/slipway.tar.gz"
find "$shared" -mindepth 1 -delete
fresh dotfiles
mkdir "$shared/dotfiles"; chmod 1777 "$shared/dotfiles"
echo 'A=1' >"$shared/dotfiles/profile"; chmod 644 "$shared/dotfiles/profile"
ln -s "$shared/dotfiles/profile" "$home/.profile"
plant "$shared/dotfiles/profile"
install "$home"; equal "links under guessed names beside a dotfile: installs" $? 0
equal "links under guessed names beside a dotfile are not followed" "$(cat "$victim")" precious
check "the dotfile has its block" grep -q slipway "$shared/dotfiles/profile"
equal "and its mode" "$(stat -c %a "$shared/dotfiles/profile")" 644
install "$home" --uninstall
equal "no temporary file is left" "$(find "$shared" -name '*.new-*' -type f)" ""

# -- Modes of what is written

fresh umask
echo 'A=1' >"$home/.bashrc"; chmod 600 "$home/.bashrc"
echo 'B=1' >"$home/.profile"; chmod 664 "$home/.profile"
as=(sh -c 'umask 000; exec "$@"' sh)
install "$home"; equal "umask 000: installs" $? 0
equal "umask 000: nothing that others may write" "$(find "$home" ! -type l -perm /022 ! -name .profile)" ""
equal "umask 000: files that were there keep their modes" "$(stat -c %a "$home/.bashrc" "$home/.profile" | tr '\n' ' ')" "600 664 "
fresh umask-package
as=(sh -c 'umask 000; cd "$0" && exec "$@"' "$T")
as+=(env); home=$homes/umask-package
"${as[@]}" -i HOME="$home" PATH="$T/swift:$plain" TMPDIR="$T" sh "$checkout/install.sh" --package "$T/made.tar.gz" >"$T/out" 2>&1
equal "umask 000: a package is for nobody else to write" "$(stat -c %a "$T/made.tar.gz")" 644
fresh umask-private
as=(sh -c 'umask 077; exec "$@"' sh)
install "$home"; equal "umask 077: installs" $? 0
equal "umask 077: new dotfiles are private" "$(stat -c %a "$home/.profile")" 600
as=()

# -- What is taken away

fresh folders
mkdir -p "$home/.local/lib/slipway/shims" "$home/.local/share/man/man1" "$home/.config/environment.d" "$home/.local/bin"
before=$(tree "$home")
install "$home"; install "$home"; install "$home" --uninstall
equal "an uninstall removes only folders that the install made" "$(tree "$home")" "$before"
fresh another
install "$home"; mkdir "$home/.cache" "$home/.local/state"
install "$home" --uninstall
check "and none that another program has made since" test -d "$home/.cache" -a -d "$home/.local/state"
fresh later
install "$home"
rm -rf "$home/.cache"; mkdir "$home/.cache"; chown $stranger "$home/.cache"; mkdir "$home/.cache/slipway"; echo x >"$home/.cache/slipway/x"; chown -R $stranger "$home/.cache"
install "$home" --uninstall
check "an uninstall removes nobody else's data" test -e "$home/.cache/slipway/x"
check "and tells it" said "kept, because it belongs to another user: $home/.cache/slipway"
fresh late-folder
with=(XDG_CACHE_HOME="$home/made-later")
mkdir "$home/made-later"
install "$home"; install "$home" --uninstall
check "a folder that was there before stays" test -d "$home/made-later"
with=()
fresh held
install "$home"
mkdir -p "$home/.cache/slipway/v1/u0/gen-000001"; : >"$home/.cache/slipway/v1/u0/gen-000001/lease"; chmod 644 "$home/.cache/slipway/v1/u0/gen-000001/lease"
"${by_stranger[@]}" flock -s "$home/.cache/slipway/v1/u0/gen-000001/lease" sh -c 'touch "$0/held"; exec sleep 60' "$lair" & holder=$!
for _ in {1..100}; do [[ ! -e $lair/held ]] || break; sleep 0.05; done
install "$home" --uninstall; equal "a stranger's lock on a lease holds up no uninstall" $? 0
kill $holder; wait $holder 2>/dev/null

# -- Whose programs run

fresh path
mkdir "$lair/bin"
for name in id stat grep sed mktemp cat cp mv chmod ln mkdir bash zsh fish timeout setsid docker readlink; do
    program "$lair/bin/$name" "$payload" "exec /usr/bin/$name \"\$@\""
done
chown -R $stranger "$lair/bin"
forget
for path in ".:$default_path" ":$default_path" "bin:$default_path" "$lair/bin:$default_path"; do
    case $path in bin:*) standing=$lair ;; *) standing=$lair/bin ;; esac
    (cd "$standing" && env -i HOME="$home" PATH="$path" sh "$package/install.sh" >"$T/out" 2>&1 </dev/null)
    equal "PATH=${path%%:/*}: installs" $? 0
    (cd "$standing" && env -i HOME="$home" PATH="$path" sh "$package/install.sh" --check >"$T/out" 2>&1 </dev/null)
    equal "PATH=${path%%:/*}: no program of a stranger's is run by root" "$(ran)" ""
    forget
done
fresh foreign-home
echo "$payload" >"$home/.bashrc"; echo "$payload" >"$home/.profile"; own
install "$home"; equal "root in somebody else's HOME: 1" $? 1
equal "root runs nobody else's shell files" "$(ran)" ""
fresh prefix
install "$home" --prefix "$lair/there"; equal "root, below a folder of somebody else's: 1" $? 1
check "says whose it is" said "belongs to another user"
equal "and nothing is made there" "$(find "$lair/there" 2>/dev/null)" ""
install "$home" --prefix "$T/open/there"; equal "root, below a folder that everybody may change: 1" $? 1

# -- What shells answer

# Output of a shell's startup files, before, between and after, is not an answer.
fresh noise
noise='echo noise; echo /noise/docker; echo "@slipway:/bin/sh@"'
printf '%s\n' "$noise" "trap 'printf /noise/docker; echo noise >&2' DEBUG" 'set -T' "trap '$noise' EXIT" >"$home/.bashrc"
cp "$home/.bashrc" "$home/.profile"
sed -i '/DEBUG\|set -T/d' "$home/.profile"
printf '%s\n' "$noise" 'TRAPDEBUG() { print noise }' "TRAPEXIT() { $noise }" >"$home/.zshenv"
mkdir -p "$home/.config/fish"
printf '%s\n' "echo noise" "function at_end --on-event fish_exit; echo noise; end" "function before --on-event fish_preexec; echo noise; end" >"$home/.config/fish/config.fish"
install "$home"; equal "noise in a shell's files: installs" $? 0
check "noise in a shell's files: every shell is reached" not grep -q ' NO$\|  NO  \|no answer' "$T/out"
install "$home" --check; equal "noise in a shell's files: --check" $? 0
fresh escapes
printf '%s\n' "alias docker=\$'\\e]0;title\\a\\xc2\\x9bno\\xe2\\x80\\xae'" >"$home/.bashrc"
install "$home"
check "an alias is told" said "bash, typed in: docker is alias docker"
check "without its control characters" test -z "$(tr -d '\n' <"$T/out" | tr -cd '\000-\037\177')"
check "nor C1 or bidi ones" not grep -q $'\xc2\x9b\|\xe2\x80\xae' "$T/out"
fresh background
echo 'sleep 300 & disown' >"$home/.bashrc"
SECONDS=0; install "$home"; status=$?
equal "a shell's files leave a process behind: installs" $status 0
check "and it is not waited for" test $SECONDS -lt 60
for file in /proc/[0-9]*/environ; do
    if grep -qz "^HOME=$home\$" "$file" 2>/dev/null && [[ $(cat "${file%environ}comm") == sleep ]]; then file=${file%/environ}; kill "${file##*/}"; fi
done
for shell in "${SLIPWAY_ENGINES-}/tools/bin/busybox" "$sources/.engines/tools/bin/busybox" "$(command -v busybox)"; do
    [[ -x $shell ]] || continue
    fresh busybox
    mkdir -p "$T/busybox"; ln -sf "$shell" "$T/busybox/sh"
    with=(PATH="$T/busybox:$default_path")
    install "$home"; equal "busybox as sh: installs" $? 0
    check "busybox as sh: is reached" not grep -q ' NO$\|  NO  \|no answer' "$T/out"
    install "$home" --check; equal "busybox as sh: --check" $? 0
    with=()
    break
done
