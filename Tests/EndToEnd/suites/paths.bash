#!/usr/bin/env bash
# Containers started from inside a container get the directories that were meant.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
RUN=RUN # 20.10 knows no other
engine a sid containerd
engine g sid classic
engine o bookworm classic
engine q trixie classic

# dev ENGINE OPTION...: a typical dev container, its ID in $dev, with the docker of the engine $client or else its own.
# Programs are copied into an image without libraries; docker's own libraries are copied, too, and the shim needs none.
client=
dev() {
    local tree=$place/tree library real plugin
    engine=$1
    shift
    if [[ ! -d $tree ]]; then
        mkdir -p "$tree"/{usr/local/bin,bin} ws/proj/{src,vendor} ws/node_modules other
        install -m 755 "$work/bin/docker" "$work/bin/slipway" "$tree/usr/local/bin/"
        real=$(docker_of "${client:-$engine}")
        install -m 755 "$real" "$tree/bin/docker"
        plugin=${real%/bin/docker}/libexec/docker/cli-plugins/docker-compose
        if [[ -e $plugin ]]; then install -D -m 755 "$plugin" "$tree/usr/libexec/docker/cli-plugins/docker-compose"; fi
        for library in $(ldd "$real" | grep -o '/[^ ]*' || true); do cp --parents -L "$library" "$tree"; done
        echo workspace >ws/file; echo source >ws/proj/src/file; echo hidden >ws/proj/vendor/file
        echo other >other/file; echo one >one.txt; touch ws/proj/one.txt
        for library in 'with space' 'with,comma' 'with"quote' 'with:colon'; do
            mkdir "ws/$library"
            echo "$library" >"ws/$library/file"
        done
        ln -s proj/src ws/inside
        ln -s /etc ws/outside
        ln -s /workspaces/proj/vendor ws/to-vendor
        dev=$(direct "$engine" docker create slipway/base:1)
        direct "$engine" docker cp -q "$tree/." "$dev:/"
        direct "$engine" docker commit "$dev" slipway/dev:1 >/dev/null
        direct "$engine" docker rm "$dev" >/dev/null
    fi
    dev=$(direct "$engine" docker run -d --init "$@" -v "$place/ws:/workspaces" -v "$place/other:/workspaces/proj/vendor" \
        -v "$place/one.txt:/workspaces/proj/one.txt" -v "${place##*/}:/home/vscode" -v /workspaces/node_modules --tmpfs /workspaces/tmp \
        -v "$(socket "$engine"):/var/run/docker.sock" -w /workspaces/proj slipway/dev:1 sleep 600)
}

inside() { direct "$engine" docker exec "${with[@]}" "$dev" "$@"; }
with=()

gone() { direct "$engine" docker rm -fv "$dev" >/dev/null; direct "$engine" docker volume rm "${place##*/}" >/dev/null; }

# sees TEXT OPTION...: a container started inside with these options has this text in /x/file, or in the file /x
sees() {
    local text=$1
    shift
    run inside docker run --rm --network none "$@" slipway/base:1 sh -c 'if [ -d /x ]; then cat /x/file; else cat /x; fi'
    expect_equal "$(cat "$stdout")" "$text" "what /x has with $*"
}

inside_codes() { inside tail -n 1 /root/.local/state/slipway/journal.jsonl | jq -r '[.notes[].code] | join(" ")'; }

every_spelling() {
    dev "$1"
    inside sh -c 'echo home >/home/vscode/file; echo modules >/workspaces/node_modules/file'
    sees workspace -v /workspaces:/x
    expect_equal "$(inside_codes)" "SLP501 SLP005 SLP006 SLP006 SLP006" "the journal"
    ! chosen || sees source -v/workspaces/proj/src:/x
    ! chosen || sees source -iv /workspaces/inside/:/x
    ! chosen || sees source --blkio-weight 500 -v ./src:/x
    ! chosen || sees source --volume=/workspaces//proj/../proj/src/.:/x:ro
    ! chosen || sees other -v=/workspaces/proj/vendor:/x
    ! chosen || sees other -v /workspaces/to-vendor:/x
    ! chosen || sees one -v ./one.txt:/x
    ! chosen || sees home -v /home/vscode:/x
    ! chosen || sees modules --mount type=bind,src=../node_modules,dst=/x
    ! chosen || sees 'with space' -v '/workspaces/with space:/x'
    ! chosen || sees 'with,comma' --mount '"source=/workspaces/with,comma",TYPE=bind,"dst=/x"'
    ! chosen || sees 'with"quote' --mount 'type=bind,"source=/workspaces/with""quote",target=/x'
    ! chosen || sees 'with:colon' --mount 'type=bind,source=/workspaces/with:colon,target=/x'
    ! chosen || sees source --mount type=volume,dst=/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/workspaces/proj/src
    run inside docker volume create -o type=none --opt o=bind -odevice=/workspaces/inside made
    sees source -v made:/x
    run inside docker volume rm made

    # Mounts below are included, unless the user mounts something there.
    run inside docker run --rm --network none -v /workspaces:/y slipway/base:1 \
        cat /y/proj/vendor/file /y/proj/one.txt /y/node_modules/file
    expect_equal "$(tr '\n' ' ' <"$stdout")" "other one modules " "what is mounted below"
    run inside docker run --rm --network none -v .:/y --tmpfs /y/vendor slipway/base:1 ls /y/vendor
    expect_equal "$(cat "$stdout")" "" "the user's own mount"

    # If there is nothing to translate, the arguments stay the same, also those after the image.
    run inside docker run --rm --network none slipway/base:1 echo -v /workspaces:/x
    expect_equal "$(cat "$stdout")" "-v /workspaces:/x"
    run inside slipway explain --json -- docker run -v /workspaces/outside:/x -v /workspaces/tmp:/y -v name:/z image
    expect_equal "$(jq -c '[.changed, [.notes[].code]]' "$stdout")" '[false,["SLP501","SLP600","SLP601"]]' "what is left"
    run inside docker container create --name twice -itv /workspaces/proj/src:/x slipway/base:1
    run inside sh -c 'docker inspect -f "{{json .Mounts}}" twice; docker rm twice >/dev/null'
    expect_equal "$(jq -r '.[].Source' "$stdout")" "$place/ws/proj/src" "the source"
    sees source -v "$place/ws/proj/src:/x" # the engine's own path

    # A given table is used as it is, without asking the engine.
    with=(-e "SLIPWAY_PATH_MAP=/nowhere=$place/other")
    sees other -v /nowhere:/x
    with=(-e "WORKSPACE_DIR=$place/other" -e SLIPWAY_PATH_WORKSPACE=/nowhere)
    sees other -v /nowhere:/x
    with=()
    gone
}
containerd_spellings() { chosen() { turn 3; }; every_spelling a; }
classic_spellings() { chosen() { true; }; every_spelling g; }
test_case "every spelling, containerd image store" containerd_spellings
turn_case 10 "every spelling, classic image store" classic_spellings

shown() {
    dev a
    run inside slipway paths --json . /etc /workspaces/tmp/x
    expect_equal "$(jq -r '.rows[] | select(.from == "/workspaces/proj/vendor") | [.to, .origin] | @tsv' "$stdout")" \
        "$place/other"$'\t'mounts "a row"
    expect_equal "$(jq -r '.paths[0] | [.path, .becomes, .origin, .note] | @tsv' "$stdout")" \
        "/workspaces/proj"$'\t'"$place/ws/proj"$'\t'mounts$'\t' "a path"
    expect_equal "$(jq -c '[.paths[].note.code]' "$stdout")" '[null,"SLP600","SLP601"]' "why not"
    sees source -v ./src:/x
    expect_equal "$(inside sh -c 'wc -l </root/.local/state/slipway/paths')" 1 "tables remembered"
    gone
}
test_case "slipway paths shows it" shown

# A container in another one's network has that one's three files, and also its host name.
network_of_another() {
    local sidecar
    sidecar=$(direct a docker run -d --hostname trap -v "$place/other:/workspaces" slipway/base:1 sleep 600)
    dev a --network "container:$sidecar"
    inside sh -c 'echo home >/home/vscode/file'
    sees source -v ./src:/x
    sees home -v /home/vscode:/x
    direct a docker rm -f "$sidecar" >/dev/null
    gone
    for options in '--network host' '--network host --uts host --pid host' '--read-only --tmpfs /root' '--privileged' \
        "--hostname $sidecar -v $place/one.txt:/etc/hosts"; do
        turn 2 || continue
        # shellcheck disable=SC2086
        dev a $options
        sees source -v ./src:/x
        gone
    done
}
turn_case 3 "a foreign network namespace and other tricks do not mislead it" network_of_another

engine_inside() {
    dev a -v "$(socket g):/run/inner.sock"
    with=(-e DOCKER_HOST=unix:///run/inner.sock)
    run inside slipway explain --json -- docker run -v /workspaces:/x image
    expect_equal "$(jq -c '[.changed, .notes[-1].code]' "$stdout")" '[false,"SLP605"]'
    run inside slipway paths --json /workspaces
    expect_equal "$(jq -c '[.rows, .paths[0].becomes]' "$stdout")" '[[],"/workspaces"]'
    with=()
    sees workspace -v /workspaces:/x
    gone
}
turn_case 10 "an engine that does not know the container gets untranslated paths" engine_inside

# Each docker passes on whatever it takes for a path, and no two generations agree on that.
old_clients() {
    for client in o q; do
        dev a
        run inside docker version --format '{{.Client.Version}}'
        sees workspace -v /workspaces:/x
        sees other -v=/workspaces/proj/vendor:/x
        sees source --mount type=bind,src=/workspaces/inside,dst=/x
        if [[ $client == q ]]; then sees source -v ./src:/x; else
            try inside docker run --rm --network none -v ./src:/x slipway/base:1 true
            expect_code 125 # docker 20.10 sends the dot, and the engine refuses it
        fi
        run inside docker volume create -o type=none --opt o=bind -odevice=/workspaces/inside made
        sees source -v made:/x
        run inside docker volume rm made
        gone
        rm -rf "$place/tree"
        rm -rf "$place"/ws "$place"/other "$place"/one.txt
    done
}
turn_case 10 "docker 20.10 and 26 inside" old_clients

# Another user changes neither the proof nor the memory, which is per user.
ordinary_user() {
    dev a
    inside sh -c 'mkdir -p /home/user /tmp; chmod 1777 /tmp; chown 1000 /home/user'
    as=(-u "1000:$(stat -c %g "$(socket a)")" -e HOME=/home/user)
    for _ in found remembered; do
        with=("${as[@]}")
        sees source -v ./src:/x
        expect_equal "$(inside sh -c 'tail -n 1 ~/.local/state/slipway/journal.jsonl' | jq -r '[.notes[].code] | join(" ")')" \
            "SLP501 SLP005" "the journal"
        expect_equal "$(inside stat -c '%u %a' /home/user/.local/state/slipway/paths)" "1000 600" "what is remembered"
    done
    # Another user's memory file is not trusted.
    with=()
    inside sed -i "s, $place/ws , /nowhere ," /home/user/.local/state/slipway/paths
    with=("${as[@]}")
    try inside docker run --rm --network none -v ./src:/x slipway/base:1 cat /x/file
    expect_equal "$(cat "$stdout")" "" "what a false memory leads to"
    with=()
    inside chown 1001 /home/user/.local/state/slipway/paths
    with=("${as[@]}")
    sees source -v ./src:/x
    with=()
    gone
}
turn_case 10 "an ordinary user in the dev container" ordinary_user

device() {
    dev a
    mknod "$place/ws/node" c 1 5
    run inside docker run --rm --network none --device /workspaces/node:/dev/x slipway/base:1 sh -c 'head -c 2 /dev/x | od -An -tx1'
    expect_equal "$(tr -d ' ' <"$stdout")" 0000 "what the device gives"
    run inside docker run --rm --network none --device=/workspaces/node slipway/base:1 ls /workspaces/node
    expect_equal "$(cat "$stdout")" /workspaces/node "a device without a place of its own"
    run inside slipway explain --json -- docker run --device /dev/null:/dev/x:r --device vendor.com/class=name image
    expect_equal "$(jq .changed "$stdout")" false "devices of the engine"
    gone
}
turn_case 10 "devices" device

# An engine over TCP is asked about this container each time, and nothing about it is remembered: an address
# identifies nothing.
over_tcp() {
    need python3
    python3 -c '
import socket, sys, threading
def copy(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
    try: b.shutdown(socket.SHUT_WR)
    except OSError: pass
server = socket.create_server(("127.0.0.1", 0))
open(sys.argv[2], "w").write(str(server.getsockname()[1]))
while True:
    client = server.accept()[0]
    engine = socket.socket(socket.AF_UNIX); engine.connect(sys.argv[1])
    for pair in (client, engine), (engine, client): threading.Thread(target=copy, args=pair, daemon=True).start()
' "$(socket a)" "$place/port" &
    await 30 test -s "$place/port"
    dev a --network host
    with=(-e "DOCKER_HOST=tcp://127.0.0.1:$(cat "$place/port")")
    sees source -v ./src:/x
    sees other -v /workspaces/proj/vendor:/x
    expect_not inside test -e /root/.local/state/slipway/paths
    with=()
    gone
}
turn_case 10 "an engine over TCP" over_tcp

# Compose talks to the engine itself, so it gets an additional file with the engine's paths; none if no path changes.
compose_project() {
    local engine=$1 name
    dev "$engine"
    name=$(unique)
    echo secret >ws/proj/secret.txt
    echo config >ws/proj/config.txt
    mkdir "ws/proj/do\$lar"
    echo dollar >"ws/proj/do\$lar/file"
    cat >ws/proj/compose.yaml <<YAML
name: $name
services:
  web:
    image: slipway/base:1
    network_mode: none
    init: true
    command: [sleep, "600"]
    volumes: ["./src:/x", ".:/all:ro", "data:/data", "./do\$\$lar:/dollar", {type: bind, source: ../node_modules, target: /modules}]
    secrets: [s]
    configs: [{source: c, target: /c}]
  other:
    image: slipway/base:1
    network_mode: none
    profiles: [extra]
    command: [cat, /x/file]
    volumes: ["/workspaces/inside:/x"]
volumes: {data: {}}
secrets: {s: {file: ./secret.txt}}
configs: {c: {file: ./config.txt}}
YAML
    inside sh -c 'echo modules >/workspaces/node_modules/file'
    run inside docker compose up -d --quiet-pull
    run inside docker compose exec -T web cat /x/file /all/vendor/file /all/one.txt /modules/file /dollar/file /run/secrets/s /c
    expect_equal "$(tr '\n' ' ' <"$stdout")" "source other one modules dollar secret config " "what the service sees"
    run inside docker compose ps -q web
    local container
    container=$(cat "$stdout")
    # A second run changes nothing, and recreates nothing.
    run inside docker compose up -d
    run inside docker compose ps -q web
    expect_equal "$(cat "$stdout")" "$container" "the container"
    run inside docker compose run --rm -T other
    expect_equal "$(cat "$stdout")" source "a service of another profile"
    run inside docker compose run --rm -T -v /workspaces/proj/vendor:/y other cat /y/file
    expect_equal "$(cat "$stdout")" other "run -v"
    run inside docker compose -f compose.yaml run --rm -T other
    expect_equal "$(cat "$stdout")" source "with --file"
    run inside sh -c 'cd /tmp && COMPOSE_FILE=/workspaces/proj/compose.yaml docker compose run --rm -T other'
    expect_equal "$(cat "$stdout")" source "with COMPOSE_FILE"
    run inside slipway explain -- docker compose up -d
    expect_said /slipway/compose/paths-
    run inside docker compose down -v -t 0
    # A project without such paths is left unchanged, and so is one that is uncertain.
    printf 'name: %s\nservices: {web: {image: slipway/base:1, network_mode: none, command: [echo, hello]}}\n' "$name" >ws/proj/plain.yaml
    run inside slipway explain --json -- docker compose -f plain.yaml up
    expect_equal "$(jq .changed "$stdout")" false
    run inside sh -c 'slipway explain --json -- docker compose -f - up <plain.yaml'
    expect_equal "$(jq -c '.changed' "$stdout")" false
    # A pipe can be read only once, and compose itself needs to read it.
    run inside sh -c 'mkfifo pipe; cat plain.yaml >pipe & docker compose -f pipe create'
    run inside docker compose -f plain.yaml down -t 0
    # If variables differ, projects with the same files get different files.
    # shellcheck disable=SC2016 # for compose
    echo 'services: {web: {image: slipway/base:1, volumes: ["./${D}:/x"]}}' >ws/proj/varied.yaml
    for name in src vendor; do
        run inside env D=$name slipway explain -- docker compose -f varied.yaml up
        grep -o 'paths-[^ ]*' "$stdout" >"$place/file-$name"
    done
    expect_not cmp -s "$place/file-src" "$place/file-vendor"
    echo COMPOSE_FILE=plain.yaml >ws/proj/.env
    run inside slipway explain --json -- docker compose up
    expect_equal "$(jq -c '[.changed, .notes[-1].code]' "$stdout")" '[false,"SLP112"]'
    gone
}
newer_compose() { compose_project a; }
older_compose() { client=q; compose_project a; }
turn_case 10 "paths in a compose project" newer_compose
turn_case 10 "paths in a project of an older compose" older_compose
