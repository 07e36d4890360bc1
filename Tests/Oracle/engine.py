"""A docker engine that does nothing and writes down what it is asked: method, path, query, headers and body.

It answers what docker's command line needs to get to its end. An image or container named exitN ends with N, one named missing is
not there before it has been pulled.
"""

import io
import json
import re
import socketserver
import struct
import tarfile
import threading

IDENTIFIER = "f" * 64
CLASSIC, CONTAINERD = "classic", "containerd"
# The time of every file that a command finds.
LONG_AGO = 946684800


def volume(name, kind, labels):
    return {"Name": name, "Driver": "local", "Scope": "local", "Options": None, "CreatedAt": "2026-01-01T00:00:00Z",
            "Mountpoint": "/var/lib/docker/volumes/" + name + "/_data", "Labels": {"app": "slipway", "type": kind, **labels}}


# A generation of packages as `slipway warm` publishes it.
PACKAGES = [
    volume("slipway-layer-0123456789abcdef", "cache-layer", {"slipway.created": "1767225600000"}),
    volume("slipway-generation-1767225600001-0123456789ab", "cache", {
        "slipway.created": "1767225600001", "slipway.engine": "recorder", "slipway.digest": "sha256:" + "0" * 64,
        "slipway.layers": "slipway-layer-0123456789abcdef", "slipway.tools": "pip,npm,uv,yarn,go", "slipway.view": "yes",
        "slipway.volumes": "/var/lib/docker/volumes"}),
]


class Asked:
    """One request."""

    def __init__(self, method, target, headers, body):
        path, _, self.query = target.partition("?")
        self.method, self.path, self.body = method, re.sub(r"^/v[0-9.]+(?=/)", "", path), body
        self.full = path
        # Of a build's session docker makes the name up anew.
        self.headers = sorted((n, "" if n.startswith("x-docker-expose-session-") else v) for n, v in headers.items()
                              if n not in ("host", "user-agent"))
        # The shim names no program; docker's command line does.
        self.is_clients = "user-agent" in headers

    def key(self):
        """All of it; what docker itself does in another order or with other names each time is made alike."""
        body = self.body
        if self.path == "/containers/create" and body:
            # Docker keeps variables and bound directories in maps.
            document = json.loads(body)
            document["Env"] = sorted(document.get("Env") or [])
            document["HostConfig"]["Binds"] = sorted(document.get("HostConfig", {}).get("Binds") or [])
            body = json.dumps(document, separators=(",", ":")).encode()
        elif self.path == "/build" and body:
            body = contents(body)
        return (self.method, self.full, self.query, tuple(self.headers), body)

    def __str__(self):
        body = self.body if len(self.body) < 2000 else self.body[:2000] + b"..."
        return f"{self.method} {self.full}?{self.query} {self.headers} {body!r}"


def contents(archive):
    """What is in a context, a row for each entry: docker sends the Dockerfile of standard input under a name of chance and with the
    time of now, and leaves out the archive's end."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive + bytes(2048))) as tar:
            rows = [(m.name, oct(m.mode), m.type, m.mtime if m.mtime == LONG_AGO else "now", m.linkname,
                     tar.extractfile(m).read() if m.isfile() else b"") for m in tar]
    except tarfile.TarError:
        return archive
    return repr(sorted(rows)).encode()


def frame(stream, text):
    return struct.pack(">BxxxL", stream, len(text)) + text


class Handler(socketserver.StreamRequestHandler):
    timeout = 20

    def handle(self):
        try:
            while self.one():
                pass
        except (OSError, ValueError):
            pass

    def one(self):
        line = self.rfile.readline()
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while (line := self.rfile.readline().decode("latin-1").strip()):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        asked = Asked(method, target, headers, self.body(headers))
        self.server.note(asked)
        self.answer(asked)
        return headers.get("connection", "").lower() != "close"

    def body(self, headers):
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        pieces = []
        while (size := int(self.rfile.readline().split(b";")[0], 16)):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def send(self, status, body=b"", kind="application/json", method="GET"):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        head = (f"HTTP/1.1 {status} X\r\nApi-Version: 1.51\r\nOstype: linux\r\nServer: Docker/28.5.2 (linux)\r\n"
                f"Docker-Experimental: false\r\nBuilder-Version: {self.server.builder}\r\nContent-Type: {kind}\r\n")
        if status != 204:
            head += f"Content-Length: {len(body)}\r\n"
        self.wfile.write(head.encode() + b"\r\n" + (b"" if method == "HEAD" or status == 204 else body))

    def refuse(self, status, message, method="GET"):
        self.send(status, {"message": message}, method=method)

    def hijack(self, asked):
        """A raw stream in both directions, as of attach and exec."""
        self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
                         b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        if "stdin=1" in asked.query or b'"AttachStdin":true' in asked.body.replace(b" ", b""):
            self.server.note(Asked("STREAM", asked.full, {"user-agent": "-"}, self.rfile.read()))
        self.wfile.write(frame(1, b"said by the container\n") + frame(2, b"complained of by the container\n"))
        self.close_connection = True
        self.connection.close()

    def answer(self, asked):
        method, path, server = asked.method, asked.path, self.server
        for pattern, reply in ROUTES:
            wanted, _, place = pattern.partition(" ")
            if method in wanted.split("|") and (match := re.fullmatch(place, path)):
                if callable(reply):
                    return reply(self, asked, *match.groups())
                status, body = reply
                return self.send(status, body, method=method)
        self.refuse(404, "page not found", method=method)


# -- What needs more than a document ------------------------------------------------------------------------------------------------

def info(self, asked):
    status = [["driver-type", "io.containerd.snapshotter.v1"]] if self.server.store == CONTAINERD else [["Backing Filesystem", "extfs"]]
    self.send(200, {
        "ID": "recorder", "OSType": "linux", "Architecture": "x86_64", "ServerVersion": "28.5.2", "Driver": "overlayfs",
        "DriverStatus": status, "Name": "recorder", "OperatingSystem": "none", "NCPU": 1, "MemTotal": 1, "Plugins": {},
        "Swarm": {"NodeID": "", "LocalNodeState": "inactive"}, "SecurityOptions": [], "Warnings": None})


def proto(number, content):
    """A field of a protobuf message; each here is shorter than 16,384 bytes."""
    length = len(content)
    return bytes([number << 3 | 2] + ([length] if length < 128 else [length & 127 | 128, length >> 7])) + content


def h2_frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def grpc(self, asked):
    """BuildKit, which tells of its worker, but not of the one that is known."""
    labels = {"executor": "containerd", "snapshotter": "overlayfs", "containerd.namespace": "moby", "containerd.uuid": "recorder"}
    name = b"recorder"
    if self.server.store == CONTAINERD:
        name += b"0worker"
    else:
        labels = {"moby.host-gateway-ip": "172.17.0.1"}
    record = proto(1, name) + b"".join(
        proto(2, proto(1, b"org.mobyproject.buildkit.worker." + key.encode()) + proto(2, value.encode()))
        for key, value in labels.items()) + proto(3, proto(1, b"amd64") + proto(2, b"linux"))
    self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    kind, flags, payload = None, 0, self.rfile.read(24)
    while payload and (kind, flags & 1) != (0, 1):
        head = self.rfile.read(9)
        if len(head) < 9:
            break
        kind, flags, payload = head[3], head[4], self.rfile.read(int.from_bytes(head[:3], "big"))
    else:
        answer = b"" if b'id!="' + name + b'"' in payload else proto(1, record)
        self.wfile.write(h2_frame(4, 0, 0) + h2_frame(1, 4, 1, b"\x88") + h2_frame(0, 0, 1, struct.pack(">BI", 0, len(answer)) + answer)
                         + h2_frame(1, 5, 1, b"\x00\x0bgrpc-status\x010"))
    self.close_connection = True
    self.connection.close()


def volumes(self, asked):
    self.send(200, {"Volumes": PACKAGES if self.server.has_packages and "slipway" in asked.query else [], "Warnings": None})


def create(self, asked):
    image = json.loads(asked.body or b"{}").get("Image", "")
    if image.startswith("missing") and image not in self.server.pulled:
        return self.refuse(404, "No such image: " + image)
    code = re.search(r"exit([0-9]+)", image)
    self.server.ends_with = int(code.group(1)) if code else 0
    self.send(201, {"Id": IDENTIFIER, "Warnings": []})


def pull(self, asked):
    name = re.search(r"fromImage=([^&]*)", asked.query)
    if name:
        self.server.pulled.add(name.group(1) + ":latest")
        self.server.pulled.add(name.group(1))
    self.send(200, json.dumps({"status": "Pulled"}).encode() + b"\r\n")


def inspect(self, asked, name):
    if name.startswith("nosuch"):
        return self.refuse(404, "No such container: " + name)
    self.send(200, {
        "Id": IDENTIFIER, "Name": "/" + name, "Image": "sha256:" + "e" * 64, "Created": "2026-01-01T00:00:00Z", "Path": "sh",
        "State": {"Status": "running", "Running": True, "ExitCode": self.server.ends_with},
        "Config": {"Tty": False, "Image": "img", "Labels": {}, "Env": []}, "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": {}}, "Mounts": []})


def image(self, asked, name):
    if name.startswith(("nosuch", "missing")):
        return self.refuse(404, "No such image: " + name)
    self.send(200, {"Id": "sha256:" + "e" * 64, "RepoTags": [name], "Created": "2026-01-01T00:00:00Z", "Architecture": "amd64",
                    "Os": "linux", "Size": 1, "Config": {}, "RootFS": {"Type": "layers", "Layers": []}, "Metadata": {}})


def wait(self, asked, name):
    self.send(200, {"StatusCode": self.server.ends_with})


def logs(self, asked, name):
    self.send(200, frame(1, b"a line of the log\n"), kind="application/vnd.docker.raw-stream")


def build(self, asked):
    self.send(200, b'{"stream":"Step 1/1 : FROM scratch\\n"}\r\n{"aux":{"ID":"sha256:' + b"e" * 64 + b'"}}\r\n'
                   b'{"stream":"Successfully built eeeeeeeeeeee\\n"}\r\n')


def archive(self, asked, name):
    if asked.method == "PUT":
        return self.send(200)
    self.refuse(404, "Could not find the file in container " + name, method=asked.method)


def nothing(self, *_):
    self.send(204)


SWARM = (503, {"message": "This node is not a swarm manager."})
ROUTES = [
    ("GET|HEAD /_ping", (200, b"OK")),
    ("GET /version", (200, {"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64",
                            "GitCommit": "0", "GoVersion": "go", "KernelVersion": "6", "BuildTime": "2026-01-01T00:00:00Z",
                            "Platform": {"Name": ""}, "Components": []})),
    ("GET /info", info),
    ("POST /grpc", grpc),
    ("GET /containers/json", (200, [])),
    ("POST /containers/create", create),
    ("POST /containers/prune", (200, {"ContainersDeleted": [], "SpaceReclaimed": 0})),
    ("POST /containers/([^/]+)/attach", lambda self, asked, name: self.hijack(asked)),
    ("POST /containers/([^/]+)/wait", wait),
    ("POST /containers/([^/]+)/exec", (201, {"Id": "e" * 64})),
    ("POST /containers/([^/]+)/update", (200, {"Warnings": []})),
    ("POST /containers/([^/]+)/(?:start|stop|restart|kill|pause|unpause|rename)", nothing),
    ("POST /containers/([^/]+)/resize", (200, b"")),
    ("GET|HEAD|PUT /containers/([^/]+)/archive", archive),
    ("GET /containers/([^/]+)/json", inspect),
    ("GET /containers/([^/]+)/logs", logs),
    ("GET /containers/([^/]+)/top", (200, {"Titles": ["PID", "CMD"], "Processes": [["1", "sh"]]})),
    ("GET /containers/([^/]+)/changes", (200, [{"Path": "/a", "Kind": 1}])),
    ("GET /containers/([^/]+)/export", (200, b"tar")),
    ("DELETE /containers/([^/]+)", nothing),
    ("POST /exec/([^/]+)/start", lambda self, asked, name: self.hijack(asked)),
    ("GET /exec/([^/]+)/json", (200, {"ID": "e" * 64, "Running": False, "ExitCode": 3})),
    ("GET /images/json", (200, [])),
    ("POST /images/create", pull),
    ("GET /images/search", (200, [])),
    ("GET /images/get", (200, b"tar of images")),
    ("POST /images/load", (200, {"stream": "Loaded image: x\n"})),
    ("POST /images/prune", (200, {"ImagesDeleted": [], "SpaceReclaimed": 0})),
    ("GET /images/(.+)/json", image),
    ("GET /images/(.+)/history", (200, [])),
    ("GET /images/(.+)/get", (200, b"tar of one image")),
    ("POST /images/(.+)/tag", (201, b"")),
    ("POST /images/(.+)/push", (200, {"status": "Pushed"})),
    ("DELETE /images/(.+)", (200, [{"Untagged": "x"}])),
    ("POST /commit", (201, {"Id": "sha256:" + "d" * 64})),
    ("POST /build", build),
    ("POST /build/prune", (200, {"CachesDeleted": [], "SpaceReclaimed": 0})),
    ("GET /volumes", volumes),
    ("POST /volumes/create", (201, {"Name": "v", "Driver": "local", "Mountpoint": "/v", "Scope": "local"})),
    ("POST /volumes/prune", (200, {"VolumesDeleted": [], "SpaceReclaimed": 0})),
    ("GET /volumes/([^/]+)", (200, {"Name": "v", "Driver": "local", "Mountpoint": "/v", "Scope": "local"})),
    ("DELETE /volumes/([^/]+)", nothing),
    ("GET /networks", (200, [])),
    ("POST /networks/create", (201, {"Id": "c" * 64})),
    ("POST /networks/prune", (200, {"NetworksDeleted": []})),
    ("GET /networks/([^/]+)", (200, {"Name": "n", "Id": "c" * 64})),
    ("POST /networks/([^/]+)/(?:dis)?connect", (200, b"")),
    ("DELETE /networks/([^/]+)", nothing),
    ("GET /system/df", (200, {"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": []})),
    ("GET /events", (200, b"")),
    ("GET /plugins", (200, [])),
    ("GET|POST|DELETE /(?:swarm|nodes|services|tasks|secrets|configs)(?:/.*)?", SWARM),
]


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens at a path until it is closed."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path):
        self.lock = threading.Lock()
        self.store, self.has_packages, self.builder = CLASSIC, False, "2"
        self.forget()
        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 60}, daemon=True).start()

    def note(self, asked):
        with self.lock:
            self.requests.append(asked)

    def forget(self):
        """What is noted from here on; returns what was asked before."""
        with self.lock:
            requests = getattr(self, "requests", [])
            self.requests, self.pulled, self.ends_with = [], set(), 0
        return requests

    def handle_error(self, request, client_address):
        pass
