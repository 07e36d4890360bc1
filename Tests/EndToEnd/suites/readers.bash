#!/usr/bin/env bash
# What any engine has built, another finds, whatever was built in between: for every feature of Dockerfiles, one import
# has everything that each export has.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine older trixie containerd
engine g sid classic

# variant FILE=TEXT...: the content of the project's next build.
variant() {
    local change
    for change; do printf '%s\n' "${change#*=}" >"app/${change%%=*}"; done
}

# mixed ENGINE READER OPTION...: builds three variants on an engine that is emptied each time, and then each of them
# again on another emptied engine: every step is cached, whichever build was the last.
fetched=0 # steps that are never cached: an ADD always asks for its address, and copies a new content
mixed() {
    local writer=$1 reader=$2
    variant one=1 two=1
    run on "$writer" docker build "${@:3}" app
    local steps=$(($(steps_total) - fetched))
    forget "$writer"
    variant one=2 two=2
    run on "$writer" docker build "${@:3}" app
    forget "$writer"
    variant one=3 two=3
    run on "$writer" docker build "${@:3}" app
    local number
    for number in 1 2 3; do
        forget "$reader"
        variant one=$number two=$number
        run on "$reader" docker build "${@:3}" app
        expect_equal "$(steps_cached)" "$steps" "cached of variant $number"
    done
    expect_whole_store
}

# dockerfile: a project whose Dockerfile is on standard input.
dockerfile() {
    project app
    cat >app/Dockerfile
    echo .git >app/.dockerignore
    variant one=0 two=0
    commit app
}

stages() {
    dockerfile <<'FILE'
FROM slipway/base:1 AS tools
RUN echo tools > /tools
FROM tools AS first
COPY one /one
RUN cat /one /tools > /first
FROM tools AS second
COPY two /two
RUN cat /two /tools > /second
FROM slipway/base:1
COPY --from=first /first /
RUN --mount=from=second,target=/s cat /s/second /first > /both
COPY --from=second /second /
FILE
    mixed a b
}
test_case "stages, COPY --from and RUN --mount=from" stages

mounts() {
    dockerfile <<'FILE'
FROM slipway/base:1
RUN --mount=type=cache,target=/c echo >> /c/count
RUN --mount=type=bind,source=one,target=/in/one cat /in/one > /a
RUN --mount=type=tmpfs,target=/t cat /a > /b
COPY <<EOF /words
one
two
EOF
RUN <<EOF
cat /words /b > /c2
EOF
COPY --link two /two
FILE
    mixed a b
}
turn_case 10 "cache mounts, binds, heredocs and COPY --link" mounts

# An address that the engines can reach: containers and engines share this machine's network.
remote() {
    local port_http port_git
    mkdir served
    echo file >served/file
    git init --quiet -b main served/repository.git
    echo inside >served/repository.git/inside
    git -C served/repository.git add inside
    git -C served/repository.git -c user.name=a -c user.email=a@b commit --quiet -m one
    start web python3 -u -m http.server --bind 127.0.0.1 --directory served 0
    await 20 grep -q 'port [0-9]' web.stdout
    port_http=$(sed -nE 's/.* port ([0-9]+) .*/\1/p' web.stdout)
    port_git=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    start git git daemon --export-all --base-path="$place/served" --listen=127.0.0.1 --port="$port_git"
    await 20 git ls-remote "git://127.0.0.1:$port_git/repository.git"
    dockerfile <<FILE
FROM slipway/base:1
ADD http://127.0.0.1:$port_http/file /file
COPY one /one
ADD git://127.0.0.1:$port_git/repository.git#main /repository
COPY two /two
RUN cat /file /repository/inside /one /two > /all
FILE
    fetched=2
    mixed a b
}
turn_case 10 "ADD by http and from git" remote

platforms() {
    dockerfile <<'FILE'
FROM --platform=$BUILDPLATFORM slipway/base:1 AS made
ARG TARGETARCH
COPY one /one
RUN echo $TARGETARCH > /arch; cat /one >> /arch
FROM scratch
COPY --from=made /arch /
COPY two /
FILE
    mixed a b --platform linux/amd64,linux/arm64 --output type=cacheonly
}
turn_case 10 "two platforms in one build" platforms

older_writer() {
    dockerfile <<'FILE'
FROM slipway/base:1 AS made
COPY one /one
RUN cat /one > /made
FROM slipway/base:1
COPY --from=made /made /
COPY two /two
RUN cat /two > /last
FILE
    mixed older b
}
turn_case 10 "exports in the form of buildx 0.13, an index of layers" older_writer

older_reader() {
    dockerfile <<'FILE'
FROM slipway/base:1 AS made
COPY one /one
RUN cat /one > /made
FROM slipway/base:1
COPY --from=made /made /
COPY two /two
RUN cat /two > /last
FILE
    mixed a older
}
turn_case 10 "Docker 26.1 with buildx 0.13 reads what newer ones have written" older_reader

classic_reader() {
    dockerfile <<'FILE'
FROM slipway/base:1
COPY one /one
RUN cat /one > /made
COPY two /two
RUN cat /two > /last
FILE
    # An engine that has used the base before exports it only by its manifest's digest, which a classic store does not
    # have.
    forget a
    mixed a g
}
turn_case 10 "an engine with the classic store reads the exports" classic_reader

# Neither build has both halves, and the newest export is the wrong one for each: only a union has all steps.
halves() {
    dockerfile <<'FILE'
FROM slipway/base:1 AS first
COPY one /one
RUN cat /one > /first
FROM slipway/base:1 AS second
COPY two /two
RUN cat /two > /second
FROM slipway/base:1
COPY --from=first /first /
COPY --from=second /second /
FILE
    local one two
    for one in 1 2; do
        variant one=$one two=$one
        run on a docker build app
        forget a
    done
    for one in 1 2; do
        for two in 1 2; do
            forget b
            variant one=$one two=$two
            run on b docker build app
            # The last step is new if the halves come from two builds.
            if [[ $one == "$two" ]]; then expect_cached all; else expect_cached 5; fi
        done
    done
}
turn_case 10 "halves of two builds are found in one import" halves

# The same layers in two forms: writing an image with another compression leaves its blobs on the engine, and exports
# name those.
compressions() {
    dockerfile <<'FILE'
FROM slipway/base:1
COPY one /one
RUN cat /one > /made
COPY two /two
RUN cat /two > /last
FILE
    local types reader
    run on a docker build app
    forget a
    run on a SLIPWAY_STORE="$place/other" docker build --output type=oci,dest=image.tar,compression=zstd,force-compression=true app
    await 60 at_rest
    # As if both engines had exported to one store: neither would have built what the other had.
    cp -an other/v1/u0/gen-000001/blobs other/v1/u0/gen-000001/exports "$store/v1/u0/gen-000001/"
    for reader in b g older; do
        forget "$reader"
        run on "$reader" docker build app
        expect_cached all
        expect_notes SLP001
    done
    published
    types=$(jq -r '.layers[].mediaType' "$store/v1/u0/current/blobs/sha256/$(awk '/^manifest / { print substr($2, 8) }' "$store/v1/u0/current/union")" | sort -u)
    expect_equal "${types//$'\n'/ }" "application/vnd.oci.image.layer.v1.tar+gzip application/vnd.oci.image.layer.v1.tar+zstd" "what the union names"
}
turn_case 10 "one layer that was exported with two compressions" compressions

# As many records as a union may have, if all tests are requested; otherwise some hundreds.
many_records() {
    local number step reader builds=6
    [[ ${SLIPWAY_TESTS_ALL-} != 1 ]] || builds=18
    {
        echo FROM scratch
        for ((step = 0; step < 40; step++)); do echo "COPY one /$step"; done
    } | dockerfile
    for ((number = 0; number < builds; number++)); do
        variant one=$number
        run on a docker build --output type=cacheonly app
    done
    published
    expect test "$(awk '/^holds / { print $2 }' "$store/v1/u0/current/union")" -gt $((builds * 40))
    for reader in b g older; do
        forget "$reader"
        for number in 0 $((builds / 2)) $((builds - 1)); do
            variant one=$number
            run on "$reader" docker build --output type=cacheonly app
            expect_cached all
        done
    done
}
turn_case 10 "a union of very many records" many_records 900
