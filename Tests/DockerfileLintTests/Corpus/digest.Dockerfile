# syntax=docker/dockerfile:1
# check=skip=JSONArgsRecommended
FROM debian:12@sha256:8d8f8c3d0f1a3a9b7c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f60718293a4b5c6d7
CMD echo hi
