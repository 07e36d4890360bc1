ARG BUILDER_IMAGE="hexpm/elixir:1.17.2-erlang-27.0-debian-bookworm-20240904-slim"
FROM ${BUILDER_IMAGE} as builder
RUN mix local.hex --force && mix local.rebar --force
ENV MIX_ENV="prod"
COPY mix.exs mix.lock ./
RUN mix deps.get --only $MIX_ENV
RUN mkdir config
COPY config/config.exs config/${MIX_ENV}.exs config/
RUN mix deps.compile
