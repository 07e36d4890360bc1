ARG BASE=python:3.12
ARG CACHE=/root/.cache/pip
FROM ${BASE} AS one
ARG CACHE
RUN --mount=type=cache,target=${CACHE} pip install --no-cache-dir a
FROM one AS two
ARG PIP_NO_CACHE_DIR=${UNSET:-on}
RUN --mount=type=cache,target=/root/.cache/pip pip install b
FROM two
RUN --mount=type=cache,target=/root/.cache/pip pip install c
