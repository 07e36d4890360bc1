FROM debian:12-slim
ENV DEBIAN_FRONTEND=noninteractive
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update && apt-get install -y --no-install-recommends \
    build-essential curl git jq nodejs npm python3-pip python3-venv tree wget
RUN --mount=type=cache,target=/root/.cache/pip pip3 install --break-system-packages --no-cache-dir \
    pandas openpyxl pypdf python-docx reportlab requests beautifulsoup4
RUN useradd -m -u 1000 -s /bin/bash sandbox && mkdir -p /cache/pip /cache/npm && chown -R sandbox /cache
USER sandbox
WORKDIR /workspace
