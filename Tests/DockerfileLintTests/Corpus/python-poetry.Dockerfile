FROM python:3.11-slim AS builder
ARG POETRY_VERSION=1.8.3
ENV POETRY_HOME=/opt/poetry POETRY_VIRTUALENVS_IN_PROJECT=true
RUN python -m venv $POETRY_HOME && $POETRY_HOME/bin/pip install "poetry==${POETRY_VERSION}"
WORKDIR /app
COPY pyproject.toml poetry.lock ./
RUN $POETRY_HOME/bin/poetry install --only main --no-root

FROM python:3.11-slim
COPY --from=builder /app/.venv /app/.venv
ENV PATH="/app/.venv/bin:$PATH"
COPY src /app/src
ENTRYPOINT ["python", "-m", "src.main"]
