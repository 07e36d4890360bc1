FROM ubuntu
FROM nginx:alpine
FROM node:lts-slim AS node
FROM node
LABEL org.opencontainers.image.title="x" \
      org.opencontainers.image.description="a long
COPY nginx.conf /etc/nginx/nginx.conf
