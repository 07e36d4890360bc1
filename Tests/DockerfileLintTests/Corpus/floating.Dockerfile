FROM ubuntu
RUN apt-get update && apt-get install -y curl
FROM nginx:alpine
RUN apk add --no-cache curl
FROM node:lts-slim AS node
RUN npm install -g serve
FROM node
