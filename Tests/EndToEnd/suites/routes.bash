#!/usr/bin/env bash
# The many ways in which a command reaches an engine: if the options would do harm, docker gets the command unchanged,
# byte for byte.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
RUN=RUN # 20.10 knows no other
need strace
need python3
engine a sid containerd
engine b sid containerd
engine classic sid classic
engine older trixie containerd
engine elder trixie classic
engine ancient bookworm classic

# same ENGINE [VAR=VALUE...] COMMAND...: with the shim it exits and prints as without, and was not changed. For commands
# that print the same each time: no progress, no timings.
same() {
    local direct_code
    try direct "$@"
    direct_code=$code
    mv "$stdout" direct.stdout
    mv "$stderr" direct.stderr
    try on "$@"
    expect_equal "$code" "$direct_code" "exit status"
    expect cmp "$stdout" direct.stdout
    expect cmp "$stderr" direct.stderr
}
unchanged() {
    same "$@"
    expect_not injected
}

# What docker was called with: `recorder` is a program that records its arguments and becomes the engine's docker.
recorder() {
    mkdir -p recorder
    # Background queries for a build's history are not the command.
    printf '%s\n' '#!/bin/sh' "case \" \$* \" in *' history '*) ;; *) printf '%s\n' \"\$@\" >$place/arguments ;; esac" "exec $(docker_of "$1") \"\$@\"" \
        >recorder/docker
    chmod 755 recorder/docker
}
recorded() { on "$1" PATH="$work/bin:$place/recorder:/usr/bin:/bin" "${@:2}"; }
imports_in() { grep -c '^--cache-from=type=local,src=' "$1" || true; }
exports_in() { grep -c '^--cache-to=type=local,dest=' "$1" || true; }

# -- Engines that import only, and older ones -------------------------------------------------------------------------

classic_store() {
    project app
    run on classic docker build -t app app
    expect_notes SLP217 SLP400
    expect_not injected
    expect_equal "$(exports 2>/dev/null)" "" exports
    # An engine that has used the base before exports it only by its manifest's digest, which a classic store does not
    # have.
    forget a
    run on a docker build -t app app
    forget classic
    run on classic docker build -t app app
    expect_cached all
    expect_notes SLP001 SLP217 '!SLP002'
    expect_equal "$(exports | wc -l)" 1 exports
}
turn_case 10 "the classic image store builds and imports only" classic_store

both_directions() {
    project app
    run on older docker build app
    expect_notes SLP002
    run on a docker build app
    expect_cached all
    project other
    run on a docker build other
    run on older docker build other
    expect_cached all
    expect_whole_store
}
turn_case 10 "an older buildx shares with a new one, in both directions" both_directions

no_buildx() {
    project app
    for buildkit in "" DOCKER_BUILDKIT=0 DOCKER_BUILDKIT=1; do
        direct ancient ${buildkit:+"$buildkit"} docker build --quiet -t app app
        unchanged ancient ${buildkit:+"$buildkit"} docker build --quiet -t app app
        expect_code 0
        # If DOCKER_BUILDKIT decides, the note names it; otherwise it names the program's age.
        expect_equal "$(journal_codes | grep -cE 'SLP20[456]')" 1 "$(journal_codes)"
    done
    expect_not test -e "$store"
}
turn_case 10 "a docker without buildx builds as before" no_buildx

newer_client() {
    # A new docker with an engine that does not have the containerd image store.
    project app
    run on a DOCKER_HOST="unix://$(socket ancient)" docker build app
    expect_notes SLP217 '!SLP002'
}
turn_case 10 "a new docker on an old engine builds" newer_client

legacy_builder() {
    project app
    direct a DOCKER_BUILDKIT=0 docker build --quiet app
    unchanged a DOCKER_BUILDKIT=0 docker build --quiet app
    expect_code 0
    expect_notes SLP204
    unchanged a DOCKER_BUILDKIT=perhaps docker build --quiet app
    expect_notes SLP221
}
turn_case 10 "DOCKER_BUILDKIT=0 builds as before" legacy_builder

# gateway ENGINE NAME [OPTION]: a socket NAME to that engine, with a log of requests in NAME.log.
gateway() {
    : >"$2.log"
    python3 -B "$root/Tests/EndToEnd/gateway.py" "$place/$2" "$(socket "$1")" "$place/$2.log" "${@:3}" &
    await 20 test -S "$2"
}
# asked LOG REQUEST: how often that was asked
asked() { grep -cE "^$2( |$)" "$1" || true; }
# silent LOG: /info was asked behind BuildKit only when that had been silent for long: it has a third of a second, and the gateway may look at
# its clock late. On a busy machine an engine needed more once.
silent() { [[ -z $(awk '$1 $2 == "GET/info" && $3 < 200' "$1") ]]; }
# Replaces the address of an engine, and what is random each time.
# shellcheck disable=SC2001
explained() { sed -E "s|$place/[a-z.]+|SOCKET|g; s|unix://[^\"]*|SOCKET|g; s/\.[0-9a-f]{10}-[0-9a-f]{16}/.EXPORT/g" "$stdout"; }

two_ways() {
    project app
    run on a docker build app
    published
    local name client
    for name in a classic older elder ancient; do
        client=$name
        [[ $name != ancient ]] || client=a # an old engine's own docker has no buildx
        gateway "$name" "$name.open"
        gateway "$name" "$name.closed" --without-grpc
        run on "$client" DOCKER_HOST="unix://$place/$name.open" slipway explain --json -- docker build app
        explained >"$name.told"
        run on "$client" DOCKER_HOST="unix://$place/$name.closed" slipway explain --json -- docker build app
        explained >"$name.informed"
        expect cmp "$name.told" "$name.informed"
        expect_equal "$(asked "$name.closed.log" "GET /info")" 1 "questions for /info"
        expect_equal "$(asked "$name.open.log" "POST /grpc")" 1 "questions by gRPC"
        if [[ $name == ancient ]]; then
            expect_equal "$(asked "$name.open.log" "GET /info")" 1 "questions for /info"
        else
            expect silent "$name.open.log"
        fi
    done
    # They do differ from each other.
    expect grep -q SLP217 classic.told
    expect_not grep -q SLP217 a.told
}
test_case "an engine's BuildKit and its /info lead to the same decision" two_ways

remembered_way() {
    project app
    gateway a open
    for _ in 1 2; do run on a DOCKER_HOST="unix://$place/open" SLIPWAY_RECORD=off docker build app; done
    expect_equal "$(asked open.log "POST /grpc")" 2 "questions by gRPC"
    expect silent open.log
    expect grep -q ' worker [0-9a-z]* containerd ' "$home/.local/state/slipway/engines"
    # Only an unknown engine is asked a second time.
    gateway ancient old
    for _ in 1 2; do run on a DOCKER_HOST="unix://$place/old" SLIPWAY_RECORD=off docker build app; done
    expect_equal "$(asked old.log "POST /grpc")" 1 "questions by gRPC"
    expect_equal "$(asked old.log "GET /info")" 2 "questions for /info"
}
turn_case 10 "an engine that answers only by /info is asked that way the next time" remembered_way

# Plug-ins installed on the machine would be found, too.
# shellcheck disable=SC2016
hide_plugins='for lib in /usr/local/lib /usr/local/libexec /usr/lib /usr/libexec; do
    if [ -d $lib/docker/cli-plugins ]; then mount -t tmpfs tmpfs $lib/docker/cli-plugins; fi
done'
alone() { with_mounts "$hide_plugins" "$@"; }
same_alone() {
    try alone direct "$@"
    direct_code=$code
    mv "$stdout" direct.stdout
    mv "$stderr" direct.stderr
    try alone on "$@"
    expect_equal "$code" "$direct_code" "exit status"
    expect cmp "$stdout" direct.stdout
    expect cmp "$stderr" direct.stderr
    expect_not injected
}

missing_plugin() {
    project app
    mkdir config
    alone direct a DOCKER_CONFIG="$place/config" docker build --quiet app
    same_alone a DOCKER_CONFIG="$place/config" docker build --quiet app
    expect_code 0
    expect_notes SLP206
    same_alone a DOCKER_CONFIG="$place/config" DOCKER_BUILDKIT=1 docker build --quiet app
    expect_code 1
    same_alone a DOCKER_CONFIG="$place/config" docker buildx build --quiet app
}
turn_case 10 "a missing buildx plug-in changes nothing" missing_plugin

broken_plugin() {
    project app
    mkdir -p config/cli-plugins
    # shellcheck disable=SC2016
    for text in 'exit 1' 'echo no JSON' 'kill -9 $$'; do
        printf '%s\n' '#!/bin/sh' "$text" >config/cli-plugins/docker-buildx
        chmod 755 config/cli-plugins/docker-buildx
        alone direct a DOCKER_CONFIG="$place/config" docker build --quiet app || true
        same_alone a DOCKER_CONFIG="$place/config" docker build --quiet app
        expect_equal "$(journal_codes | grep -cE 'SLP20[67]')" 1 "$(journal_codes)"
    done
}
turn_case 10 "a broken buildx plug-in changes nothing" broken_plugin

# -- Damaged configuration, engines that do not answer ----------------------------------------------------------------

dangling_builder() {
    project app
    for name in direct on; do
        private_config a "$name.config"
        mkdir -p "$name.config/buildx"
        printf '{"Key":"unix://%s","Name":"gone","Global":true}' "$(socket a)" >"$name.config/buildx/current"
    done
    # Without attestations and with a warm cache, an image is the same each time.
    direct a BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --quiet app
    for command in "build" "buildx build"; do
        # shellcheck disable=SC2086
        {
            try direct a DOCKER_CONFIG="$place/direct.config" BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker $command --quiet app
            direct_code=$code
            mv "$stdout" direct.stdout
            mv "$stderr" direct.stderr
            try on a DOCKER_CONFIG="$place/on.config" BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker $command --quiet app
        }
        expect_equal "$code" "$direct_code" "exit status"
        expect cmp "$stdout" direct.stdout
        expect cmp "$stderr" direct.stderr
    done
}
turn_case 10 "a current builder that does not exist any more" dangling_builder

unknown_builder() {
    project app
    same a docker build --quiet --builder nonesuch app
    same a docker buildx --builder nonesuch build --quiet app
    same a BUILDX_BUILDER=nonesuch docker build --quiet app
    same a docker --context nonesuch build --quiet app
    same a DOCKER_HOST= DOCKER_CONTEXT=nonesuch docker build --quiet app
    same a docker --host nonesuch://x build --quiet app
}
turn_case 10 "builders, contexts and addresses that do not exist" unknown_builder

damaged_config() {
    project app
    direct a BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --quiet app
    for text in '{"auths": {' '[]' '{"credsStore": 7}' 'null' ''; do
        private_config a config
        printf %s "$text" >config/config.json
        # Docker reads the additional folders for plug-ins from it; its messages are its own.
        same a DOCKER_CONFIG="$place/config" BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --quiet app
    done
}
turn_case 10 "a damaged config.json" damaged_config

dead_socket() {
    project app
    perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un("dead.sock")) or die'
    expect test -S dead.sock
    same a DOCKER_HOST="unix://$place/dead.sock" docker build --quiet app
    expect_not_code 0
    same a DOCKER_HOST="unix://$place/none.sock" docker build --quiet app
    same a DOCKER_HOST=tcp://127.0.0.1:1 docker build --quiet app
    expect_equal "$(exports 2>/dev/null)" "" exports
}
expect_not_code() { [[ $code != "$1" ]] || fail "exit status is $1"; }
turn_case 10 "an engine that does not exist" dead_socket

silent_socket() {
    project app
    # shellcheck disable=SC2016
    start listener perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un("silent.sock")) or die;
        listen($s, 20); sleep 60'
    await 30 test -S silent.sock
    # Docker waits for ever; the shim waits a second, and then docker waits.
    try direct a DOCKER_HOST="unix://$place/silent.sock" timeout 6 docker build --quiet app
    expect_code 124
    try on a DOCKER_HOST="unix://$place/silent.sock" timeout 6 docker build --quiet app
    expect_code 124
    expect_notes SLP214 '!SLP002'
    # Commands that do not build ask no engine.
    # shellcheck disable=SC2016 # for the shell inside
    try on a DOCKER_HOST="unix://$place/silent.sock" strace -f -e trace=connect -o connects docker --version
    expect_code 0
    expect_not grep -q silent.sock connects
}
test_case "an engine that never answers" silent_socket

# -- Command lines ----------------------------------------------------------------------------------------------------

not_understood() {
    project app
    unchanged a docker build --nonesuch app
    expect_code 125
    expect_notes SLP102
    unchanged a docker --nonesuch build app
    unchanged a docker build -t
    unchanged a docker build --quiet --no-cache=perhaps app
    unchanged a docker build
    same a docker build --help
    same a docker nonesuch build
    same a docker image nonesuch
    same a docker
    same a docker buildx
    same a docker buildx --help build
    same a docker build app app
    same a docker build --quiet nonesuch
    same a docker build --quiet -- nonesuch
}
turn_case 10 "command lines that docker refuses are refused in the same way" not_understood

users_export() {
    recorder b
    project app
    run on a docker build app
    run recorded b docker build --cache-to "type=local,dest=$place/theirs" app
    expect_cached all
    expect_notes SLP001 SLP105 '!SLP002'
    expect_equal "$(exports_in arguments)" 0 exports
    expect_equal "$(exports | wc -l)" 1 "exports in the store"
    # The user's cache is complete: it names a manifest that it has.
    expect test -f "theirs/blobs/sha256/$(jq -r '.manifests[0].digest' theirs/index.json | cut -c 8-)"
    # The user's import stays, and ours is added.
    run recorded a docker build --cache-from "type=local,src=$place/theirs" app
    expect grep -qx "type=local,src=$place/theirs" arguments
    expect test "$(imports_in arguments)" -ge 1
}
turn_case 10 "a user's own --cache-to is the only export" users_export

no_cache() {
    recorder a
    project app
    run on a docker build app
    run recorded a docker build --no-cache app
    expect_cached none
    expect_notes SLP106 SLP002 '!SLP001'
    expect_equal "$(imports_in arguments)" 0 imports
    expect_equal "$(exports_in arguments)" 1 exports
    run recorded a docker build --no-cache=false app
    expect test "$(imports_in arguments)" -ge 1
}
turn_case 10 "--no-cache imports nothing" no_cache

shim_below_shim() {
    recorder a
    mkdir copy wrapper
    cp "$work/bin/docker" copy/docker
    printf '%s\n' '#!/bin/sh' 'exec docker "$@"' >wrapper/docker
    chmod 755 wrapper/docker
    project app
    run on a docker build app
    real=$place/recorder
    for path in "$work/bin:$place/copy:$real" "$place/copy:$work/bin:$real" "$work/bin:$place/wrapper:$real" \
        "$work/bin:$place/wrapper:$place/copy:$real" "$work/bin:$work/bin:$real"; do
        rm -f arguments
        unique >app/new
        run on a PATH="$path:/usr/bin:/bin" docker build app
        expect_equal "$(exports_in arguments)" 1 "exports with PATH=$path"
        expect_equal "$(grep -c . arguments)" "$(($(imports_in arguments) + 3))" arguments
        expect_cached all
    done
    # Two wrappers that each search for "another docker than me" do not pass the command back and forth for ever.
    mkdir second
    cp wrapper/docker second/docker
    # An unchanged build would export nothing.
    unique >app/new
    run on a PATH="$work/bin:$place/wrapper:$place/second:$place/copy:$real:/usr/bin:/bin" docker build app
    expect_equal "$(exports_in arguments)" 1 exports
    # The machine's own docker is hidden: it would be found without PATH.
    try with_mounts "for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /snap/bin; do
        [ ! -e \$folder/docker ] || mount --bind /dev/null \$folder/docker
    done" on a PATH="$work/bin:$place/copy:/usr/bin/nonesuch" /usr/bin/env docker ps
    expect_code 127
    expect_equal "$(wc -l <"$stderr")" 1 "lines on stderr"
}
turn_case 10 "a shim below a shim neither loops nor injects twice" shim_below_shim
