# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What reading Dockerfiles costs. Benchmarks/run reads this.

# A Dockerfile with this many lines and no findings: typical lines, repeated.
dockerfile() {
    awk -v lines="$1" 'BEGIN {
        print "FROM python:3.12-slim"
        for (n = 1; n < lines; n += 8) {
            print "# part " n
            print "RUN --mount=type=cache,target=/root/.cache/pip \\"
            print "    pip install --require-hashes -r part" n ".txt \\"
            print "    # a comment in between"
            print "    && echo \"part " n "\" >>/parts && rm -rf /tmp/*"
            print "ENV PART_" n "=" n " OTHER_" n "=\"two words\""
            print "COPY part" n "/ /srv/part" n "/"
            print ""
        }
    }' | sed -n "1,$1p"
}

linting() {
    say 'linting'
    local builds=$((rounds / 10 > 20 ? rounds / 10 : 20)) path=$temp/shim:$temp/real:/usr/bin:/bin size
    mkdir -p linted/{one,many,large}
    echo 'FROM scratch' >linted/one/Dockerfile
    dockerfile 10000 >linted/many/Dockerfile
    head -c 65536 linted/many/Dockerfile | sed '$d' >linted/large/Dockerfile
    timed -w 2 21 one "$slipway" lint linted/one + many "$slipway" lint linted/many
    row 'slipway lint, 10,000 lines' "${median[many]}" ms '<50' one_line="${median[one]}" least="${least[many]}"
    local lint=() name
    for name in one large; do
        lint+=(+ "$name-off" PATH="$path" SLIPWAY_BUILD_CACHE=off SLIPWAY_LINT=off "$shim" build "linted/$name"
            + "$name" PATH="$path" SLIPWAY_BUILD_CACHE=off "$shim" build "linted/$name")
    done
    timed -w 5 "$builds" "${lint[@]:1}"
    size=$(stat --format %s linted/large/Dockerfile)
    row 'linting in a build, a file of 64 KB' "$(calculate "${median[large]} - ${median[large-off]}")" ms '<=2' \
        bytes="$size" from_least="$(calculate "${least[large]} - ${least[large-off]}")"
    row 'linting in a build, a file of one line' "$(calculate "${median[one]} - ${median[one-off]}")" ms - \
        from_least="$(calculate "${least[one]} - ${least[one-off]}")"
}
