FROM node:22
USER node
WORKDIR /home/node/app
COPY --chown=node package*.json ./
RUN --mount=type=cache,target=/home/node/.npm npm ci
