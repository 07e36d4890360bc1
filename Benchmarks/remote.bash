# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What a registry for the store costs and saves. Benchmarks/run reads this.

# start_registry NAME: a registry on this machine; adds to registry_pids, and sets registry_port and clients.
start_registry() {
    clients=$("$engines" registry)
    registry_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir -p "$1"
    printf '%s\n' 'version: 0.1' 'log: {level: error}' "storage: {filesystem: {rootdirectory: $temp/$1}, delete: {enabled: true}}" \
        "http: {addr: \"127.0.0.1:$registry_port\"}" >"$1.yml"
    "$clients/docker-registry" serve "$1.yml" >"$1.log" 2>&1 &
    registry_pids+=($!)
    local until=$((SECONDS + 20))
    until (exec 3<>"/dev/tcp/127.0.0.1/$registry_port") 2>/dev/null; do
        [[ $SECONDS -lt $until ]] || die "the registry does not start: $(cat "$1.log")"
        sleep 0.05
    done
}

# as_host NAME COMMAND...: with a separate store and HOME, as on another machine.
as_host() {
    mkdir -p "host-$1"
    env HOME="$temp/host-$1" XDG_CONFIG_HOME="$temp/host-$1/config" XDG_STATE_HOME="$temp/host-$1/state" SLIPWAY_STORE="$temp/host-$1/store" \
        SLIPWAY_REMOTE="127.0.0.1:$registry_port/team/cache" SLIPWAY_REMOTE_ROLE=writer SLIPWAY_REMOTE_INSECURE=on \
        SLIPWAY_REMOTE_CLIENT="$clients/oras" SLIPWAY_REMOTE_INTERVAL=1000d SLIPWAY_REMOTE_WRITER=bench "${@:2}"
}

key_of() { basename "$(find "host-$1"/store/v1/u*/current/exports/ -mindepth 1 -maxdepth 1 -type d | head -n 1)"; }

remote() {
    local free key took cold round words ours theirs repository other_port
    local -a pushed=() pushed_by_hand=() pulled=() pulled_by_hand=() again=() beside=() alone=()
    free=$(df --output=avail -B1M "$temp" | tail -n 1)
    if [[ $free -lt 12000 ]]; then
        say "a registry behind the store: not measured, $free MB free in $temp and 12000 needed; set TMPDIR"
        failed=1
        return
    fi
    # A registry links blobs that another of its repositories has, so the manual push goes to a registry of its own.
    start_registry second-registry
    other_port=$registry_port
    start_registry registry
    through home; ours=("${words[@]}")
    through second; theirs=("${words[@]}")
    say 'pushing and pulling 1 GB, three times each way'
    for round in 1 2 3; do
        new_layers
        rm -rf host-a host-b layout-pulled
        as_host a SLIPWAY_REMOTE= "${ours[@]}" build -t bench-new layers-new >log 2>&1
        until_rested
        key=$(key_of a)
        sync
        milliseconds_of as_host a "$slipway" push "$key"
        pushed+=("$took")
        milliseconds_of as_host a "$slipway" push "$key"
        again+=("$took")
        # A host that is made anew would push under another name each time, and a pull would bring what all rounds have pushed.
        repository=127.0.0.1:$registry_port/$("$clients/oras" repo ls --plain-http "127.0.0.1:$registry_port" | tail -n 1):bench
        # The first writer leaves the disk busy for the other, so they take turns.
        if [[ $round == 2 ]]; then pull_by_hand; fi
        sync
        milliseconds_of as_host b "$slipway" pull -- docker build layers-new
        pulled+=("$took")
        if [[ $round != 2 ]]; then pull_by_hand; fi
        sync
        milliseconds_of "$clients/oras" cp --to-plain-http --from-oci-layout layout-pulled:x "127.0.0.1:$other_port/by-hand/cache:$round"
        pushed_by_hand+=("$took")
        as_host a "${ours[@]}" rmi -f bench-new >log 2>&1
        as_host a "${ours[@]}" builder prune -af >>log 2>&1
    done
    row 'push of 1 GB / oras cp by hand' "$(calculate "$(middle "${pushed[@]}") / $(middle "${pushed_by_hand[@]}")")" x '<=1.1' \
        hand="$(middle "${pushed_by_hand[@]}")" push="$(middle "${pushed[@]}")"
    row 'push with nothing new' "$(calculate "$(middle "${again[@]}") / 1000")" s '<=0.2' push="$(middle "${again[@]}")"
    row 'pull of 1 GB / oras cp by hand' "$(calculate "$(middle "${pulled[@]}") / $(middle "${pulled_by_hand[@]}")")" x '<=1.1' \
        hand="$(middle "${pulled_by_hand[@]}")" pull="$(middle "${pulled[@]}")"

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
    rm -rf host-a host-b registry second-registry layout-pulled layers-new
}

pull_by_hand() {
    sync
    milliseconds_of "$clients/oras" cp --from-plain-http --to-oci-layout "$repository" layout-pulled:x
    pulled_by_hand+=("$took")
}

pull_and_build() {
    as_host b "$slipway" pull -- docker build small && as_host b "${theirs[@]}" build -t bench-small small
}
