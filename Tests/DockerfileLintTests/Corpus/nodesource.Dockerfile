FROM debian:12-slim
RUN apt-get update && apt-get install -y curl \
 && curl -fsSL https://deb.example/setup_20.x | bash - \
 && apt-get install -y nodejs
