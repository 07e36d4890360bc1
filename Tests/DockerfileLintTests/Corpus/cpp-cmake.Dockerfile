FROM gcc:14 AS build
RUN apt-get update && apt-get install -y cmake ninja-build ccache
COPY . /src
RUN --mount=type=cache,target=/root/.cache/ccache cmake -S /src -B /build -G Ninja \
      -DCMAKE_CXX_COMPILER_LAUNCHER=ccache && cmake --build /build
