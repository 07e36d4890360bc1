# shellcheck shell=bash
# shellcheck disable=SC2154 # Benchmarks/run has root, temp, shim, real, launch and what it measured
#
# Compose and bake through the shim as docker's plugin docker-buildx, for Benchmarks/run.

# services FOLDER COUNT: a compose project in which each service has its own Dockerfile.
services() {
    local folder=$1 count=$2 index
    echo 'services:' >"$folder.yaml"
    for ((index = 1; index <= count; index++)); do
        project "$folder/$index" 'FROM slipway/base:1' "RUN echo $folder $index >/1" 'COPY greeting /' 'RUN head -c 200000 /dev/urandom >/2'
        printf '  s%s: {image: "bench-%s-%s", build: ./%s}\n' "$index" "$folder" "$index" "$index" >>"$folder.yaml"
    done
    mv "$folder.yaml" "$folder/compose.yaml"
}

# plugged ENGINE NAME PLUGIN: a DOCKER_CONFIG, "config-NAME", with the shim before a plugin.
plugged() {
    use "$1"
    cp -r "$docker_config" "config-$2"
    mkdir -p plugin "behind-$2"
    ln -sf "$shim" plugin/docker-buildx
    ln -sf "$3" "behind-$2/docker-buildx"
    printf '{"cliPluginsExtraDirs": ["%s", "%s"]}\n' "$temp/plugin" "$temp/behind-$2" >"config-$2/config.json"
}

composes() {
    local words plain through hand service buildx imports
    export SLIPWAY_STORE=$temp/store/compose
    use home
    buildx=$(realpath "$docker_config/cli-plugins/docker-buildx")
    plugged home real "$buildx"
    plugged home none "$real"

    say 'deciding about a bake of 20 targets'
    services twenty 20
    words=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$temp/config-real" "$engine_docker" compose --project-directory twenty)
    env "${words[@]}" build >log 2>&1 || { tail -n 20 log >&2; die 'compose build failed'; }
    env "${words[@]}" build --print >twenty.json 2>log
    # The same definition for each: readers of a file share its position.
    printf '#!/bin/sh\nexec "$@" <%q\n' "$temp/twenty.json" >fed
    chmod +x fed
    words=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$temp/config-none" "$temp/fed" "$temp/plugin/docker-buildx" bake --file -)
    imports=$(env SHOW_ARGUMENTS=1 "${words[@]}" | grep -c '^--set=.*cache-from') || true
    [[ $imports == 20 ]] || die "20 targets get $imports imports"
    timed -w 5 "$((rounds / 20 > 20 ? rounds / 20 : 20))" \
        direct "$temp/fed" "$real" bake --file - + \
        ask "$temp/fed" "$launch" ask "${docker_host#unix://}" + \
        decide "${words[@]}"
    row 'bake decision, 20 targets' "$(calculate "${median[decide]} - ${median[direct]}")" ms - \
        direct="${median[direct]}" shim="${median[decide]}"
    row 'of that, not waiting for the engine' "$(calculate "${median[decide]} - ${median[ask]}")" ms '<10' \
        ask="${median[ask]}" shim="${median[decide]}" from_least="$(calculate "${least[decide]} - ${least[ask]}")"

    say 'building four services, all cached'
    services four 4
    cp -r four byhand
    for service in 1 2 3 4; do
        sed -i "s|build: ./$service}|build: {context: ./$service, cache_from: ['type=local,src=$temp/hand/$service'], cache_to: ['type=local,dest=$temp/hand/$service,mode=max,ignore-error=true']}}|" byhand/compose.yaml
    done
    plain=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$docker_config" "$engine_docker" compose --project-directory four build)
    hand=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$docker_config" "$engine_docker" compose --project-directory byhand build)
    through=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$temp/config-real" "$engine_docker" compose --project-directory four build)
    timed -w 2 -e "$temp/log" 15 compose-plain "${plain[@]}" + compose-hand "${hand[@]}" + compose-through "${through[@]}"
    row 'compose build, all cached / without the shim' "$(calculate "${median[compose-through]} / ${median[compose-plain]}")" x \
        '<=1.3' without="${median[compose-plain]}" shim="${median[compose-through]}" "$(from_least compose-through compose-plain)"
    row 'compose build, all cached / entries by hand' "$(calculate "${median[compose-through]} / ${median[compose-hand]}")" x \
        '<=1.05' hand="${median[compose-hand]}" shim="${median[compose-through]}" "$(from_least compose-through compose-hand)"
}
