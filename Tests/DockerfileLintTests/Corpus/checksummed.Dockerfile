FROM debian:12-slim
ARG TINI_VERSION=v0.19.0
ADD --checksum=sha256:93dcc18adc78c65a028a84799ecf8ad40c936fdfc5f2a57b1acda5a8117fa82c https://example.invalid/tini /tini
RUN chmod +x /tini
ENTRYPOINT ["/tini", "--"]
