FROM python:3.12-slim
RUN <<EOF
#!/usr/bin/env python3
import sys
print("pip install --no-cache-dir", sys.version)
EOF
RUN python3 <<EOF
print("hello")
EOF
