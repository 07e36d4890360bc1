FROM debian:12
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
RUN wget -O - https://example.invalid/list | wc -l > /number
RUN [[ -f /number ]] && for f in /etc/*.conf; do echo "$f"; done
SHELL ["/bin/sh", "-c"]
RUN echo plain
