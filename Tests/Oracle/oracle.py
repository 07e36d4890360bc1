"""Runs command lines through a real docker directly and through the shim, against an engine and plugins that only record.

See Tests/Oracle/run. A world is what engine and store hold:

  plain    nothing that could be added: what is recorded must be the same with the shim and without
  seeded   the store holds the build, the engine has packages, and the table of paths has a row: what is recorded through the shim
           must be what docker itself does with the words that `slipway explain` shows
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import engine
from corpus import Line, read_corpus, shown

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CLIS = ("sid", "trixie", "bookworm")
PATIENCE = 60
ATTEMPTS = 3

# What each call of the shim or of explain makes up anew, and what docker itself does for each of its plugins.
CHANCE = [
    (re.compile(rb"\.[0-9a-f]{10}-[0-9a-f]{16}"), b".EXPORT"),
    (re.compile(rb"slipway-view-[0-9a-f]{16}"), b"slipway-view-NAME"),
    (re.compile(rb'(slipway\.created(?:=|":"))[0-9]{13}'), rb"\1TIME"),
    (re.compile(rb"\.dockerfile\.[0-9a-f]{20}"), b".dockerfile.NAME"),
    (re.compile(rb"(Sending build context to Docker daemon) +[0-9.]+k?B"), rb"\1 SIZE"),
    (re.compile(rb'time="[^"]*"'), b"time"),
    (re.compile(rb"((?:buildid|session)=)[0-9a-z]+"), rb"\1NAME"),
    (re.compile(rb"(DOCKER_CLI_PLUGIN_SOCKET=)[^\0]*"), rb"\1SOCKET"),
]

# All that the shim may ask by itself: it only looks, but for views that it tidies up.
QUESTIONS = re.compile(r"GET /(info|volumes)|HEAD /_ping|POST /grpc|(GET|HEAD) /containers/.*|DELETE /volumes/slipway-view-[0-9a-f]{16}(-w)?")


def without_chance(text):
    for pattern, name in CHANCE:
        text = pattern.sub(name, text)
    return text


class Outcome:
    """What a command gave back, and what engine and plugins saw of it."""

    def __init__(self, code, stdout, stderr, requests, plugins):
        self.code, self.stdout, self.stderr = code, without_chance(stdout), without_chance(stderr)
        # docker 20.10 takes a build back that has ended already, if it is quick enough.
        self.requests = [tuple(map(chanceless, r.key())) for r in requests
                         if r.is_clients and not r.path.split("?")[0].endswith("/build/cancel")]
        self.said = stdout
        self.questions = [r for r in requests if not r.is_clients]
        self.plugins = without_chance(plugins)
        self.said_to_plugins = plugins

    def given(self):
        return (self.code, self.stdout, self.stderr)

    def same(self, other, ordered=True):
        mine, others = (self.requests, other.requests) if ordered else (sorted(self.requests), sorted(other.requests))
        return self.given() == other.given() and mine == others and self.plugins == other.plugins

    def differences(self, other, names):
        rows = []
        for what in ("code", "stdout", "stderr", "plugins", "requests"):
            mine, others = getattr(self, what), getattr(other, what)
            if mine == others:
                continue
            if isinstance(mine, list):
                mine, others = [r for r in mine if r not in others], [r for r in others if r not in mine]
            mine, others = repr(mine), repr(others)
            place = max(0, next((n for n, (a, b) in enumerate(zip(mine, others)) if a != b), 0) - 100)
            rows += [f"{what}, {name}: ...{text[place:place + 400]}" for name, text in zip(names, (mine, others))]
        return rows


def chanceless(part):
    if isinstance(part, bytes):
        return without_chance(part)
    return without_chance(part.encode("utf-8", "surrogateescape")) if isinstance(part, str) else part


class Worker:
    """A folder, an engine and a store of its own, for one command at a time."""

    def __init__(self, base, prefix):
        self.base, self.prefix = base, prefix
        self.place = os.path.join(base, "w%d" % os.getpid())
        self.here, self.home, self.record = (os.path.join(self.place, n) for n in ("here", "home", "record"))
        os.mkdir(self.place)
        self.engine = engine.Engine(os.path.join(self.place, "e.sock"))

    def environment(self, case, world):
        variables = {
            b"HOME": self.home, b"DOCKER_CONFIG": self.home + "/.docker", b"DOCKER_HOST": "unix://" + self.place + "/e.sock",
            b"PATH": ":".join((self.base + "/bin", self.clis(case.cli), "/usr/bin", "/bin")), b"LC_ALL": "C",
            b"XDG_STATE_HOME": self.place + "/state-" + case.cli, b"ORACLE_RECORD": self.record, b"SLIPWAY_TRIM_AUTO": "off",
            b"SLIPWAY_STORE": self.place + ("/store" if world == "seeded" else "/no-store"), b"SLIPWAY_STORE_MIN_FREE": "1MB",
        }
        if world == "seeded":
            variables[b"SLIPWAY_PATH_MAP"] = self.here + "/ws=/engine/ws"
        variables = {name: os.fsencode(value) for name, value in variables.items()}
        variables.update({n: self.fill(v) for n, v in case.variables.items()})
        return {n: v for n, v in variables.items() if v != b"(unset)"}

    def clis(self, cli):
        return os.path.join(self.prefix, cli, "usr/bin")

    def fill(self, word):
        return word.replace(b"{here}", os.fsencode(self.here))

    def run(self, case, world, program, words):
        for folder in (self.here, self.home):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(os.path.join(self.base, os.path.basename(folder)), folder, symlinks=True)
        open(self.record, "wb").close()
        self.engine.store = engine.CONTAINERD if world == "seeded" else engine.CLASSIC
        self.engine.has_packages = world == "seeded"
        # Docker 20.10 asks the engine which builder it prefers.
        self.engine.builder = "1" if case.cli == "bookworm" else "2"
        self.engine.forget()
        with open(os.path.join(self.base, "stdin"), "rb") as stdin:
            try:
                done = subprocess.run(words, executable=program, cwd=self.here, env=self.environment(case, world), stdin=stdin,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
                code, stdout, stderr = done.returncode, done.stdout, done.stderr
            except subprocess.TimeoutExpired as late:
                raise AssertionError(f"{program} did not end in {PATIENCE} s") from late
        with open(self.record, "rb") as record:
            return Outcome(code, stdout, stderr, self.engine.forget(), record.read())

    def installed(self, case, name):
        """A program of ours. Callers without the usual PATH meet it as install.sh leaves it, with a record of the docker behind it."""
        if b"PATH" in case.variables:
            return os.path.join(self.base, "installed", case.cli, {"docker": "lib/slipway/shims/docker", "slipway": "bin/slipway"}[name])
        return os.path.join(self.base, "bin", name)

    def direct(self, case, world, words):
        return self.run(case, world, os.path.join(self.clis(case.cli), "docker"), words)

    def shim(self, case, world, words):
        return self.run(case, world, self.installed(case, "docker"), words)

    # -- Checks ---------------------------------------------------------------------------------------------------------------------

    def check(self, case):
        try:
            return getattr(self, case.world)(case)
        except AssertionError as problem:
            return ["unchanged", str(problem)]

    def plain(self, case):
        words = [self.fill(word) for word in case.words]
        return ["unchanged"] + self.alike(
            case, lambda: self.direct(case, "plain", words), lambda: self.shim(case, "plain", words), ("docker", "shim"))

    def seeded(self, case):
        words = [self.fill(word) for word in case.words]
        planned = self.plan(case, words)
        if b"--cache-to=type=local" in b"\0".join(planned) and b"--cache-from=type=local" not in b"\0".join(planned):
            # The first build of this key: the plugin stands in for BuildKit, and this writes what BuildKit would.
            seed(self.shim(case, "seeded", words).said_to_plugins)
            planned = self.plan(case, words)
        problems = self.alike(
            case, lambda: self.direct(case, "seeded", planned), lambda: self.shim(case, "seeded", words), ("explained", "shim"))
        if planned == words:
            return ["unchanged"] + problems + (["nothing was added"] if case.must_change else [])
        problems += additions(words, planned)
        problems += self.told(case, words, planned)
        return ["changed"] + problems

    def told(self, case, words, planned):
        """Docker as the user called it gives back the same; what engine and plugins see differs."""
        before, after = self.direct(case, "seeded", words), self.direct(case, "seeded", planned)
        problems = []
        if before.given() != after.given():
            problems += before.differences(after, ("without", "with"))
        if before.code == 0 and before.plugins == after.plugins and before.requests == after.requests:
            problems.append("what was added reached nobody")
        return problems

    def plan(self, case, words):
        outcome = self.run(case, "seeded", self.installed(case, "slipway"), [b"slipway", b"explain", b"--"] + words)
        # Docker 20.10 greets the engine when it is asked for its version.
        if outcome.code != 0 or outcome.plugins or any(request[:2] != (b"HEAD", b"/_ping") for request in outcome.requests):
            raise AssertionError(f"explain: {outcome.code} {outcome.stderr!r} {outcome.requests} {outcome.plugins!r}")
        return shell_words(outcome.said)

    def alike(self, case, one, other, names):
        """Docker does some things at once: what comes in another order is tried again."""
        for _ in range(ATTEMPTS):
            first, second = one(), other()
            # Docker 20.10 greets the engine whatever it is asked, and the shim asks it for compose's files.
            greetings = [r[:2] for r in second.requests[:2]] == [(b"HEAD", b"/_ping")] * 2
            if greetings and case.cli == "bookworm" and b"compose" in case.words:
                del second.requests[0]
            asked = [str(q) for q in second.questions if not QUESTIONS.fullmatch(q.method + " " + q.path)]
            if asked:
                return ["the shim asked " + question for question in asked]
            if first.same(second):
                return []
        return [] if first.same(second, ordered=False) else first.differences(second, names)


def additions(words, planned, translated=b"/engine/ws"):
    """Taken out again, what stands between leaves the user's words; only paths may stand for others."""
    more = len(planned) - len(words)
    for place in range(len(words) + 1):
        head, tail = planned[:place], planned[place + more:]
        if all(a == b or translated in b for a, b in zip(words, head + tail)):
            return []
    return [f"the user's words are not in it: {shown(planned)}"]


def unescaped(match):
    escape = match.group(1)
    if escape == b"n":
        return b"\n"
    return bytes([int(escape[1:], 16)]) if len(escape) == 3 else escape


def shell_words(text):
    """The words of the first command in a text that a shell would read."""
    words, word, at = [], None, 0
    while at < len(text):
        byte = text[at:at + 1]
        if text[at:at + 2] == b"$'":
            # As the shim writes what a terminal would obey.
            end = re.compile(rb"(?:[^'\\]|\\.)*", re.DOTALL).match(text, at + 2).end()
            quoted = re.sub(rb"\\(x[0-9a-f]{2}|.)", unescaped, text[at + 2:end])
            word, at = (word or b"") + quoted, end
        elif byte == b"'":
            end = text.index(b"'", at + 1)
            word, at = (word or b"") + text[at + 1:end], end
        elif byte == b"\\":
            word, at = (word or b"") + text[at + 1:at + 2], at + 1
        elif byte in b" \n":
            if word is not None:
                words.append(word)
            word = None
            if byte == b"\n":
                break
        else:
            word = (word or b"") + byte
        at += 1
    return words


def seed(record):
    """Writes an export where a build was told to, with a manifest, a config and a layer."""
    for place in set(re.findall(rb"--cache-to=type=local,dest=([^,\0]+)", record)):
        pool = place + b"/blobs/sha256/"

        def blob(content, kind):
            digest = hashlib.sha256(content).hexdigest()
            with open(pool + digest.encode(), "wb") as file:
                file.write(content)
            return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(content)}

        layer = blob(place, "application/vnd.oci.image.layer.v1.tar+gzip")
        config = blob(json.dumps({"layers": [{"blob": layer["digest"]}], "records": []}).encode(),
                      "application/vnd.buildkit.cacheconfig.v0")
        manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                                    "config": config, "layers": [layer]}).encode(),
                        "application/vnd.oci.image.manifest.v1+json")
        with open(place + b"/index.json", "w", encoding="ascii") as file:
            json.dump({"schemaVersion": 2, "manifests": [manifest]}, file)


# -- The run ------------------------------------------------------------------------------------------------------------------------

class Case:
    def __init__(self, line, cli, world):
        self.words, self.variables, self.name = line.words, line.variables, line.text
        self.cli, self.world = cli, world
        self.must_change = world == "seeded" and line.section == "changed" and not (cli == "bookworm" and line.is_plain_build)


def cases(lines, everything, only=""):
    """Every line in both worlds on each docker; else a third of the lines, or those with a text, in their own world on one of them:
    nine seeds, one after another, try every line on each docker."""
    chosen = []
    for number, line in enumerate(lines, int(os.environ.get("SLIPWAY_TESTS_SEED", "0"))):
        if only not in line.text or not (everything or only or number // len(CLIS) % 3 == 0):
            continue
        some = CLIS if everything else (CLIS[number % len(CLIS)],)
        if everything or line.section == "other":
            chosen += [Case(line, cli, "plain") for cli in some]
        if everything or line.section != "other":
            if not everything and line.is_plain_build:
                some = (CLIS[number % 2],)
            chosen += [Case(line, cli, "seeded") for cli in some]
    return chosen


def prepare(base, binaries, engines):
    os.chmod(base, 0o755)
    os.mkdir(base + "/bin")
    for program in ("docker", "slipway"):
        shutil.copy(os.path.join(binaries, program), base + "/bin/" + program)
    for cli in CLIS:
        place = os.path.join(base, "installed", cli)
        for program, folder in (("docker", "lib/slipway/shims"), ("slipway", "bin")):
            os.makedirs(os.path.join(place, folder))
            shutil.copy(os.path.join(binaries, program), os.path.join(place, folder, program))
        # Ours, whoever owns the engines: else the record would not be believed.
        shutil.copy(os.path.join(engines, cli, "usr/bin/docker"), place + "/docker")
        with open(place + "/lib/slipway/real-docker", "w", encoding="utf-8") as file:
            file.write("# Slipway: a record\n" + place + "/docker\n")
    os.makedirs(base + "/home/.docker/cli-plugins")
    for name in ("docker-buildx", "docker-compose"):
        shutil.copy(HERE + "/plugin", base + "/home/.docker/cli-plugins/" + name)
    with open(base + "/stdin", "w", encoding="ascii") as file:
        file.write("FROM scratch\n")
    here = base + "/here"
    for folder in ("app", "docker", "ws/src", "ws/node_modules", ".git", "dir with spaces"):
        os.makedirs(here + "/" + folder)
    for name, text in {
        "Dockerfile": "FROM scratch\nCOPY file /\n", "app/Dockerfile": "FROM scratch\n", "docker/Dockerfile": "FROM scratch\n",
        "Docker file": "FROM scratch\n", "dir with spaces/Docker file": "FROM scratch\n", "file": "text\n", "a.env": "A=1\nB=2\n",
        "secret.txt": "secret\n", "ws/src/main.c": "\n", ".git/HEAD": "ref: refs/heads/main\n",
        ".git/config": '[remote "origin"]\n\turl = https://example.invalid/team/app.git\n',
    }.items():
        with open(here + "/" + name, "w", encoding="ascii") as file:
            file.write(text)
    for folder, _, names in os.walk(here, topdown=False):
        for name in names + ["."]:
            os.utime(os.path.join(folder, name), (engine.LONG_AGO, engine.LONG_AGO))


worker = None


def begin(base, prefix):
    global worker
    worker = Worker(base, prefix)
    # What docker and buildx say of themselves is remembered from then on.
    for cli in CLIS:
        for command in ("docker buildx build .", "docker run img"):
            line = Line(command, "other")
            worker.shim(Case(line, cli, "plain"), "plain", line.words)


def check(case):
    return case, worker.check(case)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--engines", required=True)
    options = parser.parse_args()
    lines = read_corpus(ROOT + "/Tests/DockerCommandLineTests/corpus.txt", "other") + read_corpus(HERE + "/commands.txt", None)
    chosen = cases(lines, options.all, options.only)
    # Short: a socket's path has at most 107 bytes.
    base = tempfile.mkdtemp(prefix="slo.")
    began, counts, failed = time.monotonic(), {}, 0
    try:
        prepare(base, options.binaries, options.engines)
        with multiprocessing.Pool(os.cpu_count() + 1, begin, (base, options.engines)) as pool:
            for case, (what, *problems) in pool.imap_unordered(check, chosen):
                counts[case.cli, case.world, what] = counts.get((case.cli, case.world, what), 0) + 1
                if problems:
                    failed += 1
                    print(f"not ok - oracle: {case.cli}, {case.world}: {case.name}")
                    print("\n".join("    # " + row for row in problems), flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    for (cli, world, what), count in sorted(counts.items()):
        print(f"# {cli}, {world}: {count} {what}")
    changed = sum(count for (_, _, what), count in counts.items() if what == "changed")
    print(f"# {len(lines)} command lines, {len(chosen)} comparisons, {changed} of them changed, {time.monotonic() - began:.0f} s")
    if not options.only and (len(lines) < 500 or changed < (60 if options.all else 20)):
        failed += 1
        print("not ok - oracle: fewer lines or changes than promised")
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
