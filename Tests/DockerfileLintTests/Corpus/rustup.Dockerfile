FROM ubuntu:22.04
ENV PATH=/root/.cargo/bin:$PATH
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.example | sh -s -- -y --profile minimal
