"""Makes each system call of the shim fail, or kills the shim at it, one at a time, then has engines lie, hang and half answer:
whatever happens, docker gets the user's words, and in time. Then the same in the children that stay behind: they end.

faults.py SHIM-FOLDER PLACE [--all]: with strace, a docker that only writes its words down, and an engine and a plugin that
record (Tests/Oracle). A sample tries one error at every tenth call, and kills at every tenth; of the children's calls every fifth.
Which, and which errors, is for the seed (SLIPWAY_TESTS_SEED). The last line tells what was done.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Oracle"))
import engine  # noqa: E402
import oracle  # noqa: E402

ERRORS = {
    "openat": ["EMFILE", "EACCES", "EIO"], "mkdir": ["ENOSPC", "EROFS"], "mkdirat": ["ENOSPC", "EROFS"], "write": ["ENOSPC", "EIO"],
    "connect": ["ECONNREFUSED", "EAGAIN"], "socket": ["EMFILE", "EAFNOSUPPORT"], "recvfrom": ["ECONNRESET"], "sendto": ["EPIPE"],
    "flock": ["EAGAIN", "ENOLCK"], "rename": ["ENOSPC", "EROFS"], "renameat": ["ENOSPC", "EROFS"], "symlink": ["EROFS", "ENOSPC"],
    "fcntl": ["EMFILE", "EBADF"], "dup3": ["EMFILE"], "poll": ["EINTR"], "ppoll": ["EINTR"], "getrandom": ["ENOSYS"], "close": ["EIO"],
    "getdents64": ["EIO"], "clone": ["EAGAIN", "ENOMEM"], "fork": ["EAGAIN"], "fsync": ["EIO"], "ftruncate": ["ENOSPC"],
}
# What any call may say: it is missing or forbidden, the disk is broken, a quota or the table of descriptors full.
COMMON = ["ENOSYS", "EIO", "EDQUOT", "EMFILE"]
# Memory and the start of a process: nobody goes on without these, the C wrapper of every program included.
BEYOND = re.compile(r"execve|mmap|munmap|mprotect|mremap|brk|exit.*|arch_prctl|set_tid_address|set_robust_list|rseq|futex|madvise|rt_sig.*|prlimit64|wait4|\?\?\?")

binaries, place = sys.argv[1], sys.argv[2]
everything = "--all" in sys.argv
seed = int(os.environ.get("SLIPWAY_TESTS_SEED", "0"))
docker = place + "/bin/docker"
state, kept, states = None, None, 0
SCENES = {
    "first build": ["docker", "build", "-t", "app", "app"], "build": ["docker", "build", "-t", "app", "app"],
    "run": ["docker", "run", "--rm", "-v", place + "/app:/w", "img", "build"],
    "pass-through": ["docker", "ps", "--all"],
}


def prepare():
    os.makedirs(place + "/bin")
    os.makedirs(place + "/app/.git")
    os.makedirs(place + "/config/cli-plugins")
    with open(docker, "w", encoding="ascii") as file:
        file.write('#!/bin/sh\ncase $1 in\n    --version) echo "Docker version 28.5.2, build 0"; exit ;;\nesac\n'
                   f'printf "%s\\0" docker "$@" >{place}/words\necho said\necho complained >&2\nexit 3\n')
    os.chmod(docker, 0o755)
    shutil.copy(os.path.dirname(HERE) + "/Oracle/plugin", place + "/config/cli-plugins/docker-buildx")
    for name, text in {"app/Dockerfile": "FROM scratch\n", "app/.git/HEAD": "ref: refs/heads/main\n",
                       "app/.git/config": '[remote "origin"]\n\turl = https://example.invalid/app.git\n'}.items():
        with open(place + "/" + name, "w", encoding="ascii") as file:
            file.write(text)
    server = engine.Engine(place + "/e.sock")
    server.store, server.has_packages = engine.CONTAINERD, True


def run(scene, *tracing, record="on"):
    """Code, output and docker's words; None when docker was not reached."""
    if os.path.exists(place + "/words"):
        os.remove(place + "/words")
    environment = {
        "HOME": state + "/home", "PATH": f"{binaries}:{place}/bin:/usr/bin:/bin", "DOCKER_HOST": f"unix://{place}/e.sock",
        "DOCKER_CONFIG": place + "/config", "SLIPWAY_STORE": state + "/store", "SLIPWAY_STORE_MIN_FREE": "1MB",
        "SLIPWAY_TRIM_AUTO": "off", "SLIPWAY_RECORD": record,
        "SLIPWAY_PATH_MAP": place + "/app=/engine/app", "ORACLE_RECORD": "/dev/null",
    }
    words = SCENES[scene]
    command = [*tracing, binaries + "/docker", *words[1:]] if tracing else words
    try:
        done = subprocess.run(command, executable=None if tracing else binaries + "/docker", cwd=place, env=environment, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True)
        result = (done.returncode, done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        result = ("none in time", b"", b"")
    try:
        with open(place + "/words", "rb") as file:
            return result, file.read().split(b"\0")[:-1]
    except FileNotFoundError:
        return result, None


def keep():
    """Makes what lies in the state now what every later run begins with."""
    global kept
    kept = state


def restore():
    """A state like the kept one, in a folder of its own: what is still recorded behind an earlier run's back goes to that one's."""
    global state, states
    if state != kept:
        shutil.rmtree(state, ignore_errors=True)
    states += 1
    state = f"{place}/state-{states}"
    if kept:
        shutil.copytree(kept, state, symlinks=True)
    else:
        os.makedirs(state + "/home")


def calls(scene):
    """The system calls of the shim before it becomes docker: (name, how many of that name came before and with it)."""
    run(scene, "strace", "-qq", "-o", place + "/trace")
    counts, found = {}, []
    with open(place + "/trace", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("---", "+++", " ")):
                continue
            name, _, rest = line.partition("(")
            if name == "execve" and docker in rest.split(",")[0]:
                return found
            counts[name] = counts.get(name, 0) + 1
            # What is wrong with docker itself fails without the shim, too.
            if not BEYOND.fullmatch(name) and docker not in rest:
                found.append((name, counts[name]))
    raise SystemExit(f"{scene}: the shim has not become docker")


def errors_of(name):
    """What a call may fail with: its own ways, and the common ones."""
    return list(dict.fromkeys(ERRORS.get(name, []) + COMMON))


def calls_behind(scene):
    """The system calls of the processes that a command leaves behind, as `calls` has them: each process counts for itself."""
    run(scene, "strace", "-f", "-qq", "-o", place + "/trace")
    counts, found = {}, {}
    with open(place + "/trace", encoding="utf-8", errors="replace") as file:
        own = None
        for line in file:
            process, _, call = line.partition(" ")
            name, _, rest = call.strip().partition("(")
            own = own or process
            if process == own or not name.isidentifier() or BEYOND.fullmatch(name):
                continue
            key = (process, name)
            counts[key] = counts.get(key, 0) + 1
            found[name] = max(found.get(name, 0), counts[key])
    return [(name, number) for name in sorted(found) for number in range(1, found[name] + 1)]


def fail_behind(scene):
    """Lets calls of the children fail; strace ends when the last of them has. How many, and what went wrong."""
    problems, faults = [], 0
    sequence = calls_behind(scene)
    for index, (name, number) in enumerate(sequence):
        errors = errors_of(name)
        # Once, and from there on for ever: a caller that tries again must give up.
        for when in (f"{number}", f"{number}+"):
            turn = index + seed
            if not everything and (turn % 5 or when.endswith("+") != (turn % 10 == 5)):
                continue
            for error in errors if everything else errors[turn // 10 % len(errors):][:1]:
                faults += 1
                restore()
                result, _ = run(scene, "timeout", "-s", "KILL", "50", "strace", "--seccomp-bpf", "-f", "-qq", "-o", "/dev/null", "-e",
                                f"trace={name}", "-e", f"inject={name}:error={error}:when={when}")
                if result[0] in (-9, 137, "none in time"):
                    problems.append(f"{scene}: {name} {when} fails with {error} behind docker's back: it does not end")
    print(f"{scene}: {len(sequence)} system calls behind docker's back", flush=True)
    return faults, problems


def is_right(scene, result, words):
    wanted = [word.encode() for word in SCENES[scene]]
    if words is None or result != (3, b"said\n", b"complained\n"):
        return False
    return not oracle.additions(wanted, [wanted[0]] + words[1:], b"/engine/app")


HEAD = b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Type: application/json\r\n"
LIES = {
    "says nothing": [None], "hangs up": [], "half a status": [b"HTTP/1.", None], "half a head": [HEAD, None],
    "half a body": [HEAD + b"Content-Length: 100\r\n\r\n{\"ID\":", None], "a body cut off": [HEAD + b"Content-Length: 100\r\n\r\n{}"],
    "one byte at a time": [bytes([byte]) for byte in (HEAD + b"Content-Length: 2\r\n\r\n" + b"{}" * 100)],
    "no end of a head": [b"HTTP/1.1 200 OK\r\n"] + [b"X: " + b"y" * 60000 + b"\r\n"] * 200,
    "no end of a body": [HEAD + b"\r\n"] + [b"[" * 65536] * 2000,
    "more than it said": [HEAD + b"Content-Length: 2\r\n\r\n{}{}{}{}"], "noise": [os.urandom(4096)],
    "a page": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"], "an error": [b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"],
    "elsewhere": [b"HTTP/1.1 302 X\r\nLocation: http://example.invalid/\r\nContent-Length: 0\r\n\r\n"],
    "too large a number": [HEAD + b"Content-Length: 99999999999999999999\r\n\r\n"],
    "below zero": [HEAD + b"Content-Length: -1\r\n\r\n"], "two lengths": [HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "],
    "a chunk too large": [HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx"],
    "deep": [HEAD + b"Connection: close\r\n\r\n" + b"[" * 100000],
    "other words": [HEAD + b"Connection: close\r\n\r\n" + b'{"ID":1,"OSType":[],"ServerVersion":{},"DriverStatus":"x","Volumes":[{"Name":7}]}'],
    "words that end options": [HEAD + b"Connection: close\r\n\r\n" + b'{"Volumes":[{"Name":"g","Mountpoint":"/v,x\\n/g/_data","Labels":'
                               b'{"app":"slipway","type":"cache","slipway.created":"9","slipway.layers":"g","slipway.tools":"pip",'
                               b'"slipway.view":"yes","slipway.volumes":"/v,x\\n"}}]}'],
}


def lie(listener, pieces):
    """Answers every caller with the pieces; None waits until the caller goes away."""
    def answer(caller):
        try:
            caller.recv(65536)
            for piece in pieces:
                if piece is None:
                    caller.settimeout(30)
                    caller.recv(1)
                    return
                caller.sendall(piece)
                if len(piece) == 1:
                    time.sleep(0.02)
        except OSError:
            pass
        finally:
            caller.close()

    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(caller,), daemon=True).start()


def lies():
    """Of every lie: docker gets the user's words, and the shim waits no longer than it says (200 ms and 1 s, doubled for a busy machine)."""
    problems = []
    for name, pieces in LIES.items():
        os.remove(place + "/e.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(place + "/e.sock")
            listener.listen(16)
            threading.Thread(target=lie, args=(listener, pieces), daemon=True).start()
            for scene in ("build", "run"):
                for _ in range(3):
                    restore()
                    began = time.monotonic()
                    result, words = run(scene)
                    seconds = time.monotonic() - began
                    if is_right(scene, result, words) and seconds < 3:
                        break
                else:
                    problems.append(f"{scene}, an engine with {name}: {seconds:.1f} s, {result} {words}")
            listener.shutdown(socket.SHUT_RDWR)
    return problems


def main():
    prepare()
    problems, faults, kills, behind = [], 0, 0, 0
    for scene in SCENES:
        restore()
        if scene == "build":
            _, words = run(scene, record="off")
            oracle.seed(b"\0".join(words))
        run(scene, record="off") if scene != "first build" else None
        keep()
        restore()
        sequence = calls(scene)
        restore()
        _, whole = run(scene)
        if scene != "pass-through" and len(whole) <= len(SCENES[scene]):
            problems.append(f"{scene}: nothing is added, so nothing of it could fail: {whole}")
        for index, (name, number) in enumerate(sequence):
            errors, turn = errors_of(name), index + seed
            chosen = [errors[(turn + seed // 10) % len(errors)]] if turn % 10 == 0 else []
            for error in errors if everything else chosen:
                faults += 1
                for _ in range(3):
                    # A call more or less (who waits for an engine may look twice), and the fault would be docker's own.
                    restore()
                    result, words = run(scene, "strace", "-qq", "-o", "/dev/null", "-e", "trace=none", "-e",
                                        f"inject={name}:error={error}:when={number}")
                    if is_right(scene, result, words):
                        break
                else:
                    problems.append(f"{scene}: {name} {number} fails with {error}: {result} {words}")
            if not everything and turn % 10 != 3:
                continue
            kills += 1
            restore()
            run(scene, "strace", "-qq", "-o", "/dev/null", "-e", "trace=none", "-e", f"inject={name}:signal=KILL:when={number}")
            result, words = run(scene)
            # As much is added as if nothing had happened.
            if not is_right(scene, result, words) or len(words) != len(whole):
                problems.append(f"{scene}: after a kill at {name} {number}: {result} {words}, and not {whole}")
        print(f"{scene}: {len(sequence)} system calls before docker", flush=True)
        if scene != "pass-through":
            more, found = fail_behind(scene)
            behind += more
            problems += found
    problems += lies()
    if faults < 80 or kills < 80 or behind < 60:
        problems.append("too few faults")
    for problem in problems:
        print("! " + problem)
    print(f"{faults} faults, {behind} behind docker's back, {kills} kills, {len(LIES)} lies, {len(problems)} problems")
    sys.exit(len(problems) > 0)


main()
