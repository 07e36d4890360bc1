FROM python:3.12
WORKDIR /usr/src/app
ONBUILD COPY requirements.txt /usr/src/app/
ONBUILD RUN --mount=type=cache,target=/root/.cache/pip pip install --no-cache-dir -r requirements.txt
ONBUILD COPY . /usr/src/app
