# shellcheck shell=bash disable=SC2034,SC2154 # the harness's variables
#
# Engines, and commands on them: what lib.bash tells of.

engine() {
    if [[ -e $work/engines/$1 ]]; then
        # Another suite's: one of this name must be of this kind.
        if [[ $(<"$work/engines/$1.kind") == "$2 $3" ]]; then
            (home=$work place=$work/left; left_behind "$1") </dev/null
            return
        fi
        failed=$((failed + 1))
        echo "not ok - $suite: engine $1 is $(<"$work/engines/$1.kind") in another suite, $2 $3 here"
        exit 1
    fi
    echo "$2 $3" >"$work/engines/$1.kind"
    echo "# engine $1: $2, $3"
    if "$root/Scripts/engines" start "$1" "$2" "$3" </dev/null >/dev/null && "$root/Scripts/engines" image "$1" </dev/null; then
        "$root/Scripts/engines" env "$1" >"$work/engines/$1"
        [[ ${SLIPWAY_TESTS_ALL-} == 1 ]] || remember_metadata "$1"
    else
        failed=$((failed + 1))
        echo "not ok - $suite: engine $1 ($2, $3) starts"
    fi 2>"$work/engine.log"
    [[ -e $work/engines/$1 ]] || { sed 's/^/    # /' "$work/engine.log"; exit 1; }
}

# Before each command docker asks its plugins who they are, and to say so, always the same, today's buildx starts for 65 ms of a
# processor: a tenth of what a run takes. In a sample what it has said once is the answer; for all else it is buildx itself.
remember_metadata() {
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER plugin real metadata
    which_engine "$1"
    for plugin in "$DOCKER_CONFIG"/cli-plugins/docker-*; do
        real=$(readlink -f "$plugin")
        metadata=$("$real" docker-cli-plugin-metadata) || continue
        [[ $metadata != *\'* ]] || continue
        rm "$plugin"
        printf '%s\n' '#!/bin/sh' "[ \"\$1\" = docker-cli-plugin-metadata ] || exec '$real' \"\$@\"" "printf '%s\\n' '$metadata'" >"$plugin"
        chmod 755 "$plugin"
    done
}

# Which suites ran on an engine before is chance: what they left there must not matter.
left_behind() {
    local left
    for left in $(api "$1" GET 'containers/json?all=true' | jq -r '.[].Id'); do api "$1" DELETE "containers/$left?force=true" >/dev/null; done
    for left in $(api "$1" GET volumes | jq -r '.Volumes[]?.Name'); do api "$1" DELETE "volumes/$left?force=true" >/dev/null; done
}

# Sets DOCKER_HOST, DOCKER_CONFIG and ENGINE_DOCKER, which its callers have as locals.
# shellcheck disable=SC1090
which_engine() {
    [[ -e $work/engines/$1 ]] || fail "no engine is called $1"
    . "$work/engines/$1"
}

socket() { local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER; which_engine "$1"; echo "${DOCKER_HOST#unix://}"; }
docker_of() { local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER; which_engine "$1"; echo "$ENGINE_DOCKER"; }

# A line for the log, even where the output is taken.
note() { printf '%s\n' "$*" >>"$place.log"; }

# `become` is "exec" below `start`, so that the pid is docker's; `within` is what `with_mounts` puts around a command.
become=
within=()

with_mounts() {
    local within=(unshare --mount --propagation private sh -ec "$1"$'\nexec "$@"' sh)
    shift
    "$@"
}

on() {
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER
    which_engine "$1"
    note "$ on $*"
    shift
    $become "${within[@]}" env -i --default-signal=INT HOME="$home" PATH="$work/bin:${ENGINE_DOCKER%/*}:/usr/bin:/bin" \
        DOCKER_HOST="$DOCKER_HOST" DOCKER_CONFIG="$DOCKER_CONFIG" SLIPWAY_STORE="$store" SLIPWAY_STORE_MIN_FREE=64MB "$@"
}

direct() {
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER
    which_engine "$1"
    note "$ direct $*"
    shift
    $become "${within[@]}" env -i --default-signal=INT HOME="$home" PATH="${ENGINE_DOCKER%/*}:/usr/bin:/bin" \
        DOCKER_HOST="$DOCKER_HOST" DOCKER_CONFIG="$DOCKER_CONFIG" "$@"
}

# The user gets copies of docker and buildx: the engines' prefix may lie below a folder that only root may enter.
as() {
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER user=$1 name=$2 programs
    which_engine "$name"
    note "$ as $*"
    shift 2
    programs=$work/programs-$(basename "$(realpath -m "${ENGINE_DOCKER%/*}/../..")")
    if [[ ! -d $programs ]]; then
        mkdir "$programs"
        install -m 755 "$ENGINE_DOCKER" "$DOCKER_CONFIG"/cli-plugins/* "$programs/"
    fi
    if [[ ! -d $place/home-$user ]]; then
        mkdir -p "$place/home-$user/.docker/cli-plugins"
        ln -s "$programs"/docker-* "$place/home-$user/.docker/cli-plugins/"
        chown -R "$user:$user" "$place/home-$user"
    fi
    chmod 666 "${DOCKER_HOST#unix://}"
    $become "${within[@]}" setpriv --reuid="$user" --regid="$user" --clear-groups env -i --default-signal=INT HOME="$place/home-$user" \
        PATH="$work/bin:$programs:/usr/bin:/bin" DOCKER_HOST="$DOCKER_HOST" SLIPWAY_STORE="$store" \
        SLIPWAY_STORE_MIN_FREE=64MB "$@"
}

# api ENGINE METHOD PATH...: asks the engine itself, past docker: a twentieth of the time that a docker command takes to start
api() {
    local name=$1 method=$2
    shift 2
    curl --silent --show-error --fail --unix-socket "$(socket "$name")" --request "$method" "${@/#/http://engine/}"
}

# images ENGINE: the ids of all but the base
images() { api "$1" GET 'images/json?all=true' | jq -r '.[] | select(.RepoTags // [] | index("slipway/base:1") | not).Id' | sort -u; }

# Only deleting images and pruning together make an engine empty: an image that stays keeps its layers, and the builder finds them.
forget() {
    local name image
    for name; do
        # One may go with another.
        for image in $(images "$name"); do api "$name" DELETE "images/$image?force=true" >/dev/null 2>&1 || true; done
        api "$name" POST 'build/prune?all=true' >/dev/null
        [[ -z $(images "$name") ]] || fail "engine $name keeps $(images "$name")"
    done
}

private_config() {
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER
    which_engine "$1"
    mkdir -p "$2"
    cp -r "$DOCKER_CONFIG/." "$2"
}

# plugged ENGINE [VAR=VALUE...] COMMAND...: like `on`, with the plugin in place; $ahead are folders before the real plugin's
# that docker looks through, the shim's first.
plugged() {
    local config=$place/plugged-$1
    if [[ ! -d $config ]]; then
        private_config "$1" "$config"
        mkdir -p "$place/plugin"
        ln -sf "$work/bin/docker" "$place/plugin/docker-buildx"
        jq '.cliPluginsExtraDirs = $ARGS.positional' "$config/config.json" --args "$place/plugin" "${ahead[@]}" >"$config/new.json"
        mv "$config/new.json" "$config/config.json"
    fi
    on "$1" DOCKER_CONFIG="$config" BUILDX_NO_DEFAULT_ATTESTATIONS=1 "${@:2}"
}
ahead=()
