FROM python:3.12
RUN groupadd --gid 1000 app \
 && useradd --uid 1000 --gid app --shell /bin/bash --create-home app
USER app
WORKDIR /home/app
RUN --mount=type=cache,target=/home/app/.cache/pip pip install --user flask
COPY --chown=app:app . .
CMD ["python", "-m", "flask", "run"]
