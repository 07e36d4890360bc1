FROM golang:1.23 AS build
ARG GIT_COMMIT
ARG BUILD_DATE
WORKDIR /src
COPY go.* ./
RUN go mod download
COPY . .
RUN go build -ldflags "-X main.commit=$GIT_COMMIT -X main.date=$BUILD_DATE" -o /app
