FROM rust:1-alpine3.20 as build
RUN apk add --no-cache musl-dev openssl-dev
WORKDIR /w
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && cargo build --release && rm -rf src
COPY src src
RUN touch src/main.rs && cargo build --release
FROM gcr.example/distroless/static:nonroot
COPY --from=build /w/target/release/w /
CMD ["/w"]
