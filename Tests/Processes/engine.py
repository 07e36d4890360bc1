"""An engine that records (Tests/Oracle/engine.py), until it is ended: engine.py SOCKET classic|containerd"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Oracle"))
import engine  # noqa: E402

server = engine.Engine(sys.argv[1])
server.store = sys.argv[2]
signal.pause()
