#!/usr/bin/env bash
# Whatever the tree, the store or a command's files contain, no command is delayed: work for which there is no time is
# left out, with a reason in the journal, and the build runs and shares its layers. Counts steps, not seconds.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
need strace
need python3
engine a sid containerd

# tree DIR: a repository with 40,000 tracked files, and a project to build beside them.
tree() {
    project "$1"
    (cd "$1" && python3 - <<'PYTHON')
import os
for folder in range(400):
    os.makedirs(f"src/{folder}")
    for number in range(100):
        open(f"src/{folder}/{number}", "w").close()
PYTHON
    mkdir "$1/part"
    mv "$1/Dockerfile" "$1/part"
    cp "$1"/* "$1/part" 2>/dev/null || true
    git -C "$1" add .
}

# few_steps COMMAND...: runs it, and counts the system calls that the process makes, first as the shim and then as
# docker.
few_steps() {
    run on a strace -qq -o "$place/calls" "$@"
    [[ $(wc -l <"$place/calls") -le $most_steps ]] || fail "$(wc -l <"$place/calls") calls"
}

# The limit for the mode survey, which is driven by the index, and everything else: ten milliseconds do not suffice
# for more.
most_steps=20000

with_index() { # SETTING...
    tree app
    local setting
    for setting; do eval "git -C app $setting"; done
    run on a docker build -t app app/part
    expect_notes SLP002 '!SLP120' '!SLP405'
    few_steps docker build -t app app/part
}
version_2() { with_index 'update-index --index-version 2'; }
version_3() { with_index 'update-index --index-version 3' 'rm --quiet --cached src/0/0' 'add --intent-to-add src/0/0'; }
version_4() { with_index 'update-index --index-version 4'; }
many_files() { with_index 'config feature.manyFiles true' 'update-index --force-write-index' 'status --short'; }
turn_case 10 "40,000 files in an index of version 2 hold up no build" version_2
turn_case 10 "40,000 files in an index of version 3 hold up no build" version_3
turn_case 10 "40,000 files in an index of version 4 hold up no build" version_4
turn_case 10 "40,000 files under feature.manyFiles hold up no build" many_files

# An index of 4 MiB designed to take long: version 4, in which each path repeats all but the end of the one before.
hostile_index() {
    project app
    python3 - app/.git/index <<'PYTHON'
import hashlib, struct, sys
count = 60000
entries = []
for number in range(count):
    tail = b"%06d" % number
    # All of the path before but for its last six bytes.
    removed, path = (6, tail) if number else (0, b"p" * 4000 + tail)
    entries.append(struct.pack(">10L", 1, 2, 3, 4, 5, 6, 0o100644, 8, 9, 10) + b"\xab" * 20 + b"\0\0" + bytes([removed]) + path + b"\0")
index = b"DIRC" + struct.pack(">LL", 4, count) + b"".join(entries)
open(sys.argv[1], "wb").write(index + hashlib.sha1(index).digest())
PYTHON
    run on a docker build -t app app
    expect_notes SLP002
    few_steps docker build -t app app
}
test_case "an index crafted to take long delays no build" hostile_index

# Replaces each file that is read before exec by something that cannot be read, or never ends.
odd_files() {
    project app
    local file kind
    mkdir -p "$home/.config/slipway" "$home/.local/state/slipway"
    for file in app/.git/index app/.git/config app/.git/HEAD app/.git/commondir app/.git/refs/remotes/origin/HEAD \
        app/Dockerfile.dockerignore "$home/.config/slipway/slipway.conf" "$home/.local/state/slipway/versions" "$home/.local/state/slipway/engines" \
        "$home/.local/state/slipway/journal.jsonl" "$store/v1/u0/gen-000001/size" "$store/v1/u0/gen-000001/lease"; do
        for kind in fifo directory device nothing; do
            turn 10 || continue
            [[ ! -e $file ]] || mv "$file" kept
            mkdir -p "$(dirname "$file")"
            case $kind in
                fifo) mkfifo "$file" ;;
                directory) mkdir "$file" ;;
                device) mknod "$file" c 1 5 ;; # /dev/zero never ends
                nothing) ln -s "$file" "$file" ;;
            esac
            [[ $file != *.dockerignore ]] || { rm -rf "$file"; continue; } # docker reads this one itself
            run on a BUILDX_GIT_INFO=false timeout 100 docker build -q app # git, which it runs, would hang
            rm -rf "$file"
            [[ ! -e kept ]] || mv kept "$file"
        done
    done
}
test_case "a FIFO, a directory, a device or a loop in place of any file delays no build" odd_files 600
