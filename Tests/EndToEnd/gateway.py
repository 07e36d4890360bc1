"""A socket before an engine's: gateway.py SOCKET ENGINE LOG [--without-grpc]

Passes everything on and writes down, a line each, what programs without a name ask: docker's own have one. Without gRPC it
refuses /grpc, as gateways do that let only some of an engine's paths through. With it, what is asked behind /grpc has the milliseconds
since then at its end.
"""

import re
import socket
import sys
import threading
import time

place, engine, log = sys.argv[1:4]
refuses = "--without-grpc" in sys.argv
lock = threading.Lock()
asked = None  # when /grpc was


def pump(source, target):
    try:
        while (piece := source.recv(65536)):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, began):
    global asked
    with client, socket.socket(socket.AF_UNIX) as behind:
        start = b""
        while b"\r\n\r\n" not in start:
            piece = client.recv(65536)
            if not piece:
                return
            start += piece
        if b"\r\nuser-agent:" not in start.lower():
            with lock, open(log, "ab") as file:
                since = b" %d" % ((began - asked) * 1000) if asked else b""
                file.writelines(line + since + b"\n" for line in re.findall(rb"^([A-Z]+ /\S*) HTTP/1", start, re.MULTILINE))
                if not refuses and b"POST /grpc " in start:
                    asked = began
        if refuses and b"POST /grpc " in start:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        behind.connect(engine)
        behind.sendall(start)
        answers = threading.Thread(target=pump, args=(behind, client))
        answers.start()
        pump(client, behind)
        answers.join()


with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(place)
    listener.listen(64)
    while True:
        client = listener.accept()[0]
        threading.Thread(target=serve, args=(client, time.monotonic()), daemon=True).start()
