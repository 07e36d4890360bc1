#!/usr/bin/env bash
# A registry for the store: what one host has built, another finds, and a failing registry delays no build.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine g sid classic
# shellcheck source=Tests/EndToEnd/registry.bash
. "$root/Tests/EndToEnd/registry.bash"

whole() { local store=$place/store-$1; expect_whole_store; expect_whole_unions; }
# A failed transfer leaves nothing, and makes no export.
expect_nothing_fetched() {
    mkdir -p "$place/store-$1"
    expect_equal "$(find "$place/store-$1" -path '*/exports/*' -name remote | wc -l)" 0 "transfers and fetched exports in the store of $1"
}

# -- What one host has built --------------------------------------------------------------------------------------------

behind() {
    registry
    project app
    forget a b
    run host one a writer docker build -t app app
    expect_cached none
    pushed one
    run host two b reader slipway pull -- docker build -t app app
    expect_said fetched
    run host two b reader docker build -t app app
    expect_cached all
    await 60 at_rest
    whole two
    # Once more: nothing new is sent, and nothing is fetched.
    run host one a writer slipway push "$(key_of one)"
    expect_said "has already"
    run host two b reader slipway pull -- docker build -t app app
    expect_said "nothing new"
}
test_case "what one host has built, and pushed in the background, is cached for another that pulls" behind 600

# What a command writes to a terminal of its own.
terminal=(TERM=xterm python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))')
shows() { grep -qE -- "$1" "$stdout" || fail "not shown: $1"; }
watched() {
    registry
    project app
    head -c 24000000 /dev/urandom >app/large
    echo 'COPY large /' >>app/Dockerfile
    commit app
    forget a b
    run host one a reader docker build -t app app
    await 60 at_rest
    fault pace 8000
    run host one a writer "${terminal[@]}" env -C app slipway push
    shows 'pushing [^ ]*: [0-9.]+ .B of 2[0-9.]+ MB, [0-9.]+ .B/s, [0-9]+ s left'
    run host two b reader "${terminal[@]}" env -C app slipway pull
    shows 'fetching [^ ]*, 2[0-9.]+ MB: [0-9.]+ .B of 2[0-9.]+ MB, [0-9.]+ .B/s, [0-9]+ s left'
    # What the registry has is not counted.
    echo 'COPY more /' >>app/Dockerfile
    for client in oras crane; do
        head -c 6000000 /dev/urandom >app/more
        run host one a reader docker build -t app app
        await 60 at_rest
        run host one a writer "${terminal[@]}" env -C app slipway push
        shows 'pushing [^ ]*: [0-9.]+ .B of [6-9]([.][0-9]+)? MB, [0-9.]+ .B/s'
    done
    client=oras
    # Programs get what was done, and nothing of how it went.
    run host three b reader env -C app slipway pull
    expect_said fetched
    expect_equal "$(<"$stderr")" "" "what is said in a pipe"
    run host four b reader "${terminal[@]}" env -C app TERM=dumb slipway pull
    expect_not grep -q $'\e' "$stdout"
    whole two
}
turn_case 10 "push and pull show their rate on a terminal, and in a pipe only what they did" watched 300

# shellcheck disable=SC2016 # the inner shell expands it
# apart NAME HIDDEN COMMAND...: runs in the network of `networks`, with an empty folder in place of each HIDDEN one
apart() { nsenter --net --target "${networks[$1]}" unshare --mount sh -ec 'for f in $0; do mount -t tmpfs none "$f"; done; exec "$@"' "${@:2}"; }

has_network() { [[ $(readlink "/proc/$1/ns/net") != "$(readlink /proc/self/ns/net)" ]]; }

# Three networks connected only by a wire: the registry's, and those of two hosts, neither of which sees files of the
# other.
other_hosts() {
    local -A networks=()
    local name number=0 address=10.99.0.1:5000 enter mine others
    for name in registry one two; do
        unshare --net sleep 600 &
        networks[$name]=$!
        await 20 has_network "${networks[$name]}"
        enter=(nsenter --net --target "${networks[$name]}")
        "${enter[@]}" ip link set lo up
        if [[ $name == registry ]]; then
            "${enter[@]}" ip address add 10.99.0.1/32 dev lo
            continue
        fi
        number=$((number + 1))
        "${enter[@]}" ip link add wire type veth peer name "wire$number" netns "${networks[registry]}"
        "${enter[@]}" ip address add "10.99.$number.2/24" dev wire
        "${enter[@]}" ip link set wire up
        nsenter --net --target "${networks[registry]}" ip address add "10.99.$number.1/24" dev "wire$number"
        nsenter --net --target "${networks[registry]}" ip link set "wire$number" up
        "${enter[@]}" ip route add default via "10.99.$number.1"
    done
    mkdir -p store-one store-two home-one home-two registry
    printf '%s\n' 'version: 0.1' 'log: {level: error}' "storage: {filesystem: {rootdirectory: $place/registry}}" 'http: {addr: "10.99.0.1:5000"}' >registry.yml
    nsenter --net --target "${networks[registry]}" "$clients/docker-registry" serve registry.yml >registry.log 2>&1 &
    await 20 apart one '' bash -c '(exec 3<>/dev/tcp/10.99.0.1/5000)'
    project app
    forget a b
    mine=(bash -c "$(declare -p networks); $(declare -f apart)"$'\napart "$@"' apart)
    run host one a writer "${mine[@]}" one "$place/store-two $place/home-two $place/registry" docker build -t app app
    expect_cached none
    pushed one
    others="$place/store-one $place/home-one $place/registry"
    run host two b reader "${mine[@]}" two "$others" find store-one home-one registry -mindepth 1
    expect_equal "$(<"$stdout")" "" "what the second host sees of the first"
    run host two b reader "${mine[@]}" two "$others" slipway pull -- docker build -t app app
    expect_said fetched
    run host two b reader "${mine[@]}" two "$others" docker build -t app app
    expect_cached all
    await 60 at_rest
    whole two
}
turn_case 10 "two hosts with networks, disks and engines of their own share layers through the registry, and through nothing else" other_hosts 300

by_itself() {
    registry
    project app
    forget a g
    run host one a writer docker build -t app app
    pushed one
    # The second host does not know the key: its first build misses, and its next one hits.
    run host two g reader docker build -t app app
    expect_cached none
    await 60 remote_has two SLP901
    await 60 at_rest
    forget g
    run host two g reader docker build -t app app
    expect_cached all
}
turn_case 10 "a host that does not pull fetches after its first build, also for an engine with the classic store" by_itself 600

codes_of() { local home=$place/home-$1; journal_codes; }

first_waits() {
    registry
    project app
    forget a b
    run host one a writer docker build -t app app
    pushed one
    run host two b reader SLIPWAY_REMOTE_WAIT=20s slipway explain -- docker build app
    expect_equal "$(find "$place/home-two" -name remote -newer app 2>/dev/null)" "" "what explaining asks a registry"
    run host two b reader SLIPWAY_REMOTE_WAIT=20s docker build -t app app
    expect_cached all
    [[ " $(codes_of two) " == *" SLP902 "* ]] || fail "nobody waited: $(codes_of two)"
    await 60 at_rest
    # No build waits for known keys, whatever the registry does.
    fault silent
    echo more >>app/input.txt
    run host two b reader SLIPWAY_REMOTE_WAIT=20s SLIPWAY_REMOTE_INTERVAL=1s docker build -t app app
    expect_not grep -qE 'SLP90[23]' <<<"$(codes_of two)"
}
turn_case 10 "with remote.wait the first build of a key finds what others have pushed, and no other waits" first_waits 600

waits_in_vain() {
    local began
    registry
    project app
    forget a
    fault silent
    began=$SECONDS
    run host two a reader SLIPWAY_REMOTE_WAIT=2s docker build -t app app
    [[ " $(codes_of two) " == *" SLP903 "* ]] || fail "it was not too late: $(codes_of two)"
    expect [ $((SECONDS - began)) -lt 30 ]
    expect_not grep -qs "$port" /proc/[0-9]*/cmdline
    expect_not grep -qi -e registry -e oras "$stderr"
}
turn_case 10 "a build waits for a silent registry no longer than remote.wait, and ends its client" waits_in_vain 600

direct_mode() {
    registry
    project app
    sed -i "s/^$RUN /&echo executed; /" app/Dockerfile
    forget a b g
    run host one a writer docker build -t app app
    pushed one
    for engine in b g; do
        run host "direct-$engine" "$engine" reader SLIPWAY_REMOTE_MODE=direct docker build -t app app
        # A step whose layers are fetched during the build is not reported as cached.
        expect_not grep -qE '^#[0-9]+ [0-9.]+ executed$' "$stderr"
        [[ $(codes_of "direct-$engine") == *SLP904 ]] || fail "what was noted on $engine is $(codes_of "direct-$engine")"
        expect_not test -e "$place/store-direct-$engine"
    done
    # What this very engine has built is not requested.
    await 60 at_rest
    run host direct-b b reader SLIPWAY_REMOTE_MODE=direct docker build -t app app
    expect_equal "$(codes_of direct-b)" SLP420 "what was noted"
    # A missing or silent registry costs two seconds, and no build fails.
    for kind in closed silent "code 503" "code 401"; do
        fault "$kind"
        echo more >>app/input.txt
        run host direct-b b reader SLIPWAY_REMOTE_MODE=direct docker build -t app app
        expect_equal "$(codes_of direct-b)" SLP905 "what was noted with $kind"
        expect_not grep -q 'importing cache manifest' "$stderr"
    done
}
turn_case 10 "in direct mode an engine imports one manifest from the registry, if that answers a probe" direct_mode 600

both_write() {
    registry
    project app
    forget a b
    run host one a writer docker build -t app app
    pushed one
    run host two b writer docker build --build-arg FLAVOR=other -t app app
    pushed two
    expect_equal "$("$clients/oras" repo tags --plain-http "127.0.0.1:$straight/team/cache/$(key_of one)" | wc -l)" 2 tags
    # A third host has what both have built.
    for flavor in plain other; do
        forget a
        run host three a reader slipway pull -- docker build app
        run host three a reader docker build --build-arg FLAVOR=$flavor app
        expect_cached all
        await 60 at_rest
    done
    whole three
}
turn_case 10 "writers do not lose each other's layers, and a reader merges them" both_write 600

# A writer does not push what it has fetched as its own.
own_only() {
    registry
    project app
    forget a b
    run host one a writer docker build -t app app
    pushed one
    run host two b writer slipway pull -- docker build app
    run host two b writer slipway push
    expect_said "nothing was built here"
}
turn_case 10 "what was fetched is not pushed again" own_only 600

same_name() {
    registry
    project app
    forget a b
    # Short-lived runners share one name.
    run host one a writer SLIPWAY_REMOTE_WRITER=ci docker build -t app app
    pushed one
    run host two b writer SLIPWAY_REMOTE_WRITER=ci docker build --build-arg FLAVOR=other -t app app
    pushed two
    for flavor in plain other; do
        forget a
        run host three a reader slipway pull -- docker build app
        run host three a reader docker build --build-arg FLAVOR=$flavor app
        expect_cached all
        await 60 at_rest
    done
}
turn_case 10 "writers with the same name, each with its own store, keep what the other has pushed" same_name 600

with_crane() {
    local client=crane
    registry
    project app
    forget a b
    run host one a writer docker build -t app app
    pushed one
    run host two b reader slipway pull -- docker build -t app app
    run host two b reader docker build -t app app
    expect_cached all
    await 60 at_rest
    whole two
}
turn_case 10 "crane does what oras does" with_crane 600

default_branch() {
    registry
    project app
    forget a
    git -C app checkout --quiet -b topic
    run host one a writer-on-default-branch docker build -t app app
    await 60 at_rest
    expect_not remote_has one SLP900
    git -C app checkout --quiet main
    run host one a writer-on-default-branch SLIPWAY_REMOTE_INTERVAL=1s docker build --build-arg FLAVOR=main -t app app
    pushed one
    try host one a reader slipway push "$(key_of one)"
    expect_code 1
    expect_said "remote.role is reader"
}
turn_case 10 "only the default branch is pushed if the role says so, and a reader pushes nothing" default_branch 600

# -- A failing registry
# -------------------------------------------------------------------------------------------------

# like_without FAULT CODE: a build with a failing registry has the exit code, the output and the time of one without.
like_without() {
    local started took
    fault pass
    project "app-$2"
    forget a
    fault "$1"
    started=$EPOCHREALTIME
    run host "$2" a writer docker build -t app "app-$2"
    took=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))
    expect_cached none
    expect_equal "$(grep -ci -e registry -e oras -e "127.0.0.1:$port" "$stderr" || true)" 0 "words about the registry"
    # Nothing waits: the rebuild runs while the background process is at work.
    run host "$2" a writer docker build -t app "app-$2"
    expect_cached all
    await 90 remote_has "$2" "$2"
    note "$1: $took ms"
    await 90 at_rest
}
faults() {
    registry
    local wanted line asked
    while read -r -u 9 wanted line; do
        turn 4 || continue
        like_without "$line" "$wanted"
        expect_nothing_fetched "$wanted"
        # It is not contacted for a while.
        asked=$(asked)
        run host "$wanted" a writer SLIPWAY_REMOTE_INTERVAL=1s docker build --build-arg FLAVOR=2 -t app "app-$wanted"
        await 90 at_rest
        # A user who may not write may still read.
        [[ $wanted == SLP916 ]] || expect_equal "$(asked)" "$asked" "what a registry that fails is asked"
    done 9<<'FAULTS'
SLP912 closed
SLP915 code 401
SLP916 code 403
SLP918 code 429
SLP919 code 503
FAULTS
}
test_case "a registry that refuses, in any way, hinders no build, is noted, and is left alone" faults 900

silence() {
    registry
    like_without silent SLP913
}
test_case "a silent registry delays no build" silence 600

dead() {
    registry
    port=1
    like_without pass SLP912
}
turn_case 10 "a missing registry delays nobody" dead 600

read_only() {
    registry
    project app
    forget a b
    run host one a writer docker build -t app app
    pushed one
    fault writes 403
    project other
    run host two b writer docker build -t other other
    await 60 remote_has two SLP916
    await 60 at_rest
    # A user who may not write may still read.
    run host two b writer docker build -t app app
    await 60 remote_has two SLP901
    await 60 at_rest
}
turn_case 10 "a writer without the right to write goes on reading" read_only 600

# -- What may be pushed there ---------------------------------------------------------------------------------------------

# pushed_by_one: a host has pushed a key, whose repository is $repository
pushed_by_one() {
    registry
    project app
    forget a b
    run host one a writer docker build -t app app
    pushed one
    repository=team/cache/$(key_of one)
}

damage() {
    pushed_by_one
    local wanted line
    while read -r -u 9 wanted line; do
        turn 3 || continue
        fault "$line"
        try host "$wanted-${line// /-}" b reader slipway pull -- docker build -t app app
        expect_code 1
        expect_said "$wanted"
        expect_nothing_fetched "$wanted-${line// /-}"
    done 9<<'FAULTS'
SLP922 cut
SLP922 wrong
SLP917 blobs 404
SLP916 blobs 403
SLP919 blobs 500
SLP922 config-cut
SLP922 config-wrong
SLP917 config-blobs 404
SLP925 endless
SLP925 many 100000
SLP923 large 2000000
SLP923 large 100000000
FAULTS
    fault pass
    run host two b reader slipway pull -- docker build -t app app
    run host two b reader docker build -t app app
    expect_cached all
}
test_case "layers that are cut, wrong or missing, tags without end and a manifest of 100 MB: refused by name, and nothing is kept" damage 900

# plant TAG CONFIG-BYTES: pushes a manifest whose config has this many bytes and no meaning
plant() {
    local layer config manifest blobs=poison/blobs/sha256
    rm -rf poison
    mkdir -p "$blobs"
    put() { sum=$(sha256sum <"$1" | head -c 64); size=$(stat -c %s "$1"); mv "$1" "$blobs/$sum"; }
    head -c 5000 /dev/urandom >file; put file; planted+=("$sum"); layer="{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$sum\",\"size\":$size}"
    head -c "$2" /dev/zero | tr '\0' ' ' >file; echo '{"layers":[{"blob":"sha256:0","parent":-1}],"records":[{"digest":"x"}]}' >>file
    put file; config="{\"mediaType\":\"application/vnd.buildkit.cacheconfig.v0\",\"digest\":\"sha256:$sum\",\"size\":$size}"
    echo "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":$config,\"layers\":[$layer]}" >file
    put file
    echo '{"imageLayoutVersion":"1.0.0"}' >poison/oci-layout
    echo "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:$sum\",\"size\":$size}]}" >poison/index.json
    "$clients/oras" cp --no-tty --from-oci-layout "poison@sha256:$sum" --to-plain-http "127.0.0.1:$straight/$repository:$1" >/dev/null
}

poison() {
    local layer planted=()
    pushed_by_one
    plant a-config 100000000
    plant b-records 10
    : >proxy/requests
    try host two b reader slipway pull --json -- docker build -t app app
    expect_code 1
    expect_equal "$(jq -r '[.pulled[0].refused[].code] | join(" ")' "$stdout")" "SLP923 SLP923" "what was refused"
    for layer in "${planted[@]}"; do expect_not grep -q "GET .*$layer" proxy/requests; done
    # The other writer's manifest is fetched all the same.
    expect_equal "$(jq -r '.pulled[0].new' "$stdout")" 1 "what was fetched"
    run host two b reader docker build -t app app
    expect_cached all
    await 60 at_rest
    whole two
}
test_case "a tag whose config is 100 MB, or has nothing to import, costs no layer and does not keep out other writers' tags" poison 600

too_large() {
    pushed_by_one
    try host two b reader SLIPWAY_REMOTE_MAX_FETCH=1kB slipway pull -- docker build -t app app
    expect_code 1
    expect_said remote.max-fetch
    expect_nothing_fetched two
    # Only the config tells which steps are the first.
    expect_equal "$(grep -c "GET .*/blobs/" proxy/requests || true)" 1 "blobs that were asked for"
}
test_case "a fetch larger than remote.max-fetch is refused before it starts" too_large 600

by_need() {
    local client number most
    registry
    mkdir -p app
    for number in 1 2 3 4; do head -c 2000000 /dev/urandom >"app/$number"; done
    printf '%s\n' 'FROM slipway/base:1' 'COPY 1 2 /' 'COPY 3 /' 'COPY 4 /' >app/Dockerfile
    forget a
    run host one a writer docker build app
    pushed one
    # The first step is 4 MB, each of the others 2 MB: all but the last one.
    most=$(($(du -sb store-one/v1/u0/current/blobs | cut -f 1) / 1000 - 1000))kB
    for client in oras crane; do
        forget b
        rm -rf store-two home-two
        run host two b reader SLIPWAY_REMOTE_MAX_FETCH="$most" slipway pull -- docker build app
        expect_said SLP906
        expect test "$(($(du -sb store-two/v1/u0/current/blobs | cut -f 1) / 1000))" -le "${most%kB}"
        whole two
        run host two b reader docker build app
        expect_cached 2
        await 60 at_rest
        forget b
        rm -rf store-two home-two
        run host two b reader SLIPWAY_REMOTE_MAX_FETCH="$most" slipway pull -- docker build app
        # Nothing is fetched repeatedly; with enough space the rest is fetched, and only the rest.
        run host two b reader SLIPWAY_REMOTE_MAX_FETCH=1MB slipway pull -- docker build app
        expect_said "nothing new"
        run host two b reader slipway pull -- docker build app
        expect_said fetched
        run host two b reader docker build app
        expect_cached all
        await 60 at_rest
        whole two
    done
}
turn_case 10 "of a fetch larger than remote.max-fetch only the first steps come, with either client, and the rest once the limit allows" by_need 600

killed() {
    pushed_by_one
    fault blobs-silent
    start pulling host two b reader slipway pull -- docker build -t app app
    # shellcheck disable=SC2317 # await calls it
    begun() { [[ -n $(find "$place/store-two" -path '*/ingest/remote/oci-layout' 2>/dev/null) ]]; }
    await 60 begun
    kill -9 "$pid"
    finish pulling
    fault pass
    kill_descendants_of_pull
    # Trimming removes it, like the remains of a killed build.
    run host two b reader slipway trim
    expect_nothing_fetched two
    run host two b reader slipway pull -- docker build -t app app
    run host two b reader docker build -t app app
    expect_cached all
}
stopped() {
    pushed_by_one
    fault blobs-silent
    start pulling host two b reader slipway pull -- docker build -t app app
    # shellcheck disable=SC2317 # await calls it
    begun() { [[ -n $(find "$place/store-two" -path '*/ingest/remote/oci-layout' 2>/dev/null) ]]; }
    await 60 begun
    kill -INT "$pid"
    finish pulling
    expect_code 130
    expect_nothing_fetched two
    await 10 no_client_left
}
no_client_left() {
    local program
    for program in /proc/[0-9]*/exe; do
        if [[ $program -ef $clients/oras ]] && grep -qsaF "$place/" "${program%exe}environ"; then return 1; fi
    done
}
turn_case 10 "Ctrl-C ends a pull and its client, and nothing is left" stopped 300

# Its client is still waiting for the registry.
kill_descendants_of_pull() {
    local program
    for program in /proc/[0-9]*/exe; do
        [[ $program -ef $clients/oras ]] && grep -qsaF "$place/" "${program%exe}environ" && kill -9 "$(basename "${program%/exe}")"
    done
    true
}
turn_case 10 "the leftovers of a killed pull are swept, and the next one fetches again" killed 600

refused_once() {
    pushed_by_one
    # A host that knows the key checks the registry in the background of its builds.
    fault wrong
    run host two b reader docker build -t app app
    await 60 remote_has two SLP922
    await 60 at_rest
    expect_equal "$(find store-two -path '*/exports/*' -name remote | wc -l)" 0 "fetched exports"
    : >proxy/requests
    run host two b reader SLIPWAY_REMOTE_INTERVAL=1s docker build --build-arg FLAVOR=2 -t app app
    # shellcheck disable=SC2317 # await calls it
    looked() { grep -q /manifests/ proxy/requests; }
    await 60 looked
    await 60 at_rest
    expect_equal "$(grep -c "GET .*/blobs/" proxy/requests || true)" 0 "blobs of what was refused"
    # An explicit request fetches it.
    fault pass
    run host two b reader slipway pull -- docker build -t app app
    expect_said fetched
}
turn_case 10 "a manifest that was refused is not fetched again after each build" refused_once 600

ordinary_user() {
    pushed_by_one
    local store=$place/store-1000
    install -m 755 "$clients/oras" oras
    cp -r app mine
    chown -R 1000:1000 mine
    install -d -o 1000 -g 1000 "$store"
    local settings=(SLIPWAY_REMOTE="127.0.0.1:$port/team/cache" SLIPWAY_REMOTE_INSECURE=on SLIPWAY_REMOTE_CLIENT="$place/oras")
    run as 1000 b "${settings[@]}" slipway pull -- docker build -t app mine
    run as 1000 b "${settings[@]}" docker build -t app mine
    expect_cached all
    await 60 at_rest
    expect_equal "$(find "$store/v1" ! -user 1000 | wc -l)" 0 "files of others in their store"
}
turn_case 10 "an ordinary user pulls into a store of their own" ordinary_user 600

# -- Commands, credentials and other users
# ------------------------------------------------------------------------------

checks() {
    registry
    run host one a writer slipway remote check --json
    expect_equal "$(jq -r '.possible + " " + ([.steps[] | .name + "=" + (.failure == null | tostring)] | join(" "))' "$stdout")" \
        "writer ask=true push=true fetch=true delete=true" "what is possible"
    fault writes 403
    try host one a writer slipway remote check
    expect_code 1
    expect_said "this host may only read there"
    : >proxy/requests
    run host one a reader slipway remote check
    expect_equal "$(grep -c -v ^GET proxy/requests || true)" 0 "what a reader's check writes"
    fault pass
    project app
    forget a
    run host one a writer docker build -t app app
    pushed one
    run host one a writer slipway status
    expect_said ": pushed "
    run host one a writer slipway remote prune --older-than 1d
    expect_said "stays "
    run host one a writer slipway remote prune --older-than 0s --dry-run
    expect_said "would delete "
    run host one a writer slipway remote prune --older-than 0s
    expect_equal "$("$clients/oras" repo tags --plain-http "127.0.0.1:$straight/team/cache/$(key_of one)" | wc -l)" 0 tags
    # What was deleted is pushed again.
    run host one a writer slipway push "$(key_of one)"
    expect_said "pushed "
    fault code 403
    try host one a writer slipway push "$(key_of one)"
    expect_code 1
    expect_said SLP916
    try host one a writer SLIPWAY_REMOTE= slipway pull
    expect_code 1
    expect_said "no registry is named"
    try host one a writer slipway pull -- docker ps
    expect_code 1
    try host one a writer slipway push nonesuch
    expect_code 1
    expect_said "no key is called"
}
turn_case 10 "check, status, prune and push report what exists and what is possible" checks 600

with_tls() {
    local config
    private_registry
    project app
    forget a b
    # The certificate is not trusted, and then there are no credentials.
    config=$place/config
    private_config a "$config"
    tools=(DOCKER_CONFIG="$config")
    try host one a writer SLIPWAY_REMOTE_INSECURE=off slipway remote check
    expect_code 1
    expect_said SLP920
    tools+=(SSL_CERT_FILE="$place/tls/ca.pem")
    try host one a writer SLIPWAY_REMOTE_INSECURE=off slipway remote check
    expect_code 1
    expect_said SLP915
    jq --arg host "127.0.0.1:$port" --arg auth "$(printf me:secret | base64)" '.auths[$host].auth = $auth' "$config/config.json" >new
    mv new "$config/config.json"
    run host one a writer SLIPWAY_REMOTE_INSECURE=off docker build -t app app
    pushed one
    run host two b reader SLIPWAY_REMOTE_INSECURE=off slipway pull -- docker build -t app app
    run host two b reader SLIPWAY_REMOTE_INSECURE=off docker build -t app app
    expect_cached all
    await 60 at_rest
    # No file and no output contains the credentials.
    expect_equal "$(grep -rlF -e secret -e "$(printf me:secret | base64)" home-one home-two store-one store-two stdout stderr | wc -l)" 0 "files with them"
}
test_case "a private CA and docker's credentials are used by the client, and stay there" with_tls 600

hanging_helper() {
    local config=$place/config
    pushed_by_one
    private_config b "$config"
    mkdir helpers
    printf '#!/bin/sh\nsleep 600 & sleep 600\n' >helpers/docker-credential-hang
    chmod 755 helpers/docker-credential-hang
    echo '{"credsStore": "hang"}' >new
    jq -s '.[0] * .[1]' "$config/config.json" new >both
    mv both "$config/config.json"
    tools=(DOCKER_CONFIG="$config")
    fault code 401
    local began=$SECONDS
    # shellcheck disable=SC2016 # the shell that is started expands it
    try host two b reader sh -c 'PATH='"$place"'/helpers:$PATH; exec slipway pull -- docker build -t app app'
    expect_code 1
    expect_said SLP913
    expect test $((SECONDS - began)) -lt 60
    await 10 helper_gone
}
helper_gone() { ! grep -qsaF "$place/helpers" /proc/[0-9]*/cmdline; }
turn_case 10 "a credential helper that never answers is ended with the client that asks it" hanging_helper 600

# A user who may write beside the shim could have replaced it; but a program that others may write is not run.
planted_program() {
    registry
    project app
    mkdir bin
    # The same file, so that `at_rest` sees what runs of it.
    ln "$work/bin/docker" bin/docker
    printf '#!/bin/sh\necho ran >>%s\n' "$place/ran" >bin/slipway
    chmod 777 bin/slipway
    run host one a writer sh -c "exec $place/bin/docker build -t app app"
    await 60 at_rest
    expect test ! -e ran
    # The same file, if no one else may write it.
    chmod 755 bin/slipway
    run host one a writer sh -c "exec $place/bin/docker build --build-arg FLAVOR=2 -t app app"
    await 60 test -e ran
}
test_case "a program beside the shim that others can write is not started after a build" planted_program 300

at_random() {
    local number kind rounds=4
    [[ ${SLIPWAY_TESTS_ALL-} != 1 ]] || rounds=1000
    local -a kinds=(pass closed "code 401" "code 403" "code 429" "code 500" "code 503" "writes 403" "blobs 404" "blobs-silent" cut wrong silent "slow 300" endless)
    registry
    project app
    for ((number = 0; number < rounds; number++)); do
        kind=${kinds[RANDOM % ${#kinds[@]}]}
        note "fault $kind"
        fault "$kind"
        echo "edit $number" >>app/input.txt
        # The registry is checked in the background of each build, whatever failed before.
        rm -f home-one/.local/state/slipway/remote/failure-*
        run host one a writer SLIPWAY_REMOTE_INTERVAL=1s docker build -t app app
        expect_equal "$(grep -ci -e registry -e oras "$stderr" || true)" 0 "words about the registry"
    done
    fault pass
    await 120 at_rest
    whole one
}
turn_case 10 "builds with a registry whose faults change at random: none is worse" at_random 3600
