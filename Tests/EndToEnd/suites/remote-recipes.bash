#!/usr/bin/env bash
# The recipes of docs/remote.md, by their own lines: only the registry's address is another one.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
# shellcheck source=Tests/EndToEnd/registry.bash
. "$root/Tests/EndToEnd/registry.bash"

# block TEXT: the first lines behind this text that are indented as code, with this registry's address
block() {
    awk -v after="$1" 'index($0, after) { found = 1 } found && /^    / { print substr($0, 5); any = 1; next } any { exit }' "$root/docs/remote.md" |
        sed "s/registry\.example\.com/127.0.0.1:$port/g"
}

# machine NAME ENGINE [VAR=VALUE...] COMMAND...: on one with a HOME and a store of its own, which trusts the registry's authority and has oras
# where Debian's package puts it: on PATH, behind the folder in `first`
machine() {
    local home=$place/home-$1 store=$place/store-$1 engine=$2
    mkdir -p "$home"
    on "$engine" PATH="${first:+$first:}$work/bin:$(dirname "$(docker_of "$engine")"):$clients:/usr/bin:/bin" SSL_CERT_FILE="$place/tls/ca.pem" "${tools[@]}" "${@:3}"
}

several_hosts() {
    local name
    authority
    registry
    project app
    forget a b
    for name in one two; do
        mkdir -p "home-$name/.config/slipway"
        block "# Share beyond one machine" >"home-$name/.config/slipway/slipway.conf"
    done
    run machine one a docker build -t app app
    expect_cached none
    pushed one
    run machine two b slipway pull -- docker build -t app app
    expect_said fetched
    run machine two b docker build -t app app
    expect_cached all
}
test_case "two hosts with the same two lines in their settings share what one of them has built" several_hosts

# job NAME ENGINE COMMIT CACHED: the steps of job.yml, on a new runner that has checked out a commit without a branch
job() {
    local line
    git clone --quiet app "$1"
    git -C "$1" remote set-url origin "$(git -C app remote get-url origin)"
    git -C "$1" checkout --quiet "$(git -C app rev-parse "$3")"
    forget "$2"
    readarray -t variables < <(sed -nE 's/^env: \{(.*)\}$/\1/p' job.yml | sed 's/, /\n/g; s/: /=/g')
    expect_equal "${#variables[@]}" 2 "number of variables"
    while read -r -u 9 line; do
        [[ $1 == default || $line != *"# only on the default branch" ]] || continue
        echo "$line" >step
        run machine "$1" "$2" "${variables[@]}" env -C "$1" bash -e "$place/step"
        [[ $line != "docker build"* ]] || expect_cached "$4"
    done 9< <(sed -nE 's/^ *- run: //p' job.yml)
    await 60 at_rest
}
# How often somebody has looked for what others have pushed
looks() { grep -c '/tags/list' proxy/requests; }
# shellcheck disable=SC2317 # await calls it
looked_again() { [[ $(looks) -gt $looks ]]; }
pull_requests() {
    local looks
    local -a variables
    authority
    registry
    project app
    git -C app checkout --quiet -b topic
    echo changed >app/README.md
    commit app
    block "CI: the default branch writes" >job.yml
    job default a main none
    expect_said "pushed "
    # Its token may only read, and nobody tries to write with it, also not what only the pull request has built.
    fault writes 403
    : >proxy/requests
    job pull-request b topic all
    looks=$(looks)
    sleep 1
    run machine pull-request b "${variables[@]}" SLIPWAY_REMOTE_INTERVAL=1s env -C pull-request docker build --build-arg FLAVOR=other .
    expect_cached 2
    await 60 looked_again
    await 60 at_rest
    expect_equal "$(grep -cvE '^(GET|HEAD) ' proxy/requests || true)" 0 "requests that write"
}
turn_case 3 "in CI the default branch writes, and a new runner of a pull request has every step cached and writes nothing" pull_requests

# in_pod NAME ENGINE VAR=VALUE... COMMAND...: in a container with the pod's volumes, as a kubelet makes them: an emptyDir that everybody may
# write to, and a read-only secret with links. Docker's plugins are where packages put them.
in_pod() {
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER
    which_engine "$2"
    [[ -d volume-${1%-*} ]] || install -d -m 777 "volume-${1%-*}"
    with_mounts "mount -t tmpfs tmpfs /mnt
        mkdir /mnt/slipway /mnt/docker
        mount --bind '$place/volume-${1%-*}' /mnt/slipway
        mount -t tmpfs -o mode=1777 tmpfs /mnt/docker
        mkdir /mnt/docker/..1
        cp '$place/secret/$key' '/mnt/docker/..1/$file'
        ln -s ..1 /mnt/docker/..data
        ln -s '..data/$file' '/mnt/docker/$file'
        mount -o remount,ro /mnt/docker
        mount -t tmpfs tmpfs /usr/local/lib
        mkdir /usr/local/lib/docker
        ln -s '$DOCKER_CONFIG/cli-plugins' /usr/local/lib/docker/" machine "$1" "$2" "${variables[@]}" "${@:3}"
}
pods() {
    local key file init
    local -a variables
    private_registry
    project app
    forget a b
    block "**Kubernetes pods.**" >pod.yml
    readarray -t variables < <(sed -nE 's/^ *- \{name: ([A-Z_]+), value: (.*)\}$/\1=\2/p' pod.yml)
    expect_equal "${#variables[@]}" 4 "number of variables"
    read -r key file < <(sed -nE 's/.*items: \[\{key: ([^ ]+), path: ([^ ]+)\}\].*/\1 \2/p' pod.yml)
    init=$(sed -nE 's/^ *- command: \[sh, -c, "(.*)"\]$/\1/p' pod.yml)
    # What `kubectl create secret docker-registry` makes
    mkdir secret
    jq -n --arg host "127.0.0.1:$port" --arg auth "$(printf me:secret | base64)" \
        '{auths: {($host): {username: "me", password: "secret", auth: $auth}}}' >secret/.dockerconfigjson
    # Init steps run before there is an engine.
    run in_pod writer-init a DOCKER_HOST=unix:///nonesuch env -C app sh -c "$init"
    expect_said "nobody has pushed"
    run in_pod writer-main a env -C app docker build -t app .
    expect_cached none
    run in_pod writer-main a env -C app SLIPWAY_REMOTE_ROLE=writer slipway push
    expect_said "pushed "
    run in_pod reader-init b DOCKER_HOST=unix:///nonesuch env -C app sh -c "$init"
    expect_said fetched
    run in_pod reader-main b env -C app docker build -t app .
    expect_cached all
    await 60 at_rest
    # A registry that fails keeps no pod from starting.
    echo '{}' >secret/.dockerconfigjson
    run in_pod refused-init b DOCKER_HOST=unix:///nonesuch env -C app sh -c "$init"
    expect_said SLP915
}
turn_case 3 "a pod's init step fetches with a secret's credentials, without an engine, and its build has every step cached" pods

tokens() {
    local first=$place/programs number
    local -a remote
    authority
    mkdir proxy programs
    : >proxy/tokens
    registry
    remote=(SLIPWAY_REMOTE="127.0.0.1:$port/team/cache")
    project app
    forget a b
    # Each time that it is asked it gives out a new token, and the registry takes all of them.
    cat >programs/docker-credential-ecr-login <<SH
#!/bin/sh
[ "\$1" = get ] || exit 1
server=\$(cat)
read -r token </proc/sys/kernel/random/uuid
echo "\$token" >>$place/given-out
echo "AWS:\$token" >>$place/proxy/tokens
printf '{"ServerURL":"%s","Username":"AWS","Secret":"%s"}' "\$server" "\$token"
SH
    # What the client is given
    cat >programs/oras <<SH
#!/bin/sh
{ printf '%s\n' "\$@"; env; } >>$place/words
exec $clients/oras "\$@"
SH
    chmod 755 programs/*
    private_config a writer
    block "For ECR" | jq -s '.[0] * .[1]' writer/config.json - >new
    mv new writer/config.json
    run machine one a "${remote[@]}" DOCKER_CONFIG="$place/writer" SLIPWAY_REMOTE_ROLE=writer docker build -t app app
    pushed one
    number=$(wc -l <given-out)
    expect test "$number" -gt 1
    # All tokens have expired: nobody has to log in again.
    : >proxy/tokens
    run machine one a "${remote[@]}" DOCKER_CONFIG="$place/writer" SLIPWAY_REMOTE_ROLE=writer env -C app slipway push
    expect_said "has already"
    expect test "$(wc -l <given-out)" -gt "$number"
    # A token that may only read, at a registry that wants it exchanged for another one
    : >proxy/bearer
    fault writes 403
    unique >token
    echo "me:$(<token)" >>proxy/tokens
    private_config b reader
    block "**GHCR and ECR.**" >login
    run machine two b DOCKER_CONFIG="$place/reader" sh -e login
    expect grep -q '^GET /token' proxy/requests
    remote+=(DOCKER_CONFIG="$place/reader")
    run machine two b "${remote[@]}" slipway remote check
    run machine two b "${remote[@]}" slipway pull -- docker build -t app app
    expect_said fetched
    run machine two b "${remote[@]}" docker build -t app app
    expect_cached all
    run machine two b "${remote[@]}" docker build --build-arg FLAVOR=other -t app app
    expect_cached 2
    await 60 at_rest
    try machine two b "${remote[@]}" SLIPWAY_REMOTE_ROLE=writer env -C app slipway push
    expect_code 1
    expect_said SLP916
    # Only docker's own configuration knows the token of the login.
    cat token >>given-out
    { sed 's/^/AWS:/' given-out; echo "me:$(<token)"; } | while read -r word; do printf %s "$word" | base64 -w 0; echo; done >secrets
    cat given-out >>secrets
    expect test -s words
    expect_equal "$(grep -rlF -f secrets home-one home-two store-one store-two words registry "$place.log")" "" "what knows a token"
}
turn_case 3 "a credential helper's tokens are renewed, a token that may only read makes a reader, and nothing but docker's own files knows them" tokens

in_s3() {
    local s3
    python3 -m venv "$place/s3"
    s3/bin/pip -q --disable-pip-version-check install 'moto[s3]' flask flask-cors
    s3/bin/moto_server --host 127.0.0.1 --port 0 >s3.log 2>&1 &
    await 60 grep -q 'Running on' s3.log
    s3=http://127.0.0.1:$(sed -nE 's/.*Running on .*:([0-9]+)$/\1/p' s3.log)
    curl --silent --show-error --fail --request PUT "$s3/team-cache"
    # Where that is, and how it is asked: in the environment, so that the lines stay what they are. Debian's registry does not start with
    # AWS_CA_BUNDLE.
    unset AWS_CA_BUNDLE
    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
    export REGISTRY_STORAGE_S3_REGIONENDPOINT=$s3 REGISTRY_STORAGE_S3_SECURE=false REGISTRY_STORAGE_S3_V4AUTH=true REGISTRY_STORAGE_S3_FORCEPATHSTYLE=true
    registry "$(block "**S3.**")"
    project app
    forget a b
    run host one a writer docker build -t app app
    pushed one
    expect_equal "$(find registry -type f | wc -l)" 0 "files of the registry's"
    expect grep -q 'PUT /team-cache/docker/registry/v2/.*/data' s3.log
    run host two b reader slipway pull -- docker build -t app app
    expect_said fetched
    # From S3 itself, with an address that the registry has signed
    expect grep -q 'GET /team-cache/docker/registry/v2/blobs/.*X-Amz-Signature=' s3.log
    run host two b reader docker build -t app app
    expect_cached all
    await 60 at_rest
    run host one a writer slipway remote prune --older-than 0s
    expect_said "deleted "
}
turn_case 10 "a registry that stores in S3 shares layers like another" in_s3 600
