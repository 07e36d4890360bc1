# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What translating paths costs. Benchmarks/run reads this.

# Reading a container's mounts, from the kernel and from the engine, needs a container. The shim, which needs no
# library, runs in one, with a stand-in for docker that reports only its version.
paths() {
    local container docker times
    local mounts=() index runs=$((rounds / 10 > 20 ? rounds / 10 : 20))
    use home
    docker=(env DOCKER_HOST="$docker_host" DOCKER_CONFIG="$docker_config" "$engine_docker")
    mkdir -p inside/usr/local/bin inside/bin inside/bench workspace/{0..9}
    cp "$shim" inside/usr/local/bin/docker
    cp "$real" inside/bin/docker
    cp "$launch" inside/bench/launch
    printf '#!/bin/sh\nrm -f /bench/state/slipway/paths\n' >inside/bench/prepare
    chmod +x inside/bench/prepare
    container=$("${docker[@]}" create --env XDG_STATE_HOME=/bench/state --env SLIPWAY_PACKAGE_CACHE_MODE=off \
        --env SLIPWAY_JOURNAL=off --volume "$temp/workspace:/workspaces" \
        --volume "${docker_host#unix://}:/var/run/docker.sock" slipway/base:1 sleep 3600)
    "${docker[@]}" cp -q inside/. "$container:/"
    "${docker[@]}" start "$container" >log
    for ((index = 0; index < 10; index++)); do mounts+=(-v "/workspaces/$index:/$index"); done
    [[ $("${docker[@]}" exec --env SHOW_ARGUMENTS=1 "$container" docker run "${mounts[@]}" image | grep -c "^$temp/") == 10 ]] ||
        die 'ten sources are not ten paths of the engine'
    say "translating ten sources $runs times"
    inside() {
        "${docker[@]}" exec "$container" /bench/launch time "$@" >>translated 2>log ||
            { cat log >&2; die 'cannot time in a container'; }
    }
    : >translated
    inside -w 5 "$runs" \
        plain SLIPWAY_PATH_AUTO=off /usr/local/bin/docker run "${mounts[@]}" image + \
        remembered /usr/local/bin/docker run "${mounts[@]}" image
    inside -w 2 -p /bench/prepare 20 found /usr/local/bin/docker run "${mounts[@]}" image
    times=$(<translated)
    time_of() { awk -F'\t' -v name="$1" '$1 == name { print $2 / 1000 }' <<<"$times"; }
    row 'ten sources, with a remembered table' "$(calculate "$(time_of remembered) - $(time_of plain)")" ms '<0.3' \
        plain="$(time_of plain)" remembered="$(time_of remembered)"
    row 'ten sources, asking the engine' "$(calculate "$(time_of found) - $(time_of plain)")" ms '<20' \
        plain="$(time_of plain)" found="$(time_of found)"
    "${docker[@]}" rm -f "$container" >log
}
