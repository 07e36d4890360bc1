#!/usr/bin/env bash
# Builds on BuildKits that several engines share: the setting builder, and `slipway builder`.
#
# A BuildKit that listens by itself is that of another engine, behind builder.py, and buildx's remote driver reaches it.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
RUN=RUN # 20.10 knows no other
need python3
need openssl
engine a sid containerd
engine b sid containerd
engine c sid containerd
engine g sid classic
engine q trixie classic
engine o bookworm classic
# The base has another name on the builders: under its own, each engine may be the only one that has it.
for name in b c; do api "$name" POST 'images/slipway/base:1/tag?repo=shared/base&tag=1'; done

# serve NAME ENGINE [OPTION...]: a BuildKit at $place/NAME.sock
serve() {
    local name=$1 engine=$2
    shift 2
    rm -f "$place/$name.ready"
    python3 "$root/Tests/EndToEnd/builder.py" "$place/$name.sock" "$(socket "$engine")" "$@" >"$place/$name.ready" &
    builders[$name]=$!
    await 10 grep -q ready "$place/$name.ready"
}
stop() {
    kill "${builders[$1]}"
    wait "${builders[$1]}" 2>/dev/null || true
    unset "builders[$1]"
}
declare -A builders=()

# A busy machine answers late. Where the test is about that, `local wait=` is what builds wait by default.
wait=1s
# shared ENGINE COMMAND...: with the fleet "team" as the setting says. buildx's files are the test's own.
shared() {
    local setting=${fleet:-team-0,team-1}
    plain "$1" SLIPWAY_BUILDER="$setting" "${@:2}"
}
# plain ENGINE COMMAND...: without the setting
plain() { on "$1" BUILDX_CONFIG="$place/buildx" ${wait:+SLIPWAY_BUILDER_WAIT="$wait"} "${@:2}"; }
# shared_project DIR: as project, from a base that the builders have
shared_project() {
    project "$1"
    sed -i 's|slipway/base:1|shared/base:1|' "$1/Dockerfile"
    commit "$1" base
}
image_of() { api "$1" GET "images/$2/json" | jq -r .Id; }
# built_by: the builder that the journal's last line names
built_by() { journal | jq -r '.notes[] | select(.code == "SLP007") | .message | sub(".*: "; "")'; }
both() {
    serve left b
    serve right c
    run plain "$1" slipway builder add team "unix://$place/left.sock" "unix://$place/right.sock"
}
# built PATTERN ENGINE COMMAND...: the build goes to such a builder
built() {
    local pattern=$1
    shift
    run shared "$@"
    # shellcheck disable=SC2053
    [[ -n $(built_by) && $(built_by) == $pattern ]] || fail "built by \"$(built_by)\", expected $pattern: $(journal)"
}

# at_home CODE DETAIL ENGINE COMMAND...: builds at home, and the journal says why
at_home() {
    local reason=$1 detail=$2
    shift 2
    run shared "$@"
    expect_notes "$reason" '!SLP007'
    journal | jq -r ".notes[] | select(.code == \"$reason\") | .message" | grep -qF -- "$detail" ||
        fail "$reason has no $detail: $(journal)"
}

# -- Two engines, one cache -------------------------------------------------------------------------------------------

one_cache() {
    both g
    expect_said "builder = team-0,team-1"
    shared_project app
    built '?*' g docker build -t app app
    expect_cached none
    expect image_of g app
    # A clone elsewhere, on another engine, by another route.
    cp -r app clone
    built '?*' a docker buildx build --tag=app clone
    expect_cached all
    expect_notes '!SLP001' '!SLP002'
    expect image_of a app
    built '?*' g docker image build -t other clone
    expect_cached all
    expect_equal "$(image_of g other)" "$(image_of g app)"
    run shared a slipway why
    expect_said "the build goes to a shared builder: team-"
    built '?*' a slipway check -- docker build -t app clone
    # No cache of ours, no record of an engine that has built nothing.
    expect_equal "$(exports 2>/dev/null)" "" exports
    expect_not test -e "$home/.local/state/slipway/builds"
    built '?*' g docker build -q -t app app
    expect_equal "$(cat "$stdout")" "$(image_of g app)"
    mkdir scratch
    printf '%s\n' 'FROM scratch' 'COPY Dockerfile /a' >scratch/Dockerfile
    at_home SLP226 --metadata-file g docker build --metadata-file metadata scratch
    built '?*' g docker build --iidfile id -t app app
    expect_equal "$(cat id)" "$(image_of g app)"
}
test_case "what one engine built on a shared builder others have cached and loaded" one_cache

same_image() {
    both g
    mkdir app
    echo a >app/a
    printf '%s\n' 'FROM scratch' 'COPY a /a' 'CMD ["/a"]' >app/Dockerfile
    local words=(docker build --build-arg SOURCE_DATE_EPOCH=1 --no-cache)
    run plain g SLIPWAY_BUILD_CACHE=off "${words[@]}" -t home app
    built '?*' g "${words[@]}" -t away app
    expect_equal "$(image_of g away)" "$(image_of g home)"
}
turn_case 10 "an image from a shared builder has the id that it has when built at home" same_image

old_docker() {
    both g
    shared_project app
    sed -i 's|shared/base|slipway/base|' app/Dockerfile
    run shared o docker build -t app app
    expect_notes SLP205 '!SLP007'
    run shared q docker build -t app app
    expect_notes SLP229 '!SLP007'
    expect image_of q app
}
turn_case 10 "docker before 23 and buildx before 0.14 build at home" old_docker

# -- What a shared builder would break --------------------------------------------------------------------------------

exclusions() {
    both a
    run shared a slipway builder list
    mkdir app
    printf '%s\n' 'FROM scratch' 'COPY Dockerfile /a' >app/Dockerfile
    local build=(docker buildx build)
    built '?*' a "${build[@]}" app
    at_home SLP226 --output a "${build[@]}" -o type=cacheonly app
    at_home SLP226 --network a "${build[@]}" --network=host app
    at_home SLP226 --add-host a "${build[@]}" --add-host here:host-gateway app
    at_home SLP226 --annotation a "${build[@]}" --annotation a=b app
    at_home SLP226 --provenance a "${build[@]}" --provenance=mode=max app
    at_home SLP226 --cache-from a "${build[@]}" --cache-from type=local,src=none app
    at_home SLP226 'several platforms' a "${build[@]}" --platform linux/amd64,linux/arm64 app
    at_home SLP226 --platform a "${build[@]}" --platform linux/arm64 app
    at_home SLP226 --iidfile a "${build[@]}" --iidfile id app
    expect_equal "$(cat id)" "$(image_of a "$(cat id)")"
    at_home SLP225 default a "${build[@]}" --builder default app
    at_home SLP225 default a BUILDX_BUILDER=default "${build[@]}" app
    at_home SLP228 'the context' a "${build[@]}" - < <(printf '%s\n' 'FROM scratch' 'ENV A=b')
    at_home SLP228 'the Dockerfile' a "${build[@]}" -f - app <app/Dockerfile
    run shared a DOCKER_BUILDKIT=0 docker build app
    expect_notes SLP204 '!SLP007'
    # The user's own choice of a shared builder: it has a cache of its own.
    run shared a "${build[@]}" --builder team-1 --load app
    expect_notes SLP225
    expect_not injected
    run shared a docker buildx use team-0
    run shared a "${build[@]}" app
    expect_notes SLP225
    expect_not injected
}
turn_case 10 "what a shared builder would do differently is built at home, each with its reason" exclusions

local_images() {
    both a
    mkdir app
    echo a >app/a
    for engine in a g; do
        # Only here: built here.
        printf '%s\n' 'FROM scratch' 'COPY a /a' >app/Dockerfile
        run plain "$engine" SLIPWAY_BUILD_CACHE=off docker build -t mine:1 app
        printf '%s\n' 'ARG BASE=mine:1' "FROM \$BASE" 'COPY a /b' >app/Dockerfile
        at_home SLP227 mine:1 "$engine" docker build app
        printf '%s\n' 'FROM scratch' 'COPY --from=mine:1 /a /b' >app/Dockerfile
        at_home SLP227 mine:1 "$engine" docker build app
        printf '%s\n' 'FROM other' 'COPY a /b' >app/Dockerfile
        at_home SLP227 mine:1 "$engine" docker build --build-context other=docker-image://mine:1 app
        echo "FROM \$UNKNOWN" >app/Dockerfile
        try shared "$engine" docker build app
        expect_notes SLP228
        # The builder's own, which nobody here has.
        printf '%s\n' 'FROM shared/base:1' 'COPY a /b' >app/Dockerfile
        built '?*' "$engine" docker build -t app app
    done
}
turn_case 10 "an image that only this engine has is built upon at home" local_images

not_ready() {
    serve left b
    mkdir app
    printf '%s\n' 'FROM scratch' 'COPY Dockerfile /a' >app/Dockerfile
    local fleet=bare
    at_home SLP229 'not one of buildx' a docker build app
    run plain a docker buildx create --name bare --driver remote "unix://$place/left.sock"
    at_home SLP229 default-load a docker build app
    try plain a slipway builder check bare
    expect_code 1
    expect_said "default-load=true: remove it"
    run plain a slipway builder remove bare
    run plain a docker buildx create --name bare --driver remote --driver-opt default-load=true "unix://$place/left.sock"
    at_home SLP229 'never been seen' a docker build app
    run plain a slipway builder check bare
    # Where a stranger may put a socket of their own once this one is gone, none is trusted.
    chmod 1777 "$place"
    at_home SLP229 'where others may put another' a docker build app
    chmod 755 "$place"
    built '?*' a docker build -t app app
    expect image_of a app
}
turn_case 3 "a builder takes builds once it loads images and has been seen to answer" not_ready

# -- A fleet ----------------------------------------------------------------------------------------------------------

affinity() {
    both g
    local number repository first known
    local -A at=()
    for number in 1 2 3 4 5; do shared_project "app$number"; done
    for number in 1 2 3 4; do
        for repository in 1 2 3 4 5; do
            [[ $number == 1 ]] || cp -r "app$repository" "copy-$number-$repository"
            first=app$repository
            [[ $number == 1 ]] || first=copy-$number-$repository
            known=${at[$repository]-}
            built "${known%% *}*" g docker build -t "app$repository" "$first"
            expect_cached "$([[ $number == 1 ]] && echo none || echo all)"
            at[$repository]+="$(built_by) "
        done
    done
    note "= $(declare -p at)"
    for repository in 1 2 3 4 5; do
        expect_equal "$(tr ' ' '\n' <<<"${at[$repository]% }" | sort -u | wc -l)" 1 "builders of repository $repository"
    done
    # One dies: its repositories move, the others stay.
    stop left
    for repository in 1 2 3 4 5; do
        built team-1 g docker build -t "app$repository" "app$repository"
        [[ ${at[$repository]} != team-1* ]] || expect_cached all
    done
    # It is back: so are they.
    serve left b
    run plain g slipway builder check team-0
    for repository in 1 2 3 4 5; do
        built "${at[$repository]%% *}" g docker build -t "app$repository" "app$repository"
        expect_cached all
    done
}
turn_case 10 "each repository has one builder of a fleet, and moves only when that one dies" affinity 600

# -- Faults -----------------------------------------------------------------------------------------------------------

milliseconds() {
    local began=${EPOCHREALTIME//[.,]/}
    run "$@"
    took=$(((${EPOCHREALTIME//[.,]/} - began) / 1000))
}
# Of some: what else the machine does only ever adds to it.
least() { printf '%s\n' "$@" | sort -n | head -n 1; }

dead() {
    both g
    local wait=
    mkdir app
    printf '%s\n' 'FROM scratch' 'COPY Dockerfile /a' >app/Dockerfile
    run plain g docker build app
    cp "$home/.local/state/slipway/builders" known
    local number took silent
    local -a with=() without=() waiting=()
    # What becomes of a build is seen with the engine's docker; how long the shim takes before, with one that does nothing.
    printf '%s\n' '#!/bin/sh' "[ \"\$1\" != --version ] || exec '$(docker_of g)' --version" >idle
    chmod 755 idle
    # First ones that swallow everything, then none at all.
    for silent in silent ''; do
        stop left
        stop right
        if [[ $silent ]]; then
            serve left b --silent
            serve right c --silent
        fi
        cp known "$home/.local/state/slipway/builders"
        run shared g docker build app
        expect_notes SLP224 '!SLP007'
        with=() without=() waiting=()
        # 50 ms by the promise; the rest is the machine's. Where it is busy, it may take more rounds to see what a build takes by itself.
        for number in {1..40}; do
            [[ $number -le 10 || $(($(least "${with[@]}") - $(least "${without[@]}"))) -gt 100 ]] || break
            milliseconds plain g SLIPWAY_DOCKER="$PWD/idle" docker build app
            without+=("$took")
            cp known "$home/.local/state/slipway/builders"
            milliseconds shared g SLIPWAY_DOCKER="$PWD/idle" docker build app
            with+=("$took")
            expect_notes SLP224 '!SLP007'
            # Where the machine stalled, one has not been asked yet.
            run shared g SLIPWAY_DOCKER="$PWD/idle" docker build app
            milliseconds shared g SLIPWAY_DOCKER="$PWD/idle" docker build app
            waiting+=("$took")
            expect_notes SLP224
            journal | grep -q 'not asked again' || fail "asked again: $(journal)"
        done
        echo "# least of ${#with[@]}: $(least "${without[@]}") ms without the setting, $(least "${with[@]}") ms when all are ${silent:-dead}, $(least "${waiting[@]}") ms afterwards" >>"$work/figures"
        expect test $(($(least "${with[@]}") - $(least "${without[@]}"))) -le 100
    done
}
test_case "builders that are dead or silent delay a build by 50 ms at most, and the next ones by nothing" dead
[[ ! -e $work/figures ]] || { cat "$work/figures" && rm "$work/figures"; }

slow() {
    serve left b --wait 0.3
    local fleet=team wait=
    try plain g slipway builder add team "unix://$place/left.sock"
    expect_code 1
    expect_said "longer to answer than builds wait, 50ms: most will not go there, unless builder.wait"
    mkdir app
    printf '%s\n' 'FROM scratch' 'COPY Dockerfile /a' >app/Dockerfile
    at_home SLP224 team g docker build app
    try shared g slipway doctor --json
    expect_said DOC811
    wait=1s
    run plain g slipway builder check team
    built team g docker build app
    try shared g slipway doctor --json
    expect_said DOC810
}
turn_case 10 "a builder that answers late is passed by, unless builder.wait gives it the time" slow

under_way() { grep -q 'RUN sleep 60' build.stderr; }
dies() {
    both g
    stop right
    shared_project app
    echo "RUN sleep 60" >>app/Dockerfile
    start build shared g docker build app
    await 60 under_way
    stop left
    finish build
    expect test "$code" -ne 0
    # As docker itself says it.
    expect grep -qiE 'error|closed|unavailable' "$stderr"
}
turn_case 10 "a builder that dies in the middle of a build fails it at once, as docker does" dies 120

# -- TLS --------------------------------------------------------------------------------------------------------------

authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=ca -keyout "$1-ca.key" -out "$1-ca.pem" 2>/dev/null
    local who
    for who in server client; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$who" -keyout "$1-$who.key" -out "$1-$who.csr" 2>/dev/null
        openssl x509 -req -in "$1-$who.csr" -CA "$1-ca.pem" -CAkey "$1-ca.key" -CAcreateserial -days 1 -out "$1-$who.pem" \
            -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:builder.example) 2>/dev/null
    done
    chmod 600 "$1"-*.key
}
tls() {
    authority one
    authority other
    python3 "$root/Tests/EndToEnd/builder.py" 127.0.0.1:0 "$(socket b)" --tls one-server.pem one-server.key one-ca.pem >tls.ready &
    local builder=$! port
    await 10 grep -q ready tls.ready
    port=$(cut -d ' ' -f 2 tls.ready)
    local address=tcp://127.0.0.1:$port fleet=team
    chmod 644 one-client.key
    try plain a slipway builder add team "$address" --tls-ca one-ca.pem --tls-cert one-client.pem --tls-key one-client.key
    expect_code 1
    expect_said "chmod 600"
    chmod 600 one-client.key
    run plain a slipway builder add team "$address" --tls-ca one-ca.pem --tls-cert one-client.pem --tls-key one-client.key
    shared_project app
    built '?*' a docker build -t app app
    expect image_of a app
    # The key is opened for others: no build goes there.
    chmod 640 one-client.key
    sed -i 's|shared/base|slipway/base|' app/Dockerfile
    at_home SLP229 one-client.key a docker build app
    # A certificate of somebody else's.
    run plain a slipway builder remove team
    try plain a slipway builder add team "$address" --tls-ca one-ca.pem --tls-cert other-client.pem --tls-key other-client.key
    expect_code 1
    expect_said "buildx cannot use it"
    at_home SLP229 'never been seen' a docker build app
    kill "$builder"
}
test_case "TLS: with certificates of one authority builds go there, with others or an open key they stay" tls

# -- bake and compose -------------------------------------------------------------------------------------------------

bake() {
    both g
    shared_project app
    echo '{"group":{"default":{"targets":["x","y"]}},"target":{"x":{"tags":["bx"]},"y":{"tags":["by"]}}}' >app/docker-bake.json
    cd app
    built '?*' g docker buildx bake
    expect image_of g bx
    expect image_of g by
    built '?*' g docker bake
    expect_cached all
    sed -i 's|shared/base|slipway/base|' Dockerfile
    at_home SLP226 output g docker buildx bake --set '*.output=type=cacheonly'
    at_home SLP227 slipway/base:1 g docker buildx bake
}
turn_case 10 "bake: all targets go to one builder, and are loaded" bake

both_shims() {
    both a
    mkdir app
    printf '%s\n' 'FROM scratch' 'COPY Dockerfile /a' >app/Dockerfile
    local words=(plugged a BUILDX_CONFIG="$place/buildx" SLIPWAY_BUILDER="team-0,team-1" SLIPWAY_BUILDER_WAIT="$wait") log=$home/.local/state/slipway/journal.jsonl
    run "${words[@]}" docker build app
    run "${words[@]}" docker buildx build --push=false app
    run "${words[@]}" docker build --network host app
    # What the first shim decided the one in the plugin's place neither changes nor tells again.
    expect_equal "$(jq -r '[.notes[] | select(.code | test("SLP(007|22[4-9])")) | .code] | join(" ")' "$log" | sort | xargs)" "SLP007 SLP007 SLP226"
    note "= $(cat "$log")"
    expect_equal "$(wc -l <"$log")" 3
}
turn_case 10 "a shim before docker and one before its plugin choose once" both_shims

compose() {
    both a
    shared_project app
    printf '%s\n' 'services: {web: {image: cweb, build: .}, more: {image: cmore, build: .}}' >app/compose.yaml
    cd app
    local words=(plugged a BUILDX_CONFIG="$place/buildx" SLIPWAY_BUILDER="team-0,team-1" SLIPWAY_BUILDER_WAIT="$wait")
    run "${words[@]}" docker compose build
    expect_notes SLP007
    expect image_of a cweb
    expect image_of a cmore
    sed -i 's|shared/base|slipway/base|' Dockerfile
    run "${words[@]}" COMPOSE_BAKE=false docker compose build
    expect_notes SLP226
}
compose_up() {
    both "$1"
    shared_project app
    printf '%s\n' 'services: {web: {image: cweb, build: ., command: [sleep, "600"], stop_grace_period: 0s}}' >app/compose.yaml
    cd app
    local words=(plugged "$1" BUILDX_CONFIG="$place/buildx" SLIPWAY_BUILDER="team-0,team-1" SLIPWAY_BUILDER_WAIT="$wait") container way
    run "${words[@]}" docker compose build
    expect_notes SLP007
    expect image_of "$1" cweb
    # The classic store knows the image by another digest than the builder.
    [[ $1 == a ]] || sed -i 's|shared/base|slipway/base|' Dockerfile
    run "${words[@]}" docker compose up --build --detach
    expect_notes "$2"
    container=$(direct "$1" docker ps --quiet --no-trunc)
    # compose compares the digest that the builder tells with the image's id.
    for way in 'up --detach' 'up --build --detach' 'up --detach'; do
        # shellcheck disable=SC2086
        run "${words[@]}" docker compose $way
        expect_equal "$(direct "$1" docker ps --quiet --no-trunc)" "$container" "the container after $way"
    done
    run "${words[@]}" docker compose down --timeout 0
}
compose_up_containerd() { compose_up a SLP007; }
compose_up_classic() { compose_up g SLP226; }
turn_case 10 "compose up makes no container anew because a shared builder built its image (containerd)" compose_up_containerd
turn_case 10 "compose up makes no container anew because a shared builder built its image (classic)" compose_up_classic

turn_case 10 "compose: services are built on one builder and loaded, but by compose itself at home" compose

explained() {
    both a
    shared_project app
    run shared a slipway explain -- docker build -t app app
    expect_said "docker build --builder=team-"
    expect_said SLP007
    run shared a slipway builder list --json
    expect_equal "$(jq -r '.builders[] | select(.shared) | .name' "$stdout" | xargs)" "team-0 team-1"
    run plain a slipway builder remove team
    expect_said "removed team-1"
    run shared a slipway explain -- docker build -t app app
    expect_said SLP229
}
turn_case 10 "slipway explains which builder, lists and removes them" explained
