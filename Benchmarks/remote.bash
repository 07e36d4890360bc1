# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What a registry for the store costs and saves. Benchmarks/run reads this.

# start_registry NAME [COMMAND...]: a registry on this machine, started by a command; adds to registry_pids, and sets registry_port and clients.
registry_host=127.0.0.1
start_registry() {
    clients=$("$engines" registry)
    registry_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir -p "$1"
    printf '%s\n' 'version: 0.1' 'log: {level: error}' "storage: {filesystem: {rootdirectory: $temp/$1}, delete: {enabled: true}}" \
        "http: {addr: \"$registry_host:$registry_port\"}" >"$1.yml"
    "${@:2}" "$clients/docker-registry" serve "$1.yml" >"$1.log" 2>&1 &
    registry_pids+=($!)
    local until=$((SECONDS + 20))
    until (exec 3<>"/dev/tcp/$registry_host/$registry_port") 2>/dev/null; do
        [[ $SECONDS -lt $until ]] || die "the registry does not start: $(cat "$1.log")"
        sleep 0.05
    done
}

# as_host NAME COMMAND...: with a separate store and HOME, as on another machine.
as_host() {
    mkdir -p "host-$1"
    env HOME="$temp/host-$1" XDG_CONFIG_HOME="$temp/host-$1/config" XDG_STATE_HOME="$temp/host-$1/state" SLIPWAY_STORE="$temp/host-$1/store" \
        SLIPWAY_REMOTE="$registry_host:$registry_port/team/cache" SLIPWAY_REMOTE_ROLE=writer SLIPWAY_REMOTE_INSECURE=on \
        SLIPWAY_REMOTE_CLIENT="$clients/oras" SLIPWAY_REMOTE_INTERVAL=1000d SLIPWAY_REMOTE_WRITER=bench "${@:2}"
}

key_of() { basename "$(find "host-$1"/store/v1/u*/current/exports/ -mindepth 1 -maxdepth 1 -type d | head -n 1)"; }

remote() {
    local free key took cold round words ours theirs way by_hand_port there
    local -a pushed=() pushed_by_hand=() pulled=() pulled_by_hand=() again=() beside=() alone=() near=() near_by_hand=() order
    free=$(df --output=avail -B1M "$temp" | tail -n 1)
    if [[ $free -lt 16000 ]]; then
        say "a registry behind the store: not measured, $free MB free in $temp and 16000 needed; set TMPDIR"
        failed=1
        return
    fi
    through home; ours=("${words[@]}")
    through second; theirs=("${words[@]}")
    say 'pushing and pulling 1 GB, four times each way'
    for round in 1 2 3 4; do
        # Both start alike: with an empty registry each, a layout on the disk and nothing that waits to be written. Who comes first
        # leaves the disk busy for the other, so they take turns.
        new_layers
        rm -rf host-a host-b layout layout-pulled
        start_registry staging
        as_host a SLIPWAY_REMOTE= "${ours[@]}" build -t bench-new layers-new >log 2>&1
        until_rested
        key=$(key_of a)
        as_host a "$slipway" push "$key" >log
        "$clients/oras" cp --from-plain-http --to-oci-layout "$(reference bench)" layout:x >log
        start_registry other-registry; by_hand_port=$registry_port
        start_registry registry
        order=(push push_by_hand pull pull_by_hand)
        if ((round % 2)); then order=(push_by_hand push pull_by_hand pull); fi
        for way in "${order[@]}"; do
            sync
            sleep 1
            "$way"
        done
        milliseconds_of as_host a "$slipway" push "$key"
        again+=("$took")
        # The same registry behind a network: there is more to wait for, and less for the processors to do at once.
        near+=("${pulled[-1]}") near_by_hand+=("${pulled_by_hand[-1]}")
        unset 'pulled[-1]' 'pulled_by_hand[-1]'
        rm -rf host-b layout-pulled
        distant
        start_registry registry "${there[@]}"
        for way in "${order[@]:2}"; do
            sync
            sleep 1
            "$way"
        done
        registry_host=127.0.0.1
        as_host a "${ours[@]}" rmi -f bench-new >log 2>&1
        as_host a "${ours[@]}" builder prune -af >>log 2>&1
        kill "${registry_pids[@]}"
        registry_pids=()
        rm -rf staging other-registry registry
    done
    start_registry registry
    row 'push of 1 GB / oras cp by hand' "$(calculate "$(middle "${pushed[@]}") / $(middle "${pushed_by_hand[@]}")")" x '<=1.1' \
        hand="$(middle "${pushed_by_hand[@]}")" push="$(middle "${pushed[@]}")"
    row 'push with nothing new' "$(calculate "$(middle "${again[@]}") / 1000")" s '<=0.2' push="$(middle "${again[@]}")"
    row 'pull of 1 GB at 3 Gb/s / oras cp by hand' "$(calculate "$(middle "${pulled[@]}") / $(middle "${pulled_by_hand[@]}")")" x '<=1.1' \
        hand="$(middle "${pulled_by_hand[@]}")" pull="$(middle "${pulled[@]}")"
    row 'pull of 1 GB over loopback / oras cp by hand' "$(calculate "$(middle "${near[@]}") / $(middle "${near_by_hand[@]}")")" x - \
        hand="$(middle "${near_by_hand[@]}")" pull="$(middle "${near[@]}")"

    say 'building cold, and on a new host that pulls first'
    rm -rf host-a host-b
    past home
    env "${words[@]}" builder prune -af >log 2>&1
    milliseconds_of as_host a SLIPWAY_REMOTE= "${ours[@]}" build -t bench-small small
    cold=$took
    until_rested
    milliseconds_of as_host a "$slipway" push "$(key_of a)"
    past second
    env "${words[@]}" builder prune -af >log 2>&1
    milliseconds_of pull_and_build
    row 'cold / pull and build on a new host' "$(calculate "$cold / $took")" x '>=10' cold="$cold" pull_and_build="$took"

    for round in 1 2 3 4 5; do
        echo "$round" >>small/greeting
        milliseconds_of as_host a SLIPWAY_REMOTE= "${ours[@]}" build -t bench-small small
        alone+=("$took")
        until_rested
        echo "$round and" >>small/greeting
        milliseconds_of as_host a SLIPWAY_REMOTE_INTERVAL=1s "${ours[@]}" build -t bench-small small
        beside+=("$took")
        until_rested
    done
    row 'a build with a registry / without' "$(calculate "$(middle "${beside[@]}") / $(middle "${alone[@]}")")" x '<=1.01' \
        without="$(middle "${alone[@]}")" with="$(middle "${beside[@]}")"
    kill "${registry_pids[@]}"
    registry_pids=()
    rm -rf host-a host-b registry layout layout-pulled layers-new
}

# distant: a network of its own, from which 3 Gb/s come; sets there, which runs a command in it, and registry_host.
distant() {
    local wire=bench$BASHPID
    unshare --net sleep infinity &
    registry_pids+=($!)
    there=(nsenter --net --target "$!")
    until [[ $(readlink "/proc/$!/ns/net") != "$(readlink /proc/self/ns/net)" ]]; do sleep 0.01; done
    # The last one's goes with its network, but not at once.
    ip link delete "$wire" 2>/dev/null || true
    ip link add "$wire" type veth peer name wire netns "$!"
    ip address add 10.98.0.1/30 dev "$wire"
    ip link set "$wire" up
    "${there[@]}" ip link set lo up
    "${there[@]}" ip address add 10.98.0.2/30 dev wire
    "${there[@]}" ip link set wire up
    "${there[@]}" tc qdisc add dev wire root tbf rate 3gbit burst 4mb latency 50ms
    registry_host=10.98.0.2
}

# reference TAG: what was pushed to the registry that was started last.
reference() { echo "$registry_host:$registry_port/$("$clients/oras" repo ls --plain-http "$registry_host:$registry_port" | tail -n 1):$1"; }

push() {
    milliseconds_of as_host a "$slipway" push "$key"
    pushed+=("$took")
}

push_by_hand() {
    milliseconds_of "$clients/oras" cp --to-plain-http --from-oci-layout layout:x "127.0.0.1:$by_hand_port/by-hand/cache:x"
    pushed_by_hand+=("$took")
}

# A host that is made anew would push under another name each time, and a pull would bring what all rounds have pushed.
pull() {
    milliseconds_of as_host b "$slipway" pull -- docker build layers-new
    pulled+=("$took")
}

pull_by_hand() {
    milliseconds_of "$clients/oras" cp --from-plain-http --to-oci-layout "$(reference bench)" layout-pulled:x
    pulled_by_hand+=("$took")
}

pull_and_build() {
    as_host b "$slipway" pull -- docker build small && as_host b "${theirs[@]}" build -t bench-small small
}
