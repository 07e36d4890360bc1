FROM node:20
RUN corepack enable
WORKDIR /app
COPY .yarnrc.yml package.json yarn.lock ./
COPY .yarn .yarn
RUN --mount=type=cache,target=/root/.yarn/berry/cache yarn install --immutable
