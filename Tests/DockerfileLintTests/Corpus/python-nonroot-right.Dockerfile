FROM python:3.12
RUN useradd -u 1000 -m app
USER 1000:1000
RUN --mount=type=cache,target=/home/app/.cache/pip,uid=1000,gid=1000 pip install --user flask
