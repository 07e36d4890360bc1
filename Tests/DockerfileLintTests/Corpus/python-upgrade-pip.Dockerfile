FROM ubuntu:22.04
RUN apt-get update && apt-get install -y python3-pip \
    && rm -rf /var/lib/apt/lists/*
RUN pip install --upgrade pip>=24.0 setuptools wheel
RUN pip install torch==2.4.0 --index-url https://download.example/whl/cpu
