#!/usr/bin/env bash
# What others can cause through names, kernels, init processes and limits: docker still runs, no terminal is controlled,
# nothing is left behind, and no signal hits the wrong process.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
need strace
need python3

engine a sid containerd
engine b sid containerd

# A fake engine that reports warmed packages, and a fake docker that records its arguments and exits with 3; it runs
# docker-script first.
pretend() {
    mkdir -p p/bin p/config/cli-plugins app/.git home
    cat >p/bin/docker <<DOCKER
#!/bin/sh
case \$1 in --version) echo "Docker version 28.5.2, build 0"; exit ;; esac
printf '%s\n' "\$@" >$place/words
[ ! -e $place/docker-script ] || . $place/docker-script
exit 3
DOCKER
    chmod +x p/bin/docker
    cp "$root/Tests/Oracle/plugin" p/config/cli-plugins/docker-buildx
    printf 'FROM scratch\n' >app/Dockerfile
    printf 'ref: refs/heads/main\n' >app/.git/HEAD
    python3 -B -c 'import sys, time
sys.path.insert(0, sys.argv[1])
import engine
server = engine.Engine(sys.argv[2])
server.store, server.has_packages = engine.CONTAINERD, True
time.sleep(3600)' "$root/Tests/Oracle" "$place/e.sock" &
    await 20 test -S e.sock
}

pretending() {
    note "$ pretending $*"
    $become "${within[@]}" env -i HOME="$home" PATH="$work/bin:$place/p/bin:/usr/bin:/bin" DOCKER_HOST="unix://$place/e.sock" \
        DOCKER_CONFIG="$place/p/config" SLIPWAY_STORE="$store" SLIPWAY_STORE_MIN_FREE=1MB ORACLE_RECORD=/dev/null "$@"
}

# reaches CODE WORD COMMAND...: docker has run with this word among its arguments, and the exit code is docker's.
reaches() {
    local wanted=$1 word=$2
    shift 2
    rm -f words
    try "$@"
    expect_code "$wanted"
    grep -qF -e "$word" words || fail "docker has not got $word: $(tr '\n' ' ' <words)"
}

# -- Randomness -------------------------------------------------------------------------------------------------------

# In all processes, docker included.
no_random=(strace -f -qq -o trace -e trace=getrandom -e inject=getrandom:error=ENOSYS)

no_randomness() {
    pretend
    # Contains only what docker's own script needs.
    local dev="mount -t tmpfs tmpfs /dev; mknod -m 666 /dev/null c 1 3"
    reaches 3 ps with_mounts "$dev" pretending "${no_random[@]}" docker ps
    reaches 3 --cache-to with_mounts "$dev" pretending "${no_random[@]}" docker build app
    reaches 3 --mount with_mounts "$dev" pretending "${no_random[@]}" docker run image pip
    expect_not grep -q 'getrandom.*= [1-9]' trace
}
test_case "without getrandom and /dev/urandom docker runs, with the same arguments as elsewhere" no_randomness

# strace ends when all processes have: a child that reads from a descriptor that by then is another file never would.
no_spinning() {
    pretend
    reaches 3 --cache-to pretending timeout 60 "${no_random[@]}" docker build app
    reaches 3 --mount pretending timeout 60 "${no_random[@]}" docker run image pip
    expect [ "$(find "$store" -name '*.json' | wc -l)" -gt 0 ]
}
test_case "without getrandom the background processes do their work and end" no_spinning

# -- Processes --------------------------------------------------------------------------------------------------------

# first_process PROGRAM: a container's init process, which reaps no one; its PID is $first.
first_process() {
    unshare --pid --fork --mount-proc "$1" 3600 &
    await 10 pgrep -P $! >/dev/null
    first=$(pgrep -P $!)
}
inside() { nsenter --target "$first" --pid --mount "$@"; }
ended() { inside ps -e -o stat= | grep -c '^Z' || true; }
is_quiet() { ! inside ps -e -o stat=,comm= | grep -qE '^[^Z].*docker'; }

zombies() {
    pretend
    local first
    first_process sleep
    for _ in {1..4}; do
        rm -f words
        try inside env -i HOME="$home" PATH="$work/bin:$place/p/bin:/usr/bin:/bin" DOCKER_HOST="unix://$place/e.sock" \
            DOCKER_CONFIG="$place/p/config" SLIPWAY_STORE="$store" docker run image pip
        expect_code 3
        expect grep -q -e --mount words
        await 20 is_quiet
    done
    expect_equal "$(ended)" 0 "ended processes"
    kill -KILL "$first"
}
test_case "a container whose first process reaps nothing does not fill up with zombies" zombies

# Zombies count, too.
nobody_in() { [[ $(<"$1/pids.current") == 0 ]]; }

# limited GROUP COMMAND...
# shellcheck disable=SC2016
limited() { pretending sh -c 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"' sh "$@"; }

few_processes() {
    pretend
    local groups=/sys/fs/cgroup/pids group most
    [[ -d $groups ]] || groups=/sys/fs/cgroup
    group=$groups/slipway-test-$$-$RANDOM
    mkdir "$group"
    [[ -e $group/pids.max ]] || { rmdir "$group"; note "processes cannot be limited here"; return; }
    # Like a program with many threads.
    # shellcheck disable=SC2016
    echo 'for _ in 1 2 3 4 5 6 7 8; do sleep 0.3 & done; wait' >docker-script
    for most in {6..20}; do
        [[ $most == 20 ]] || turn 3 || continue
        echo "$most" >"$group/pids.max"
        try limited "$group" "$place/p/bin/docker" run image pip
        local without=$code
        await 30 nobody_in "$group"
        try limited "$group" docker run image pip
        expect_code "$without"
        await 30 nobody_in "$group"
    done
    expect_code 3
    rmdir "$group"
}
test_case "with a low process limit a command works as without the shim" few_processes

# A signal that arrives while the last subprocess ends: when it is noticed, that program has already been waited for.
stray_signals() {
    mkdir -p p/bin
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nexec 1>&- 2>&-\nkill -TERM $PPID\n' >p/bin/docker
    chmod +x p/bin/docker
    local round
    for round in {1..10}; do
        try env -i HOME="$home" PATH="$place/p/bin:/usr/bin:/bin" strace -f -o "trace-$round" -e trace=kill,wait4,waitid,pidfd_send_signal \
            "$work/bin/slipway" warm --image i --pip x
        expect_code 143
        # The processes that it has waited for, from the results of wait4.
        awk -v own="" 'match($0, /wait4\([0-9]+.* = [0-9]+$/) { split($0, w, /[(,]/); if ($NF > 0) gone[w[2]] = 1 }
            match($0, / kill\(-?[0-9]+/) { n = substr($0, RSTART + 6, RLENGTH - 6); sub(/^-/, "", n); if (n in gone) { print; bad = 1 } }
            END { exit bad }' "trace-$round" || fail "a signal went to a process that had been waited for"
    done
}
test_case "no signal is sent to a process that has already been reaped" stray_signals

# With no arguments at all, not even a name, as in the attack on pkexec that turned its environment into its
# arguments.
nameless() {
    pretend
    rm -f words
    try pretending python3 -c 'import ctypes, os, sys
path = os.fsencode(sys.argv[1])
variables = [name + b"=" + value for name, value in os.environb.items()] + [None]
ctypes.CDLL(None).execve(path, (ctypes.c_char_p * 1)(None), (ctypes.c_char_p * len(variables))(*variables))' "$work/bin/docker"
    expect_code 3
    expect_equal "$(<words)" "" "docker's words"
}
test_case "docker runs without any argument, not even argv[0], and gets none from the environment" nameless

# -- Names ------------------------------------------------------------------------------------------------------------

# Everything that a name may contain: C0 and C1 controls, as UTF-8 and as single bytes, direction marks, invisible
# characters, line ends.
hostile=$'x\e[31m\e]0;t\a\x9b31m\x9d0;t\x9c\xc2\x9b31m\xc2\x9d\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xe2\x80\xa8\xd8\x9c\r\b\x7f y'
# And text that would start a line of its own in output for people.
forged=$'\nFORGED'

# looked_at NAME FILE...: no byte controls the terminal, and no line is forged. JSON is not such text, but has to be
# valid.
looked_at() {
    python3 -B - "$@" <<'PYTHON' || fail "$1 steers a terminal"
import re, sys
what, bad = sys.argv[1], 0
steering = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
for path in sys.argv[2:]:
    data = open(path, "rb").read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        print(f"! {what}: {path}: no UTF-8: {data[max(0, error.start - 40):error.start + 40]!r}")
        bad = 1
        continue
    for found in list(steering.finditer(text))[:3]:
        print(f"! {what}: {path}: {text[max(0, found.start() - 40):found.start() + 20]!r}")
        bad = 1
    if re.search("^FORGED", text, re.M):
        print(f"! {what}: {path}: a line is forged")
        bad = 1
sys.exit(bad)
PYTHON
}

# A tree, a store, a journal and settings full of such names. $tree is the working directory.
hostile_place() {
    tree="$place/$hostile$forged"
    mkdir -p "$tree/$hostile$forged" "$home/.config/slipway" "$home/.local/state/slipway" p/bin
    git -c init.defaultBranch=main init --quiet "$tree"
    git -C "$tree" checkout --quiet -b $'b\xc2\x9b31m\xe2\x80\xae'
    git -C "$tree" remote add origin "https://example.invalid/$hostile/app.git"
    printf 'FROM scratch AS %s\nRUN apt-get install %s\nCOPY . .\nADD https://x/%s /\n' "$hostile" "$hostile" "$hostile" >"$tree/Dockerfile"
    cp "$tree/Dockerfile" "$tree/$hostile.Dockerfile"
    echo x >"$tree/$hostile$forged/file"
    commit "$tree" first
    chmod 600 "$tree/$hostile$forged/file"
    printf 'profile = %s\n%s = 1\npath.map = /%s=/%s\nsandbox.workspace = %s\n' "$hostile" "$hostile" "$hostile" "$hostile" "$hostile" \
        >"$home/.config/slipway/slipway.conf"
    python3 -B - "$home/.local/state/slipway/journal.jsonl" "$hostile" <<'PYTHON'
import json, os, sys, time
name = os.fsencode(sys.argv[2]).decode("utf-8", "replace")
for command in ("build", "unknown", name):
    line = {"time": int(time.time()), "pid": 1, "command": command, "directory": "/" + name, "changed": True,
            "notes": [{"code": "SLP001", "message": "m: " + name + "\nFORGED"}, {"code": name, "message": name}],
            "lint": {"file": name, "partial": True, "findings": [{"line": 1, "column": 1, "code": "LNT101"}]}}
    # As an older one wrote it: raw.
    with open(sys.argv[1], "a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
with open(os.path.dirname(sys.argv[1]) + "/builds.jsonl", "w", encoding="utf-8") as file:
    file.write(json.dumps({"began": int(time.time()), "process": 1, "repository": name + "\nFORGED", "export": None, "imported": False,
                           "dockerfile": name, "cached": 1, "total": 2, "saved": 1, "exporting": 1}, ensure_ascii=False) + "\n")
PYTHON
    local key=$store/v1/u$EUID/gen-000001/exports/app-0123456789abcdef
    mkdir -p "$key" "$store/v1/u$EUID/gen-000001/blobs/sha256"
    chmod -R go-w "$store"
    ln -s gen-000001 "$store/v1/u$EUID/current"
    mkdir -p "$store/v1/u$EUID/gen-000001/exports/$hostile"
    python3 -c 'import json, os, sys
json.dump({"repository": os.fsencode(sys.argv[2]).decode("utf-8", "replace") + "\nFORGED", "target": "\u202e\nFORGED"}, open(sys.argv[1], "w"))' \
        "$key/key.json" "$hostile"
    # A docker whose output is equally hostile, and which fails or not.
    python3 - p/bin/docker "$hostile$forged" <<'PYTHON'
import os, sys
name = os.fsencode(sys.argv[2])
with open(sys.argv[1], "wb") as file:
    file.write(b"""#!/usr/bin/env python3
import json, os, sys
name = """ + repr(name).encode() + b"""
text = name.decode("utf-8", "replace")
words = sys.argv[1:]
if words[:1] == ["--version"]:
    print("Docker version 28.5.2, build 0"); sys.exit()
labels = {"app": "slipway", "type": "cache", "slipway.created": "9", "slipway.layers": text, "slipway.tools": "pip", "slipway.view": "yes",
          "slipway.workspace": text, "slipway.config-hash": text, "slipway.config-hash-full": text, "slipway.config": text, "slipway.origin": text}
row = {"Name": text, "Names": text, "Id": text, "ID": text, "Image": text, "State": text, "Labels": labels, "Mountpoint": "/" + text,
       "CreatedAt": text, "Config": {"Labels": labels, "Image": text}, "Driver": text, "Size": text, "ServerVersion": text, "OSType": text}
sys.stderr.buffer.write(name + b"\\n")
if os.environ.get("LIES"):
    print(json.dumps([row] if "inspect" in words else row, ensure_ascii=False))
    sys.exit()
sys.stdout.buffer.write(name + b"\\n")
sys.exit(1)
""")
PYTHON
    chmod +x p/bin/docker
}

every_command() {
    local tree number=0 lies
    hostile_place
    cat >commands <<'COMMANDS'
explain -- docker build -t NAME --build-arg NAME=NAME NAME
explain -- docker --NAME run x
explain -- docker run -v ./NAME:/x NAME
explain -- docker build -f NAME.Dockerfile .
paths NAME .
log
stats
status
inspect
doctor
why
why NAME
why --ref NAME
why --target NAME
check -- docker build NAME
lint .
lint NAME
lint --format sarif .
lint --diff .
lint --fix --select LNT999 NAME
modes
modes --fix --dry-run
modes NAME
warm --image NAME --pip NAME
warm --image NAME -r NAME
warm --image NAME --npm NAME
trim
trim --dry-run
trim --keep NAME
trim --packages
purge --yes --key NAME
purge --yes --packages
ps
reconcile --dry-run
reconcile
settings
store init NAME
store init ./place
version
NAME
log --code NAME
log --since NAME
help NAME
--NAME
COMMANDS
    local -a words
    while read -r line; do
        read -ra words <<<"$line"
        words=("${words[@]//NAME/$hostile$forged}")
        for lies in "" 1; do
            for json in "" --json; do
                turn 8 || continue # of every other command one answer, in one form
                number=$((number + 1))
                (
                    cd "$tree"
                    # The name is also in the environment.
                    env -i HOME="$home" PATH="$work/bin:$place/p/bin:/usr/bin:/bin" LIES=$lies SLIPWAY_STORE="$store" SLIPWAY_TRACE=1 \
                        DOCKER_CONTEXT="$hostile" BUILDX_BUILDER="$hostile" SLIPWAY_SANDBOX_PIDS="$hostile" SLIPWAY_NONESUCH="$hostile" \
                        timeout 60 slipway "${words[0]}" ${json:+"$json"} "${words[@]:1}" >"$place/out-$number" 2>"$place/err-$number" </dev/null
                ) || true
                # check runs docker itself, with its own streams.
                if [[ ${words[0]} == check ]]; then
                    sed -i '/^slipway: /!d' "$place/err-$number"
                    : >"$place/out-$number"
                fi
                looked_at "${line%% --*} $json" "$place/out-$number" "$place/err-$number"
            done
        done
    done <commands
    # The same on a terminal, with colours and lines that change.
    for line in status doctor 'lint --diff .' 'warm --image NAME --pip NAME'; do
        number=$((number + 1))
        (cd "$tree" && script -qec "env -i TERM=xterm HOME='$home' PATH='$work/bin:$place/p/bin:/usr/bin:/bin' SLIPWAY_STORE='$store' slipway $line" \
            /dev/null >"$place/out-$number" </dev/null) || true
        # Removes slipway's own sequences: colours, clearing the line, and wrapping off and on.
        sed -i $'s/\r$//; s/\e\\[\\(3[123]\\|0\\)m//g; s/\r\e\\[K//g; s/\e\\[?7[lh]//g' "$place/out-$number"
        looked_at "$line on a terminal" "$place/out-$number"
    done
}
test_case "no name in a tree, a store, a journal, an engine's answer or a setting controls a terminal, whatever the command" every_command 900

traced() {
    local tree
    hostile_place
    mkdir q
    (
        cd "$tree"
        # Docker's own output is not ours to escape.
        printf '#!/bin/sh\nexit 0\n' >"$place/p/bin/docker"
        env -i HOME="$home" PATH="$work/bin:$place/p/bin:/usr/bin:/bin" SLIPWAY_TRACE=1 SLIPWAY_STORE="$store" SLIPWAY_PROFILE=sandbox \
            docker build -t "$hostile$forged" --build-arg "$hostile" "$hostile$forged" >"$place/out" 2>"$place/err"
        env -i HOME="$home" PATH="$work/bin:$place/p/bin:/usr/bin:/bin" SLIPWAY_TRACE=1 SLIPWAY_STORE="$store" SLIPWAY_PROFILE=sandbox \
            docker run "--$hostile$forged" "$hostile" >>"$place/out" 2>>"$place/err"
        mkdir -p "$place/q/$hostile"
        printf '#!/nonesuch\n' >"$place/q/$hostile/docker"
        chmod +x "$place/q/$hostile/docker"
        env -i HOME="$home" PATH="$work/bin:$place/q/$hostile:/usr/bin:/bin" docker ps >>"$place/out" 2>>"$place/err" || true
    )
    expect [ -s err ]
    # Older lines were written by an older version.
    tail -n 2 "$home/.local/state/slipway/journal.jsonl" >journal
    looked_at "the shim" out err journal
    expect jq -e . journal >/dev/null
}
test_case "neither what the shim prints nor what it records controls a terminal" traced

# The attack: a file in a cloned repository, whose name is shown as a cause.
told_by_why() {
    project app
    # BuildKit accepts only names in UTF-8.
    local name=$'c\xc2\x9b31m\xe2\x80\xaeexe.txt'
    echo .git >app/.dockerignore
    echo 1 >"app/$name"
    sed -i 's/^COPY .*/COPY . \//' app/Dockerfile
    commit app
    run on a docker build app
    echo 2 >"app/$name"
    commit app
    run on b docker build app
    run on b slipway why
    cp "$stdout" why
    cat why
    expect grep -qF 'c\xc2\x9b31m\xe2\x80\xaeexe.txt' why
    on b slipway why --json >why.json
    looked_at why why why.json
    while read -r file; do looked_at "$file" "$file"; done < <(find "$store" "$home/.local" \( -name '*.json*' -o -name build -o -name outcome \) -type f -size -1M)
}
test_case "the name of a file in a cloned repository cannot control the terminal of slipway why" told_by_why

# -- A sandbox that cannot be applied
# -----------------------------------------------------------------------------------

# lacks WORD COMMAND...: docker runs as called, and one line on stderr and the journal say that the sandbox is
# incomplete.
lacks() {
    local word=$1
    shift
    rm -f words
    try pretending SLIPWAY_PROFILE=sandbox "$@"
    expect_code 3
    expect test -e words
    expect_equal "$(grep -c '^slipway: .*SLP805' stderr)" 1 "lines that tell of it"
    expect_said "$word"
    expect_equal "$(wc -l <stderr)" 1 "lines on standard error"
    expect_notes SLP805
}

no_sandbox() {
    pretend
    lacks "does not understand" docker --unknown run image
    lacks "does not understand" docker run --unknown image
    lacks privileged docker run --privileged image
    # shellcheck disable=SC2016
    lacks "ulimit -f" sh -c 'ulimit -f 4096; exec docker run image'
    # The kernel accepts at most 128 KiB per argument, and a quarter of the stack for all arguments together.
    # shellcheck disable=SC2016
    lacks "too long" sh -c 'ulimit -s 512; exec docker run image "$(head -c 122000 /dev/zero | tr "\0" x)"'
    lacks processors DOCKER_HOST=ssh://nobody.invalid docker run image
    lacks "SLIPWAY_PROFILE" SLIPWAY_PROFILE=sandbx docker run image
    # Users who disable the sandbox themselves, or never asked for one, get no message.
    try pretending SLIPWAY_PROFILE=sandbox SLIPWAY=off docker run --privileged image
    expect [ ! -s stderr ]
    try pretending docker run --privileged image
    expect [ ! -s stderr ]
    try pretending SLIPWAY_PROFILE=sandbox docker volume create --unknown image
    expect [ ! -s stderr ]
}
test_case "a missing sandbox is reported in one line and in the journal" no_sandbox
