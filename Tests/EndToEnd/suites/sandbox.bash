#!/usr/bin/env bash
# The sandbox profile on real containers: what `docker inspect` and the kernel report about them, that the user's own
# options take precedence, that packages and paths work in them, and how `slipway ps` and `slipway reconcile` treat
# them. g keeps images in the other store, o is 20.10.

# shellcheck disable=SC2016 # the containers' shells
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
RUN=RUN # 20.10 knows no other
# shellcheck source=Tests/EndToEnd/packages/lib.bash
. "$root/Tests/EndToEnd/packages/lib.bash"
engine a sid containerd
engine g sid classic
engine o bookworm classic

# A container gets 4 GiB, and 2 processors if the machine has that many.
processors=$(($(nproc) < 2 ? $(nproc) : 2))

# repository [ENGINE]: an engine without containers, and a repository as the test's working directory; workspaces of
# other tests have other names.
repository() {
    clear "${1:-a}"
    project ws
    cd ws
    workspace=$place/ws
}

# said ENGINE CONTAINER FILTER: docker's description of it.
said() { api "$1" GET "containers/$2/json" | jq -rc "$3"; }

# The limits of a container, on one line.
limits='[.HostConfig | .CapDrop, .CapAdd, .SecurityOpt, .PidsLimit, .Memory, .NanoCpus, .RestartPolicy.Name, .AutoRemove]'
config='.Config.Labels["slipway.config"]'

sandboxed() { on "$1" SLIPWAY_PROFILE=sandbox docker "${@:2}"; }

# clear ENGINE: removes every container there; a failed test may have left some.
clear() {
    local id
    for id in $(api "$1" GET 'containers/json?all=true' | jq -r '.[].Id'); do api "$1" DELETE "containers/$id?force=true&v=true"; done
}

# -- What containers get ----------------------------------------------------------------------------------------------

flags_and_labels() {
    local name hash
    repository
    clear g
    clear o
    for name in a g o; do
        run sandboxed "$name" run -d --name box slipway/base:1 sleep 600
        expect_equal "$(said "$name" box "$limits")" \
            '[["ALL"],null,["no-new-privileges"],300,4294967296,'"$processors"'000000000,"unless-stopped",false]' "on $name"
        expect_equal "$(said "$name" box '.Config.Labels | [.app, .["slipway.workspace"]]')" "[\"slipway\",\"$workspace\"]" labels
        hash=$(said "$name" box "$config" | tr -d '\n' | sha256sum | head -c 64)
        expect_equal "$(said "$name" box '.Config.Labels["slipway.config-hash-full"]')" "$hash" "the hash"
        expect_equal "$(said "$name" box '.Config.Labels["slipway.config-hash"]')" "${hash:0:12}" "the short hash"
        expect_equal "$(said "$name" box "$config | fromjson | keys_unsorted == keys")" true "members in order"
        # The kernel's own view of it.
        run direct "$name" docker exec box grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status
        expect_equal "$(tr -d '\t\n' <"$stdout")" "CapEff:0000000000000000CapBnd:0000000000000000NoNewPrivs:1" "on $name"
        run sandboxed "$name" create --name made slipway/base:1 true
        expect_equal "$(said "$name" made "$limits")" \
            '[["ALL"],null,["no-new-privileges"],300,4294967296,'"$processors"'000000000,"no",false]' "created on $name"
        clear "$name"
    done
}
test_case "docker inspect and the kernel show limits and labels" flags_and_labels

alike() {
    local wanted
    repository
    for words in "run --rm slipway/base:1 sh -c 'echo out; echo err >&2; exit 3'" "run --rm slipway/base:1 /no/such" \
        "run --rm --no-such slipway/base:1" "run --rm no/such:image" "run --help" "run" "create --label slipway/base:1"; do
        eval "words=($words)"
        try direct a docker "${words[@]}"
        mv "$stdout" "$place/out" && sed 's/[0-9a-f]\{64\}/ID/' "$stderr" >"$place/err"
        wanted=$code
        try sandboxed a "${words[@]}"
        expect_code "$wanted"
        diff "$place/out" "$stdout"
        # There is an additional line only if the arguments are not understood, so that no sandbox is applied.
        expect_equal "$(grep -c SLP805 "$stderr" || true)" "$([[ ${words[*]} == *--no-such* ]] && echo 1 || echo 0)" "lines of ours"
        diff "$place/err" <(sed '/^slipway: .*SLP805/d; s/[0-9a-f]\{64\}/ID/' "$stderr")
    done
    expect_equal "$(printf 'in\nput' | sandboxed a run --rm -i slipway/base:1 cat)" $'in\nput' "standard input"
}
test_case "output, errors, input and exit codes are the same as without it" alike

own_choices() {
    local plain
    repository
    # options, docker's description, and which part of the profile applies
    while IFS='#' read -r options filter wanted; do
        # shellcheck disable=SC2086
        run sandboxed a create --name box $options slipway/base:1 true
        expect_equal "$(said a box "$filter")" "$wanted" "with $options"
        run direct a docker rm box
    done <<'END'
--cap-drop=NET_RAW#.HostConfig | [.CapDrop, .PidsLimit]#[["CAP_NET_RAW"],300]
--cap-add=CHOWN#.HostConfig | [.CapDrop, .CapAdd]#[["ALL"],["CAP_CHOWN"]]
--cap-add=ALL#.HostConfig | [.CapDrop, .CapAdd]#[null,["ALL"]]
--security-opt no-new-privileges:false#.HostConfig | [.SecurityOpt, .CapDrop]#[["no-new-privileges:false"],["ALL"]]
--security-opt seccomp=unconfined#.HostConfig.SecurityOpt#["no-new-privileges","seccomp=unconfined"]
--pids-limit=20#.HostConfig.PidsLimit#20
-m 64m#.HostConfig | [.Memory, .PidsLimit]#[67108864,300]
--memory=64m --memory-swap=128m#.HostConfig | [.Memory, .MemorySwap]#[67108864,134217728]
--cpus=0.5#.HostConfig | [.NanoCpus, .Memory]#[500000000,4294967296]
--cpu-period=100000 --cpu-quota=50000#.HostConfig | [.NanoCpus, .CpuQuota]#[0,50000]
--cpuset-cpus=0#.HostConfig | [.CpusetCpus, .Memory]#["0",4294967296]
--restart=on-failure:2#.HostConfig.RestartPolicy.Name#on-failure
--label app=mine#.Config.Labels.app#mine
--label slipway.workspace=team#.Config.Labels["slipway.workspace"]#team
END
    printf '%s\n' 'app=file' '# slipway.workspace=x' >labels
    run sandboxed a create --name box --label-file labels slipway/base:1 true
    expect_equal "$(said a box '.Config.Labels | [.app, .["slipway.workspace"]]')" "[\"file\",\"$workspace\"]" "labels of a file"
    run direct a docker rm box
    run sandboxed a run -d --rm --name box slipway/base:1 sleep 600
    expect_equal "$(said a box '.HostConfig.RestartPolicy.Name')" no "the policy with --rm"
    clear a

    # A privileged container is as without the shim, in every member that does not differ between any two containers.
    plain='.HostConfig, .Config.Labels'
    run direct a docker create --name without --privileged slipway/base:1 true
    run sandboxed a create --name with --privileged slipway/base:1 true
    expect_equal "$(said a with "$plain")" "$(said a without "$plain")" "a privileged container"
    cd "$place"
    expect_equal "$(journal_codes)" "SLP506 SLP800 SLP805" "the journal"
}
turn_case 10 "the user's own flags and labels override ours, and privileged containers get nothing" own_choices

hash_of() {
    run sandboxed a create --name box "$@" slipway/base:1 true
    said a box '.Config.Labels["slipway.config-hash-full"]' >>hashes
    run direct a docker rm box
}
hashes() {
    repository
    hash_of --cap-add CHOWN --cap-add SETUID -m 1g --pids-limit 50
    hash_of --pids-limit=50 --cap-add=CAP_SETUID --memory 1024m --cap-add=chown
    hash_of --env X=1 --memory=1073741824 --cap-add SETUID --cap-add CHOWN --pids-limit 50 --label other=1
    expect_equal "$(sort -u hashes | wc -l)" 1 "hashes of the same configuration"
    hash_of --cap-add CHOWN --cap-add SETUID -m 1g --pids-limit 51
    hash_of --cap-add CHOWN -m 1g --pids-limit 50
    hash_of --cap-add CHOWN --cap-add SETUID -m 2g --pids-limit 50
    expect_equal "$(sort -u hashes | wc -l)" 4 "hashes of different ones"
}
turn_case 10 "the order of options does not change the hash, but every value does" hashes

settings() {
    repository
    mkdir -p "$home/.config/slipway"
    printf '%s\n' 'profile = sandbox' 'sandbox.pids = 77' 'sandbox.memory = 256m' 'sandbox.cpus = 999' \
        'sandbox.capabilities = SETUID,CHOWN' 'sandbox.workspace = team one' >"$home/.config/slipway/slipway.conf"
    run on a docker create --name box slipway/base:1 true
    expect_equal "$(said a box '.HostConfig | [.CapDrop, .CapAdd, .PidsLimit, .Memory, .NanoCpus]')" \
        '[["ALL"],["CAP_CHOWN","CAP_SETUID"],77,268435456,'"$(nproc)"'000000000]' "no more processors than there are"
    expect_equal "$(said a box '.Config.Labels["slipway.workspace"]')" "team one" workspace
    run direct a docker rm box
    run on a SLIPWAY_PROFILE=off docker create --name box slipway/base:1 true
    expect_equal "$(said a box .Config.Labels)" "{}" "labels without the profile"
    run direct a docker rm box
    printf '%s\n' 'sandbox.pids = none' 'sandbox.memory = none' 'sandbox.cpus = none' >"$home/.config/slipway/slipway.conf"
    run sandboxed a create --name box slipway/base:1 true
    expect_equal "$(said a box '.HostConfig | [.CapDrop, .Memory, .NanoCpus]')" '[["ALL"],0,0]' "no limits"
}
turn_case 3 "settings: limits, kept capabilities, the workspace, off" settings

explained() {
    local first
    local -a words
    repository
    first=(docker run -d --name box -v "$workspace:/x" slipway/base:1 sleep 600)
    run on a SLIPWAY_PROFILE=sandbox slipway explain --json -- "${first[@]}"
    expect_equal "$(jq -r '[.changed, .notes[].code] | join(" ")' "$stdout")" "true SLP501 SLP009" "codes"
    readarray -t words < <(jq -r '.argv[]' "$stdout")
    # Through another shim it stays the same.
    run on a SLIPWAY_PROFILE=sandbox slipway explain --json -- "${words[@]}"
    expect_equal "$(jq -c '[.changed, .argv]' "$stdout")" "[false,$(jq -cn '$ARGS.positional' --args -- "${words[@]}")]" "a second time"
    run sandboxed a "${first[@]:1}"
    said a box "$limits, .Config.Labels, .HostConfig.Binds" >shim
    run direct a docker rm --force box
    run direct a "${words[@]}"
    expect_equal "$(said a box "$limits, .Config.Labels, .HostConfig.Binds")" "$(<shim)" "by hand"
}
turn_case 3 "slipway explain shows it, and a second shim adds nothing" explained

paths() {
    repository
    echo meant >file
    run on a SLIPWAY_PROFILE=sandbox SLIPWAY_PATH_MAP="/nowhere=$place" docker run --rm -v /nowhere/ws:/x slipway/base:1 \
        sh -c 'cat /x/file; grep CapEff /proc/self/status'
    expect_equal "$(tr -d '\t' <"$stdout")" $'meant\nCapEff:0000000000000000' "what the container has"
}
turn_case 10 "paths are translated in a sandbox, too" paths

packages() {
    local user image
    serve_packages
    package_engine p sid containerd
    run on p slipway warm --image tools:old --run-arg=--network=host --pip 'slw-tree slw-source'
    run on p slipway warm --image tools:new --add --run-arg=--network=host --pip 'slw-tree slw-source' \
        --npm "$indexes/project/package-lock.json"
    repository p
    for user in 0 1000 12345; do
        for image in tools:old tools:new; do
            downloading 0 sandboxed p run --rm "${on_host[@]}" --user "$user" "$image" \
                sh -ec "grep -q 'CapBnd:.0000000000000000' /proc/self/status; $with_pip"
        done
    done
    downloading 0 sandboxed p run --rm "${on_host[@]}" tools:new sh -ec "$with_npm"
    # Packages that were not warmed can be installed, too.
    downloading some sandboxed p run --rm "${on_host[@]}" --user 1000 tools:new sh -ec "$pip_late"
    run sandboxed p run -d --name box tools:new sleep 600
    expect_equal "$(said p box '[.Mounts[].Destination] | sort')" '["/dev/.slipway-w","/dev/slipway"]' "the view"
    expect_equal "$(said p box '.Config.Labels.app')" slipway "the label"
    run on p slipway ps --json
    expect_equal "$(jq -c '[.containers[].name]' "$stdout")" '["box"]' "no builder of warm's"
    clear p # its view would get in the way of other suites on this engine
}
# On a fresh machine this is the first test to need the images with tools, which are then made.
turn_case 10 "pip and npm install fetched packages in a sandbox and download nothing" packages 900

# -- Managing them
# ----------------------------------------------------------------------------------------------------

containers() { direct a docker ps --all --format '{{.Names}}' | sort | tr '\n' ' '; }
has_exited() { [[ $(said a "$1" .State.Status) == exited ]]; }

listing() {
    repository
    run on a SLIPWAY_PROFILE=sandbox slipway ps
    expect_equal "$(cat "$stdout")" "no container was made with the profile sandbox" "none"
    run direct a docker create --name other --label app=slipway slipway/base:1 true
    run on a docker create --name plain slipway/base:1 true
    run sandboxed a run -d --name busy slipway/base:1 sleep 600
    run sandboxed a run --name 'done' --memory 1g slipway/base:1 true
    run on a slipway ps --json
    expect_equal "$(jq -c '.containers | map([.name, .state, .workspace, .status])' "$stdout")" \
        "[[\"busy\",\"running\",\"$workspace\",\"current\"],[\"done\",\"exited\",\"$workspace\",\"current\"]]" "all of them"
    expect_equal "$(jq -c '.containers[] | [.id, .image, .hash, .hashFull] | map(length)' "$stdout" | sort -u)" '[64,14,12,64]' members
    expect_equal "$(jq -r '.containers[0].hash' "$stdout")" "$(said a busy '.Config.Labels["slipway.config-hash"]')" "the hash"
    run on a slipway ps
    expect_equal "$(wc -l <"$stdout")" 3 lines
    expect_said "$workspace"
    run on a SLIPWAY_SANDBOX_MEMORY=2g slipway ps --json
    expect_equal "$(jq -c '.containers | map([.name, .status, .differences])' "$stdout")" \
        '[["busy","changed",["memory 4294967296, now 2147483648"]],["done","current",[]]]' "by other settings"
    try on a DOCKER_HOST="unix://$place/none" slipway ps --json
    expect_code 1
    expect_equal "$(jq -r .error.code "$stdout")" engine-silent "without an engine"
}
turn_case 3 "slipway ps lists them, and only them, with workspace and hash" listing

reconciling() {
    local before
    repository
    for name in one two; do
        git clone --quiet . "$place/$name"
        (cd "$place/$name" && run sandboxed a run --name "$name" slipway/base:1 true)
    done
    (cd "$place/one" && run sandboxed a run -d --name busy slipway/base:1 sleep 600)
    run sandboxed a run --name mine slipway/base:1 true
    run sandboxed a run --name own --pids-limit 5 slipway/base:1 true
    run sandboxed a create --name fresh --cpus 0.5 slipway/base:1 true
    run direct a docker create --name other --label app=slipway --label slipway.workspace=/gone slipway/base:1 true
    run direct a docker create --name theirs --label slipway.config-hash=0 --label slipway.origin=them \
        --label slipway.workspace=/gone slipway/base:1 true
    await 60 has_exited one
    await 60 has_exited two
    before=$(containers)
    run on a slipway reconcile
    expect_said "nothing to remove"
    expect_said "1 made elsewhere"
    expect_equal "$(containers)" "$before" "with all as it was"

    rm -rf "$place/one" "$place/two"
    run on a slipway reconcile --dry-run
    expect_said "would be removed:"
    expect_equal "$(containers)" "$before" "after a dry run"
    run on a slipway reconcile --dry-run --json
    expect_equal "$(jq -c '[.dryRun, (.removed | map([.name, .status])), (.kept | map([.name, .state])), .failed, .elsewhere]' "$stdout")" \
        '[true,[["one","workspace-gone"],["two","workspace-gone"]],[["busy","running"]],[],1]' "the plan"
    run on a slipway reconcile
    expect_equal "$(grep -n -m 1 'to be removed' "$stdout" | cut -d: -f1)" 1 "the list comes first"
    expect_said "removed one"
    expect_equal "$(containers)" "busy fresh mine other own theirs " "after it"
    expect_equal "$(said a busy .State.Running)" true "a running one"

    # Once stopped, it is removed; so is one that the settings would now make differently, unless the difference comes
    # from the command itself.
    run direct a docker stop --time 0 busy
    run on a SLIPWAY_SANDBOX_PIDS=200 slipway reconcile --json
    expect_equal "$(jq -c '[.dryRun, (.removed | map([.name, .status]) | sort), .kept, .failed]' "$stdout")" \
        '[false,[["busy","workspace-gone"],["fresh","changed"],["mine","changed"]],[],[]]' "what was done"
    expect_equal "$(containers)" "other own theirs " "after that"
    run on a slipway reconcile --all
    expect_equal "$(containers)" "other own " "with those made elsewhere"
}
turn_case 10 "slipway reconcile removes stopped ones whose workspace or settings no longer exist" reconciling

others() {
    repository
    chmod 777 "$place" "$workspace"
    run sandboxed a run --name mine slipway/base:1 true
    (cd "$workspace" && run as 1000 a SLIPWAY_PROFILE=sandbox docker run --name theirs slipway/base:1 true)
    # The settings of one repository do not apply to containers of another.
    run on a SLIPWAY_SANDBOX_PIDS=5 slipway reconcile --dry-run --json
    expect_equal "$(jq -c '[(.removed | map(.name)), .elsewhere]' "$stdout")" '[["mine"],1]' "root's"
    run as 1000 a SLIPWAY_SANDBOX_PIDS=5 slipway reconcile --dry-run --json
    expect_equal "$(jq -c '[(.removed | map(.name)), .elsewhere]' "$stdout")" '[["theirs"],1]' "the user's"
}
turn_case 10 "every user reconciles their own containers" others
