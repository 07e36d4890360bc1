FROM golang:1.22-alpine
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod go build -o /app . && go clean -modcache
