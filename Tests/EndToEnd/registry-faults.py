"""A proxy before a container registry that fails as it is told: registry-faults.py FOLDER UPSTREAM-PORT

It listens on a free port of 127.0.0.1, writes that to FOLDER/port, and reads FOLDER/mode before each answer: one word and its number.
Each request becomes a line of FOLDER/requests, "METHOD PATH". With FOLDER/cert and FOLDER/key it speaks TLS. With FOLDER/tokens only
requests with a NAME:PASSWORD that is one of its lines pass; the others get 401. With FOLDER/bearer, too, such a pair is worth a token
for the other requests, as at GHCR.

    pass           nothing fails                    code N         every answer has this status
    silent         never answers                    slow N         every answer comes N milliseconds late
    writes N       uploads have this status         blobs N        layers have this status
    blobs-silent   layers are never answered        cut            layers end in the middle
    wrong          layers have other bytes          endless        the list of tags never ends
    many N         the list has so many tags        large N        manifests are so many bytes
    drip           layers come a byte a second      closed         connections are closed at once
    config-...     what layers can have (blobs N, blobs-silent, cut, wrong, drip), for blobs that are JSON instead
    pace N         bodies take a second for each N thousand bytes, in both directions
"""

import base64
import http.client
import http.server
import os
import socketserver
import ssl
import sys
import time

folder, upstream = sys.argv[1], int(sys.argv[2])
BLOB_FAULTS = ("blobs", "blobs-silent", "cut", "wrong", "drip")
REASONS = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 429: "TOOMANYREQUESTS", 500: "UNKNOWN", 503: "UNAVAILABLE"}


def mode():
    with open(folder + "/mode", encoding="ascii") as file:
        words = file.read().split()
    return words[0], int(words[1]) if len(words) > 1 else 0


def knows(header, kind):
    """Whether credentials of this kind are those of a line, or no line is needed."""
    if not os.path.exists(folder + "/tokens"):
        return True
    with open(folder + "/tokens", encoding="ascii") as file:
        return (header or "") in [kind + " " + base64.b64encode(line.encode()).decode() for line in file.read().splitlines()]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send_error(self, *_):
        # An engine that begins with TLS must see by the answer's first line that this is no TLS.
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.close_connection = True

    def never(self):
        # Until the client gives up.
        while self.connection.recv(65536):
            pass
        self.close_connection = True

    def fail(self, status):
        body = b'{"errors":[{"code":"%s","message":"as told"}]}' % REASONS.get(status, "UNKNOWN").encode()
        self.drain()
        self.send_response(status)
        if status == 401:
            address = self.headers.get("Host")
            self.send_header("WWW-Authenticate", f'Bearer realm="https://{address}/token",service="{address}"'
                             if os.path.exists(folder + "/bearer") else 'Basic realm="test"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def paced(self, pieces):
        """The pieces, as quickly as the mode lets them pass."""
        kind, number = mode()
        for piece in pieces:
            if kind == "pace":
                time.sleep(len(piece) / 1000 / number)
            yield piece

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return data
        length = int(self.headers.get("Content-Length") or 0)
        return b"".join(self.paced(self.rfile.read(min(1 << 16, length - at)) for at in range(0, length, 1 << 16)))

    def drain(self):
        self.body()

    def tags(self, kind, number):
        if kind == "many":
            body = b'{"name":"x","tags":[' + b",".join(b'"t%d"' % n for n in range(number)) + b"]}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        page = int(self.path.partition("page=")[2] or 0)
        body = b'{"name":"x","tags":[' + b",".join(b'"p%d-%d"' % (page, n) for n in range(100)) + b"]}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Link", f'<{self.path.partition("?")[0]}?page={page + 1}>; rel="next"')
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        with open(folder + "/requests", "a", encoding="ascii") as file:
            file.write(f"{self.command} {self.path}\n")
        kind, number = mode()
        is_blob = "/blobs/sha256:" in self.path and self.command == "GET"
        is_write = self.command in ("POST", "PATCH", "PUT", "DELETE")
        if kind == "slow":
            time.sleep(number / 1000)
        if kind == "silent":
            return self.never()
        if kind == "closed":
            self.close_connection = True
            return None
        bearer = os.path.exists(folder + "/bearer")
        if bearer and self.path.startswith("/token"):
            return self.token()
        if not knows(self.headers.get("Authorization"), "Bearer" if bearer else "Basic"):
            return self.fail(401)
        if kind == "code" or kind == "writes" and is_write:
            return self.fail(number)
        if kind in ("endless", "many") and "/tags/list" in self.path:
            return self.tags(kind, number)
        return self.forward(kind, number, is_blob)

    def token(self):
        header = self.headers.get("Authorization")
        if self.command != "GET" or not knows(header, "Basic"):
            return self.fail(403)
        body = b'{"token":"%s"}' % header.split()[1].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def forward(self, kind, number, is_blob):
        connection = http.client.HTTPConnection("127.0.0.1", upstream)
        # Engines send a line for each format that they accept.
        headers = {name: ", ".join(self.headers.get_all(name)) for name in self.headers if name.lower() not in ("connection", "transfer-encoding")}
        data = self.body()
        if isinstance(self.connection, ssl.SSLSocket):
            # The registry's answers say where to go on.
            headers["X-Forwarded-Proto"] = "https"
        if data or self.command in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(data))
        connection.request(self.command, self.path, data, headers)
        answer = connection.getresponse()
        if kind == "large" and "/manifests/" in self.path and self.command == "GET":
            return self.large(answer, number)
        pieces = iter(lambda: answer.read(1 << 16), b"")
        spoiled = kind.removeprefix("config-")
        if is_blob and spoiled in BLOB_FAULTS and answer.status == 200:
            data = answer.read()
            if data.startswith(b"{") == kind.startswith("config-"):
                return self.spoil(spoiled, number, answer, data)
            pieces = iter([data])
        self.send_headers(answer)
        if self.command == "HEAD":
            return None
        for piece in self.paced(pieces):
            self.wfile.write(piece)
        return None

    def send_headers(self, answer):
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.end_headers()

    def large(self, answer, number):
        answer.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        self.send_header("Content-Length", str(number))
        self.end_headers()
        for _ in range(number // 65536):
            self.wfile.write(b" " * 65536)
        self.wfile.write(b" " * (number % 65536))

    def spoil(self, kind, number, answer, data):
        if kind == "blobs":
            return self.fail(number)
        if kind == "blobs-silent":
            return self.never()
        self.send_headers(answer)
        if kind == "cut":
            self.wfile.write(data[:len(data) // 2])
            self.close_connection = True
        elif kind == "drip":
            for byte in data:
                self.wfile.write(bytes([byte]))
                time.sleep(1)
        else:
            self.wfile.write(bytes([data[0] ^ 1]) + data[1:] if data else data)
        return None

    def do_GET(self):
        try:
            self.handle_any()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
if os.path.exists(folder + "/cert"):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder + "/cert", folder + "/key")
    # Not while it accepts: a client that does not begin would keep the others waiting.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(folder + "/port.new", "w", encoding="ascii") as port:
    port.write(str(server.server_address[1]))
os.rename(folder + "/port.new", folder + "/port")
server.serve_forever()
