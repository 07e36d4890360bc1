FROM node:18
WORKDIR /usr/src/app
COPY package.json yarn.lock ./
RUN --mount=type=cache,target=/root/.cache/yarn yarn install --frozen-lockfile --network-timeout 600000
COPY . .
RUN yarn build
