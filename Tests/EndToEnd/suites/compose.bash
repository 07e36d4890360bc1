#!/usr/bin/env bash
# The shim under the name docker-buildx: builds of compose and bake share layers, and nothing else changes for them.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine g sid classic
engine older trixie containerd

unplugged() { direct "$1" BUILDX_NO_DEFAULT_ATTESTATIONS=1 "${@:2}"; }

# Compose prints progress to stdout or stderr.
built() { cat "$stdout" "$stderr" >"$place/built"; stdout=/dev/null stderr=$place/built; }
compose_cached() { built; expect_cached "$1"; }

# shared_cached ENGINE COMMAND...: builds that share steps have all of them cached on an emptied engine. On a busy
# machine BuildKit loses the steps of one of them in 1 of 38 such commands, whatever is imported (docs/design.md, "What
# is left is a race"). If they are lost three times in a row, that is more than the race.
shared_cached() {
    local try
    await 60 at_rest
    for try in 1 2 3; do
        forget "$1"
        run plugged "$@"
        built
        [[ $(steps_cached) != "$(steps_total)" ]] || return 0
        note "= try $try: $(steps_cached) of $(steps_total) steps are cached; the journal has $(journal_codes)"
    done
    expect_cached all
}

# A project that uses every build feature of compose. The layers of its services differ in each call.
services() {
    local word
    word=$(unique)
    mkdir -p app/{web,base,ext,more/inc}
    cat >app/compose.yaml <<YAML
include: [more/compose.yaml]
services:
  base:
    image: $word-base
    build: {context: base}
  web:
    image: $word-web
    build:
      context: web
      target: last
      args: {FLAVOR: "\${FLAVOR}"}
      additional_contexts: {base: "service:base"}
      secrets: [token]
    command: [sleep, "600"]
    init: true
  ext:
    extends: {file: ext/common.yaml, service: common}
    image: $word-ext
    profiles: [other]
  inline.dot:
    image: $word-inline
    build:
      context: base
      dockerfile_inline: |
        FROM slipway/base:1
        RUN echo inline $word >/inline
    profiles: [other]
secrets:
  token: {file: token}
YAML
    echo "services: {inc: {image: $word-inc, build: {context: inc, labels: {a: b}}, profiles: [other]}}" >app/more/compose.yaml
    echo "services: {common: {build: {context: ., dockerfile: sub/Dockerfile}}}" >app/ext/common.yaml
    mkdir app/ext/sub
    echo FLAVOR=salt >app/.env
    echo secret >app/token
    printf 'FROM slipway/base:1\nRUN echo base %s >/base\n' "$word" >app/base/Dockerfile
    printf 'FROM slipway/base:1\nRUN echo ext %s >/ext\n' "$word" >app/ext/sub/Dockerfile
    printf 'FROM slipway/base:1\nRUN echo inc %s >/inc\n' "$word" >app/more/inc/Dockerfile
    cat >app/web/Dockerfile <<'DOCKERFILE'
FROM base AS first
RUN --mount=type=secret,id=token cat /run/secrets/token /base >/first
FROM first AS last
ARG FLAVOR
RUN echo "$FLAVOR" >/flavor
DOCKERFILE
    git -c init.defaultBranch=main init --quiet app
    git -C app remote add origin "https://example.invalid/team/$word.git"
    commit app
    name=$word
}

# -- Compose ----------------------------------------------------------------------------------------------------------

every_service() {
    services
    cd app
    run plugged a docker compose --profile other build
    compose_cached none
    expect_equal "$(steps_total)" 6 steps
    expect_notes SLP400 SLP002
    expect_equal "$(exports | wc -l)" 5 "exports"
    expect_equal "$(find "$store/v1/u0/gen-000001/exports" -mindepth 1 -maxdepth 1 | wc -l)" 5 "keys"
    run plugged b docker compose --profile other build
    compose_cached all
    expect_notes SLP001 SLP002 '!SLP400'
    expect_equal "$(journal | jq -r .command)" bake "the journal"
    expect_equal "$(journal | jq '[.notes[] | select(.code == "SLP001")] | length')" 5 "imports"
    expect_whole_store
    expect_equal "$(direct b docker run --rm "$name-web" cat /flavor)" salt
    forget b
    run plugged b docker compose up --build --detach
    compose_cached all
    run plugged b docker compose exec -T web echo npm run build
    expect_equal "$(cat "$stdout")" "npm run build"
    run plugged b docker compose down --timeout 0
    # Through docker, and as a program of its own.
    forget b
    run plugged b "$place/plugged-b/cli-plugins/docker-compose" --profile other build
    compose_cached all
}
test_case "a second engine has every service cached" every_service

one_context() {
    local name
    project app
    for name in sweet sour salt plain; do
        printf '  %s: {image: %s-%s, build: {context: app, args: {FLAVOR: %s}}}\n' "$name" "$(unique)" "$name" "$name"
    done | { echo services: && cat; } >compose.yaml
    run plugged a docker compose build
    for ((i = 0; i < $(sized 3 1); i++)); do # again: losses happen at random
        shared_cached b docker compose build
        expect_equal "$(steps_total)" 10 steps
    done
    shared_cached b COMPOSE_BAKE=false docker compose build
}
turn_case 10 "services of one context that differ in an argument are all cached" one_context

nothing_else() {
    services
    cd app
    run unplugged a docker compose build
    run unplugged a docker compose up --detach
    state() { direct a docker ps --all --no-trunc --filter "label=com.docker.compose.project=app" \
        --format '{{.ID}} {{.Label "com.docker.compose.project.config_files"}} {{.Label "com.docker.compose.config-hash"}}' | sort; }
    before=$(state)
    expect_equal "$(wc -l <<<"$before")" 2 "containers"
    for words in "up --detach" "build" "up --detach --build" "up --detach"; do
        # shellcheck disable=SC2086
        run plugged a docker compose $words
        expect_equal "$(state)" "$before" "containers after $words"
    done
    run plugged a docker compose down --timeout 0

    run plugged a docker compose build --build-arg FLAVOR=sweet web
    expect_equal "$(direct a docker run --rm "$name-web" cat /flavor)" sweet
    expect_equal "$(git status --porcelain)" "" "the project"
}
turn_case 2 "containers, labels, hashes and files are the same with and without it" nothing_else

# What the real plugin gets: `recorder` runs before it and records arguments and input.
handed_on() {
    services
    cd app
    mkdir "$place/recorder"
    cat >"$place/recorder/docker-buildx" <<SH
#!/bin/sh
real=$(dirname "$(docker_of a)")/../libexec/docker/cli-plugins/docker-buildx
case \$1 in bake)
    printf '%s\n' "\$@" | grep -v -e ^/ -e '^--set=' | sort >$place/words
    printf '%s\n' "\$@" | grep '^--set=' >$place/set || true
    cat >$place/input
    exec "\$real" "\$@" <$place/input ;;
esac
exec "\$real" "\$@"
SH
    chmod 755 "$place/recorder/docker-buildx"
    private_config a "$place/recorded"
    echo "{\"cliPluginsExtraDirs\": [\"$place/recorder\"]}" >"$place/recorded/config.json"
    run unplugged a DOCKER_CONFIG="$place/recorded" docker compose --profile other build
    mv "$place/words" "$place/direct.words"
    mv "$place/input" "$place/direct.input"
    expect_not test -s "$place/set"
    ahead=("$place/recorder")
    run plugged a docker compose --profile other build
    expect cmp "$place/words" "$place/direct.words"
    # Compose itself puts the targets in another order each time.
    expect_equal "$(jq -S '.group[].targets |= sort' "$place/input")" "$(jq -S '.group[].targets |= sort' "$place/direct.input")"
    expect_equal "$(grep -c 'cache-to+=type=local' "$place/set")" 5 "what is added"
    # An extra blank, a CR, an escape and invalid UTF-8 are passed on unchanged.
    printf '{ "target": {"default":\r\n{"context" : "base", "labels": {"a": "\\u00e9 \xff"}, "platforms": []}}}\n\n' >"$place/odd.json"
    plugged a "$place/plugin/docker-buildx" bake --file - <"$place/odd.json" >"$place/out" 2>&1
    expect cmp "$place/input" "$place/odd.json"
    expect_equal "$(grep -c 'cache-to+=type=local' "$place/set")" 1 "what is added"
}
turn_case 10 "the definition is passed on byte for byte" handed_on

side_by_side() {
    mkdir many
    echo 'services:' >many/compose.yaml
    for i in 1 2 3 4 5 6 7 8; do
        echo "  s$i: {image: many-s$i, build: {context: ., args: {N: '$((i % 4))'}}}" >>many/compose.yaml
    done
    # shellcheck disable=SC2016
    printf 'FROM slipway/base:1\nRUN echo %s >/shared && head -c 300000 /dev/urandom >/big\nARG N\nRUN echo $N >/n\n' "$(unique)" >many/Dockerfile
    cd many
    for round in 1 2 3; do
        echo "# $round" >>Dockerfile
        start a plugged a docker compose build
        start b plugged b docker compose build
        finish a; expect_code 0
        finish b; expect_code 0
    done
    expect_equal "$(exports | wc -l)" 48 "exports"
    expect_whole_store
}
turn_case 10 "many simultaneous targets never make each other fail" side_by_side

classic_store() {
    services
    cd app
    run plugged g docker compose --profile other build
    expect_notes SLP217 '!SLP002'
    expect_not injected
    # An engine that has used the base before exports it only by its manifest's digest, which a classic store does not
    # have.
    forget a
    run plugged a docker compose --profile other build
    forget g
    run plugged g docker compose --profile other build
    compose_cached all
    expect_notes SLP001 SLP217
}
turn_case 10 "with the classic image store, targets build and import" classic_store

failing() {
    services
    cd app
    echo 'RUN exit 3' >>web/Dockerfile
    for words in "build" "build nobody" "build --nonesuch" "up --build"; do
        # shellcheck disable=SC2086
        try unplugged a docker compose $words
        direct_code=$code
        # shellcheck disable=SC2086
        try plugged a docker compose $words
        expect_code "$direct_code"
        expect_not test "$code" = 0
    done
    # A signal ends it as usual.
    sed -i 's/exit 3/sleep 60/' web/Dockerfile
    for way in unplugged plugged; do
        start "$way" "$way" a docker compose build web
        await 60 grep -qs 'RUN sleep 60' "$place/$way.stdout" "$place/$way.stderr"
        kill -INT "$pid"
        finish "$way"
        [[ $way == plugged ]] || direct_code=$code
        expect_code "$direct_code"
    done
}
turn_case 10 "failures and signals are compose's own" failing

# -- Compose without bake ---------------------------------------------------------------------------------------------

one_file() { [[ $(find "$home/.local/state/slipway/compose" -type f ! -name swept | wc -l) == 1 ]]; }
before_bake() {
    services
    # This version of compose has no contexts from other services.
    sed -i '/additional_contexts/d' app/compose.yaml
    sed -i 's/^FROM base/FROM slipway\/base:1/; s/ \/base >/ >/' app/web/Dockerfile
    commit app
    cd app
    run plugged older docker compose --profile other build
    expect_notes SLP400 SLP002
    expect_equal "$(journal | jq -r .command)" compose "the journal"
    expect_equal "$(exports | wc -l)" 5 "exports"
    forget older
    run plugged older docker compose --profile other build
    compose_cached all
    # A new compose, with and without bake, also finds them all, because the keys are the same. Except for the
    # secret, which each generation of engines turns into a different step.
    forget b
    run plugged b docker compose --profile other build base ext inc inline.dot
    compose_cached all
    run plugged b docker compose --profile other build
    forget b
    run plugged b COMPOSE_BAKE=false docker compose --profile other build
    compose_cached all
    expect_equal "$(journal | jq -r .command)" compose "the journal"
    expect_whole_store

    # With each way to name files; if the command may name others, it is left unchanged.
    cp compose.yaml ../other.yaml
    for words in "-f compose.yaml" "--project-directory ."; do
        # shellcheck disable=SC2086
        run plugged older docker compose $words build base
        expect injected
        expect_equal "$(journal | jq '[.notes[] | select(.code == "SLP002")] | length')" 1 "exports"
    done
    run plugged older COMPOSE_FILE=compose.yaml docker compose build base
    expect injected
    cd web
    run plugged older docker compose build base
    expect injected
    cd ..
    echo COMPOSE_FILE=compose.yaml >>.env
    run plugged older docker compose build base
    expect_notes SLP112
    expect_not injected
    sed -i '/COMPOSE_FILE/d' .env
    run plugged older docker compose build --no-cache base
    expect_notes SLP106 SLP002 '!SLP001'
    # An interrupted command leaves a file, which is removed the next day.
    touch -d '2 days ago' "$home"/.local/state/slipway/compose/*
    run plugged older docker compose build base
    await 30 one_file

    # `up` would show the file in its containers' labels.
    run plugged older docker compose up --build --detach base
    expect_notes SLP114
    expect_not injected
    expect_equal "$(direct older docker ps --all --latest --format '{{.Label "com.docker.compose.project.config_files"}}')" \
        "$place/app/compose.yaml" "the label"
    run plugged older docker compose down --timeout 0
}
turn_case 10 "a compose that builds by itself shares with the others" before_bake

explained() {
    services
    cd app
    plugged a true
    for words in "docker compose build" "docker compose up --build" "docker-compose --profile other build inc"; do
        # shellcheck disable=SC2086
        run plugged a slipway explain --json -- $words
        expect_equal "$(jq -r '.argv[:2] | join(" ")' "$stdout")" "docker-buildx bake" "what runs"
        expect jq -e 'any(.argv[]; startswith("--set=")) and .changed' "$stdout"
    done
    run on a slipway explain --json -- docker compose build
    expect_equal "$(jq -c '[.changed, [.notes[].code]]' "$stdout")" '[false,["SLP223"]]' "without the plugin"
    run plugged older slipway explain -- docker compose up --build
    expect_said SLP114
    run plugged a slipway explain --json -- docker compose exec app npm run build
    expect_equal "$(jq -c '[.changed, [.notes[].code]]' "$stdout")" '[false,["SLP101"]]' "another command"
    cd ..
    echo 'target "default" { context = "app/base" }' >docker-bake.hcl
    for words in "docker buildx bake" "docker bake" "docker-buildx bake"; do
        # shellcheck disable=SC2086
        run plugged a slipway explain --json -- $words
        expect jq -e 'any(.argv[]; startswith("--set=default.cache-to")) and .changed' "$stdout"
    done
    expect_not test -e "$store"
}
turn_case 10 "explain shows the builds of compose and bake" explained

# -- The plugin -------------------------------------------------------------------------------------------------------

# alike WORD...: prints and exits as without the plugin
alike() {
    local direct_code
    try unplugged a "$@"
    direct_code=$code
    mv "$stdout" "$place/direct.stdout"
    mv "$stderr" "$place/direct.stderr"
    try plugged a SLIPWAY_DOCKER="$(docker_of a)" "$@"
    expect_code "$direct_code"
    expect cmp "$stdout" "$place/direct.stdout"
    expect cmp "$stderr" "$place/direct.stderr"
}

passed_on() {
    project app
    echo 'target "default" { context = "app" }' >docker-bake.hcl
    plugged a true
    alike docker buildx version
    alike docker buildx
    alike docker buildx ls
    alike docker buildx bake --help
    alike docker buildx bake --nonesuch
    alike docker buildx bake --list=targets
    alike docker buildx nonesuch
    alike docker __complete buildx bake --s
    run plugged a docker buildx build --check app
    expect_not test -e "$store"
    for words in docker-cli-plugin-metadata "docker-cli-plugin-hooks {}" "bake --print" version; do
        # shellcheck disable=SC2086
        try direct a "$(dirname "$(docker_of a)")/../libexec/docker/cli-plugins/docker-buildx" $words
        direct_code=$code
        sort "$stdout" >"$place/direct.stdout"
        # shellcheck disable=SC2086
        try plugged a "$place/plugin/docker-buildx" $words
        expect_code "$direct_code"
        expect_equal "$(sort "$stdout")" "$(cat "$place/direct.stdout")" "$words"
    done
    # No plugin after it: reported once, without an endless loop.
    private_config a "$place/alone"
    rm "$place/alone/cli-plugins/docker-buildx"
    # shellcheck disable=SC2016 # for the shell inside
    try with_mounts 'for lib in /usr/local/lib /usr/local/libexec /usr/lib /usr/libexec; do
            [ ! -d $lib/docker/cli-plugins ] || mount -t tmpfs tmpfs $lib/docker/cli-plugins
        done' on a DOCKER_CONFIG="$place/alone" "$place/plugin/docker-buildx" version
    expect_code 127
    expect_said "no docker-buildx found"
}
turn_case 3 "everything that is not a build is passed on" passed_on

both_in_place() {
    project app
    run plugged a docker build app
    expect_equal "$(exports | wc -l)" 1 "exports"
    expect_equal "$(wc -l <"$home/.local/state/slipway/journal.jsonl")" 1 "decisions"
    run plugged g docker build --no-cache app # if nothing is exported
    expect_not injected
    expect_equal "$(wc -l <"$home/.local/state/slipway/journal.jsonl")" 2 "decisions"
    # If docker does not go through the shim, the plugin does the work, for each form of the command.
    for words in "docker build" "docker buildx build" "docker builder build" "docker image build" "$place/plugin/docker-buildx build"; do
        forget b
        unique >app/new # otherwise the export of the form before would do
        # shellcheck disable=SC2086
        run plugged b PATH="$(dirname "$(docker_of b)"):/usr/bin:/bin" $words app
        expect_cached all
        expect_notes SLP001 SLP002
    done
    forget b
    run plugged b SLIPWAY=off docker build app
    expect_cached none
}
turn_case 10 "docker build goes through the shim or the plugin, once" both_in_place

# -- Bake -------------------------------------------------------------------------------------------------------------

definition() {
    project one
    project two
    cat >docker-bake.hcl <<'HCL'
variable "TASTE" { default = "salt" }
group "default" { targets = ["one", "two"] }
target "one" {
  context = "one"
  args = { FLAVOR = TASTE }
}
target "two" {
  name = "two-${flavor}"
  matrix = { flavor = ["sweet", "sour"] }
  context = "two"
  args = { FLAVOR = flavor }
}
target "own" {
  context = "one"
  cache-to = ["type=local,dest=mine"]
}
HCL
}

# baked ENGINE WORD...: plain progress
baked() { run plugged "$1" docker buildx bake --progress=plain "${@:2}"; }

from_files() {
    definition
    baked a
    expect_notes SLP002
    expect_equal "$(exports | wc -l)" 3 "exports"
    shared_cached b docker buildx bake --progress=plain
    expect_equal "$(steps_total)" 10 steps
    # Nothing is new in a second try, so there is no SLP002 then.
    expect_notes SLP001
    for words in one two-sour '--set *.platform=linux/amd64 two-sweet' "one -f docker-bake.hcl"; do
        forget b
        # shellcheck disable=SC2086
        baked b $words
        expect_cached all
    done
    # The user's own options take precedence.
    baked a own
    expect_notes SLP105 '!SLP002'
    expect test -s mine/index.json
    baked a --set "one.cache-to=type=local,dest=$place/other" one --allow fs.write="$place"
    expect_notes SLP105 '!SLP002'
    expect test -s "$place/other/index.json"
    baked b --no-cache one
    expect_cached none
    expect_notes SLP106 SLP002 '!SLP001'
    expect_whole_store
}
turn_case 10 "bake from files: groups, matrices, patterns, and the user's own cache" from_files

# The engine executes shared steps once for all targets, and each target has its own importer there.
many_targets() {
    local number targets
    targets=$(sized 20 8)
    project app
    cat >app/Dockerfile <<DOCKERFILE
FROM slipway/base:1 AS deps
WORKDIR /made
COPY input.txt .
RUN cat input.txt >installed
FROM deps AS made
COPY source .
RUN cat source installed >built
FROM made
ARG NAME
RUN echo "\$NAME" >name
RUN cat name built >done
DOCKERFILE
    echo "source of $(unique)" >app/source
    commit app
    for ((number = 0; number < targets; number++)); do
        printf 'target "t%s" {\n  context = "app"\n  args = { NAME = "n%s" }\n}\n' "$number" "$number"
    done >docker-bake.hcl
    echo "group \"default\" { targets = [$(seq 0 $((targets - 1)) | xargs printf '"t%d",')] }" >>docker-bake.hcl
    baked a
    for ((i = 0; i < $(sized 3 1); i++)); do
        shared_cached b docker buildx bake --progress=plain
        expect_equal "$(steps_total)" $((5 + 2 * targets)) steps
    done
    expect_whole_unions
    # Manually, each target imports the one union: shared steps are found, and each target's own steps for only one of
    # them.
    local union arguments=()
    published
    union=$(sed -n 's/^manifest \([^ ]*\) .*/\1/p' "$store/v1/u0/current/union")
    for ((number = 0; number < targets; number++)); do
        arguments+=("--set=t$number.cache-from=type=local,src=$(realpath "$store/v1/u0/current"),digest=$union")
    done
    forget b
    run direct b BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker buildx bake --progress=plain "${arguments[@]}"
    expect test "$(steps_cached)" -lt $((5 + 2 * targets))
    # Steps that only one target has are not affected.
    forget b
    baked b t7
    expect_cached all
}
turn_case 5 "bake from files: many targets that share two stages are all fully cached" many_targets 600

made_from_another() {
    local word
    word=$(unique)
    mkdir -p under over
    printf 'FROM slipway/base:1\nCOPY file .\nRUN cat file >under # %s\n' "$word" >under/Dockerfile
    printf 'FROM under\nCOPY file2 .\nRUN cat file file2 >over\nRUN echo more >more\n' >over/Dockerfile
    echo "$word" | tee under/file >over/file2
    cat >docker-bake.hcl <<'HCL'
group "default" { targets = ["under", "over"] }
target "under" { context = "under" }
target "over" {
  context = "over"
  contexts = { under = "target:under" }
}
HCL
    baked a
    expect_equal "$(steps_total)" 5 steps
    for ((i = 0; i < 3; i++)); do ! turn 2 || shared_cached b docker buildx bake --progress=plain; done
}
turn_case 5 "bake from files: a target made from another is fully cached, like that one" made_from_another

# A target may inherit from another, including its overrides: each still has its own export.
inherited() {
    local name engine
    for name in base kin quiet; do project $name; done
    cat >docker-bake.hcl <<'HCL'
group "default" { targets = ["base", "kin", "quiet"] }
target "base" { context = "base" }
target "kin" {
  inherits = ["base"]
  context = "kin"
  cache-from = ["type=local,src=nowhere"]
}
target "quiet" {
  inherits = ["base"]
  context = "quiet"
  cache-to = ["type=local,dest=mine"]
}
HCL
    for engine in a older; do
        await 60 at_rest
        rm -rf "$store" mine
        baked $engine
        expect_equal "$(exports | wc -l)" 2 "exports"
        expect test -s mine/index.json
        forget b
        baked b base kin
        expect_cached all
        forget $engine
    done
    # A pipe can be read only once.
    run plugged a bash -c 'docker buildx bake --progress=plain -f <(cat docker-bake.hcl) base'
    expect_notes SLP112
    echo 'target "token" { context = "base"
        cache-from = ["type=gha,token=hunter2"] }' >>docker-bake.hcl
    try plugged a docker buildx bake --print base token
    run plugged a slipway explain --json -- docker buildx bake base token
    expect_equal "$(jq -c '[.changed, (.argv | tostring | contains("hunter2"))]' "$stdout")" '[false,false]' "credentials"
}
turn_case 10 "bake from files: what targets inherit, pipes and credentials" inherited

from_input() {
    definition
    plugged a true
    baked a one
    forget b
    plugged b docker buildx bake --progress=plain -f - <docker-bake.hcl >out 2>&1
    stderr=$place/out
    expect_notes SLP001 SLP002
    baked b
    # Called directly, through a pipe, as JSON: read without conversion.
    forget b
    direct a docker buildx bake --print one 2>"$place/err" >one.json
    # shellcheck disable=SC2002
    cat one.json | plugged b "$place/plugin/docker-buildx" bake --progress=plain -f - one >out 2>&1
    stderr=$place/out
    expect_cached all
}
turn_case 10 "bake from standard input" from_input

older_bake() {
    definition
    run plugged older docker buildx bake --progress=plain
    expect_equal "$(exports | wc -l)" 3 "exports"
    shared_cached b docker buildx bake --progress=plain one two-sweet
    shared_cached older docker buildx bake --progress=plain one two-sour
    run plugged older docker buildx bake --progress=plain --set one.cache-from=type=local,src=nowhere
    expect_notes SLP113
}
turn_case 10 "an older bake gets complete lists, and shares with a new one" older_bake
