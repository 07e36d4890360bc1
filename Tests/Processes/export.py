"""Writes an export where the recorded build was told to, as BuildKit would (Tests/Oracle/oracle.py): export.py RECORD"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Oracle"))
import oracle  # noqa: E402

with open(sys.argv[1], encoding="ascii") as file:
    words = json.load(file)["argv"]
oracle.seed("\0".join(words).encode("latin-1"))
