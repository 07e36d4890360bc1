# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# How long new layers delay docker, and when other engines can use them. Benchmarks/run reads this.

# milliseconds_of COMMAND...: sets $took, in milliseconds.
milliseconds_of() {
    local began=${EPOCHREALTIME/./}
    "$@" >log 2>&1 || { cat log >&2; die "$* failed"; }
    took=$(((${EPOCHREALTIME/./} - began) / 1000))
}

middle() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

# The same build with different bytes each time, so that nothing of it is cached anywhere.
new_layers() {
    rm -rf layers-new
    project layers-new 'FROM slipway/base:1' \
        "RUN echo $RANDOM$RANDOM >/word && dd if=/dev/urandom of=/1 bs=1M count=350" 'RUN dd if=/dev/urandom of=/2 bs=1M count=350' \
        'RUN dd if=/dev/urandom of=/3 bs=1M count=350'
}

exports_behind() {
    local free round way words engine ours took complete
    local -a plain=() with=() behind=() completed=() by_hand=()
    free=$(df --output=avail -B1M "$temp" | tail -n 1)
    if [[ $free -lt 12000 ]]; then
        say "exports behind builds: not measured, $free MB free in $temp and 12000 needed; set TMPDIR"
        failed=1
        return
    fi
    export SLIPWAY_STORE=$temp/store/behind
    past home; engine=("${words[@]}")
    through home; ours=("${words[@]}")
    for round in 1 2 3; do
        say "building 1 GB of new layers, round $round of 3"
        for way in plain with behind; do
            new_layers
            rm -rf "$SLIPWAY_STORE" by-hand-exported
            case $way in
                plain)
                    milliseconds_of env "${engine[@]}" build -t bench-new layers-new
                    plain+=("$took")
                    milliseconds_of env "${engine[@]}" build --output type=cacheonly \
                        --cache-to "type=local,dest=$temp/by-hand-exported,mode=max" layers-new
                    by_hand+=("$took")
                    ;;
                with)
                    milliseconds_of env "${ours[@]}" build -t bench-new layers-new
                    with+=("$took")
                    ;;
                behind)
                    milliseconds_of env SLIPWAY_EXPORT=behind SLIPWAY_EXPORT_BEHIND_MAX_PRESSURE=100 \
                        "${ours[@]}" build -t bench-new layers-new
                    behind+=("$took")
                    milliseconds_of until_exported
                    completed+=("$took")
                    ;;
            esac
            until_rested
            env "${engine[@]}" rmi -f bench-new >log 2>&1
            env "${engine[@]}" builder prune -af >>log 2>&1
        done
    done
    rm -rf "$SLIPWAY_STORE" by-hand-exported layers-new
    row '1 GB of new layers, export with the build / plain' \
        "$(calculate "$(middle "${with[@]}") / $(middle "${plain[@]}")")" x - \
        plain="$(middle "${plain[@]}")" shim="$(middle "${with[@]}")"
    row '1 GB of new layers, export behind the build / plain' \
        "$(calculate "$(middle "${behind[@]}") / $(middle "${plain[@]}")")" x '<=1.05' \
        plain="$(middle "${plain[@]}")" shim="$(middle "${behind[@]}")"
    row 'from docker'\''s end to the export / export by hand' \
        "$(calculate "$(middle "${completed[@]}") / $(middle "${by_hand[@]}")")" x '<=1.2' \
        hand="$(middle "${by_hand[@]}")" behind="$(middle "${completed[@]}")"
}

until_exported() {
    local until=$((SECONDS + 120))
    until compgen -G "$SLIPWAY_STORE/v1/u*/gen-*/exports/*/*/index.json" >/dev/null; do
        [[ $SECONDS -lt $until ]] || return 1
        sleep 0.02
    done
}
