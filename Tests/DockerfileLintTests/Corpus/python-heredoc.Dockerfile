FROM python:3.12-slim
RUN --mount=type=cache,target=/root/.cache/pip <<EOF
set -e
pip install --no-cache-dir numpy
pip install pandas
EOF
COPY <<-"SCRIPT" /usr/local/bin/entry
	#!/bin/sh
	exec python "$@"
	SCRIPT
RUN chmod +x /usr/local/bin/entry
