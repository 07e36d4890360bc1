"""A BuildKit that listens by itself, as buildx's remote driver wants one: builder.py ADDRESS ENGINE [--silent] [--wait SECONDS]
[--tls CERT KEY CA]

ADDRESS is a path or 127.0.0.1:PORT, ENGINE the socket of an engine. Each connection is passed on to the BuildKit of that engine, as
`docker buildx dial-stdio` does it, without the third of a second that docker takes to start. --silent takes connections and never
answers, --wait answers late, and --tls asks for a certificate of the CA's. Prints "ready" once it listens.
"""

import argparse
import os
import socket
import ssl
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("address")
parser.add_argument("engine")
parser.add_argument("--silent", action="store_true")
parser.add_argument("--wait", type=float, default=0)
parser.add_argument("--tls", nargs=3, metavar=("CERT", "KEY", "CA"))
options = parser.parse_args()

context = None
if options.tls:
    certificate, key, authority = options.tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])


def pump(source, target):
    try:
        while (piece := source.recv(65536)):
            target.sendall(piece)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    if options.silent:
        while client.recv(65536):
            pass
        return
    time.sleep(options.wait)
    if context:
        # Both directions of one TLS connection are not safe in two threads, so a pair of sockets stands between.
        client = unwrapped(context.wrap_socket(client, server_side=True))
    engine = socket.socket(socket.AF_UNIX)
    engine.connect(options.engine)
    engine.sendall(b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = engine.recv(1)
        if not piece:
            return
        head += piece
    threading.Thread(target=pump, args=(client, engine), daemon=True).start()
    pump(engine, client)


def unwrapped(secure):
    near, far = socket.socketpair()
    threading.Thread(target=both_ways, args=(secure, far), daemon=True).start()
    return near


def both_ways(secure, plain):
    import select

    secure.setblocking(False)
    plain.setblocking(False)
    to_plain, to_secure, open_ = b"", b"", True
    while open_ or to_plain or to_secure:
        readable, _, _ = select.select([secure, plain], [], [], 0 if secure.pending() else 0.01 if to_secure or to_plain else 1)
        try:
            if not to_plain:
                piece = secure.recv(65536)
                open_ = bool(piece)
                to_plain += piece
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except OSError:
            open_ = False
        try:
            if not to_secure:
                piece = plain.recv(65536)
                if not piece:
                    break
                to_secure += piece
        except BlockingIOError:
            pass
        except OSError:
            break
        try:
            if to_secure:
                to_secure = to_secure[secure.send(to_secure):]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except OSError:
            break
        try:
            if to_plain:
                to_plain = to_plain[plain.send(to_plain):]
        except BlockingIOError:
            pass
        except OSError:
            break
        if not open_:
            break
    for end in (secure, plain):
        try:
            end.close()
        except OSError:
            pass


def quietly(client):
    try:
        serve(client)
    except OSError:
        pass
    finally:
        client.close()


if ":" in options.address and not options.address.startswith("/"):
    host, port = options.address.rsplit(":", 1)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
else:
    if os.path.exists(options.address):
        os.unlink(options.address)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(options.address)
listener.listen(64)
print("ready", listener.getsockname()[1] if options.address[0] != "/" else "", flush=True)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=quietly, args=(accepted,), daemon=True).start()
