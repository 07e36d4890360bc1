FROM debian:12
RUN --mount=type=secret,id=netrc,target=/root/.netrc,required=true \
    --mount=type=ssh \
    --mount=type=bind,from=context,source=/src,target=/src,rw \
    --mount=type=tmpfs,target=/tmp,size=1000000 \
    --mount="type=cache,target=/root/.cache/my tool" \
    --network=none --security=sandbox \
    make -C /src
