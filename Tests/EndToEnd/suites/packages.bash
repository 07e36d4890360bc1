#!/usr/bin/env bash
# Containers and the packages warmed for them: installs download nothing, no container can change what the next one
# reads, and nothing remains. p is today's engine, q an older one with the other image store, o one that is too old.

# shellcheck disable=SC2016 # the containers' shells
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
# shellcheck source=Tests/EndToEnd/packages/lib.bash
. "$root/Tests/EndToEnd/packages/lib.bash"
serve_packages
package_engine p sid containerd

# warmed ENGINE: warms it, once for all tests. With both images, because each pip has its own format.
warmed() {
    [[ ! -e $work/engines/$1.warmed ]] || return 0
    warm "$1" --image tools:old
    warm "$1" --image tools:new --add
    : >"$work/engines/$1.warmed"
}
warm() {
    local engine=$1
    shift
    run on "$engine" slipway warm "$@" --run-arg=--network=host --pip 'slw-tree slw-source' --uv 'slw-tree slw-source' \
        --npm "$indexes/project/package-lock.json" --yarn slw-tree@1.0.0
}

# -- Installing -------------------------------------------------------------------------------------------------------

# installs IMAGE USER: each tool installs in one container, and nothing is downloaded.
installs() {
    downloading 0 on p docker run --rm "${on_host[@]}" --user "$2" "$1" sh -ec "($with_pip); ($with_uv); ($with_npm); ($with_yarn)"
}
downloads_nothing() {
    # Checks that the indexes count, and what the tools download without a cache.
    downloading 3 direct p docker run --rm "${on_host[@]}" tools:old sh -ec "$with_pip"
    downloading 8 direct p docker run --rm "${on_host[@]}" tools:new sh -ec "($with_uv); ($with_npm); ($with_yarn)"
    warmed p
    for user in 0 1000 12345; do
        ! turn 2 || installs tools:old "$user"
        ! turn 2 || installs tools:new "$user"
    done
}
turn_case 5 "two versions of pip, uv, npm and yarn download nothing, for every user" downloads_nothing

other_ways() {
    warmed p
    downloading 0 on p docker container run --rm "${on_host[@]}" tools:new sh -ec "$with_pip"
    run on p docker create --name made "${on_host[@]}" --user 1000 tools:new sh -ec "$with_pip; rm -rf /tmp/pip"
    # Neither the end of another container nor its cleanup removes a stopped container's view.
    downloading 0 on p docker start --attach made
    run on p docker run --rm slipway/base:1 true
    await 60 at_rest
    downloading 0 on p docker start --attach made
    run on p docker rm made
    chmod 755 "$place"
    downloading 0 as 1000 p docker run --rm "${on_host[@]}" tools:new sh -ec "$with_npm"
}
turn_case 10 "docker create, start, container run, and another user of the host" other_ways

misses() {
    warmed p
    for user in 0 12345; do
        for image in tools:old tools:new; do
            turn 2 || continue
            downloading 3 on p docker run --rm "${on_host[@]}" --user "$user" "$image" \
                sh -ec "$pip_late; $npm_late; $pip_late; $npm_late"
        done
    done
}
turn_case 5 "packages that were not fetched can be installed, too, and are downloaded once per container" misses

# -- Poisoning --------------------------------------------------------------------------------------------------------

# The same container does install the malicious package; otherwise the test would prove nothing.
# shellcheck disable=SC2034 # by their names
replace_wheel='python3 - <<"PYTHON"
import os, pathlib, zipfile
for wheel in pathlib.Path(os.environ["PIP_CACHE_DIR"], "wheels").rglob("slw_source*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body.replace(b"\"index\"", b"\"evil!\""))
PYTHON
pip install --quiet --target /tmp/evil slw-source
grep -q evil /tmp/evil/slw_source.py'
# shellcheck disable=SC2034
rewrite_pages='find "$PIP_CACHE_DIR" "$NPM_CONFIG_CACHE" -type f | while read -r file; do
    sed "s/index/inbex/g; s/sha256/sha257/g" "$file" >/tmp/file; cat /tmp/file >"$file"; chmod 400 "$file" 2>/dev/null || true; done'
remove_all='rm -rf /dev/slipway/* /dev/slipway/.slipway 2>/dev/null || true; test -z "$(find /dev/slipway -mindepth 2)"
    for tool in pip npm uv; do mkdir -p /dev/slipway/$tool; echo evil >/dev/slipway/$tool/evil; done'
poison() {
    warmed p
    local before image user attempt attempts
    before=$(sums p)
    for image in tools:old tools:new; do
        user=0 attempts=0
        [[ $image == tools:old ]] || user=12345
        for attempt in replace_wheel rewrite_pages remove_all; do
            turn 6 || continue
            run on p docker run --rm "${on_host[@]}" --user "$user" "$image" sh -ec "${!attempt}"
            attempts=$((attempts + 1))
        done
        [[ $attempts == 0 ]] || installs "$image" 1000
    done
    expect_equal "$(sums p)" "$before" "layers and generations"
}
test_case "a replaced wheel, rewritten pages and rm -rf are the container's own business" poison

at_once() {
    warmed p
    local before number
    before=$(sums p)
    for number in {1..4}; do
        start "container$number" on p docker run --rm "${on_host[@]}" --user "$((number * 1000))" tools:new \
            sh -ec "$with_pip; rm -rf /tmp/pip; $remove_all; $pip_late"
    done
    for number in {1..4}; do
        finish "container$number"
        expect_code 0
    done
    expect_equal "$(sums p)" "$before" "layers and generations"
    installs tools:new 12345
}
turn_case 10 "four containers of four users at once, each removing everything" at_once

# -- What is left -----------------------------------------------------------------------------------------------------

is_there() { [[ -n $(direct p docker ps --quiet --filter "name=$1") ]]; }
is_gone() { [[ -z $(direct p docker ps --all --quiet --filter "name=$1") ]]; }
nothing_left() {
    warmed p
    run on p docker run --rm slipway/base:1 true
    expect injected
    run on p docker run --rm slipway/base:1 true
    no_view_stays p
    # Nor after a container that failed, was killed, or could not start.
    try on p docker run --rm slipway/base:1 sh -c 'exit 3'
    expect_code 3
    try on p docker run --rm slipway/base:1 /no/such/program
    expect_code 127
    start long on p docker run --rm --name long slipway/base:1 sleep 60
    await 60 is_there long
    kill -KILL "$pid"
    finish long
    direct p docker kill long
    await 60 is_gone long
    run on p docker run --rm slipway/base:1 true
    no_view_stays p
}
turn_case 10 "no volume is left after docker run --rm and one more run" nothing_left

no_trace() {
    warmed p
    run on p docker run --name changed slipway/base:1 sh -c 'echo x >/dev/slipway/pip/x; rm -rf /dev/slipway/uv; touch /mine'
    expect injected
    run direct p docker diff changed
    expect_equal "$(cat "$stdout")" "A /mine" "docker diff"
    run direct p docker export --output exported changed
    expect_equal "$(tar --list --file exported | grep slipway)" "" "ours in the exported files"
    run on p docker rm changed
}
turn_case 10 "docker diff and docker export show nothing of Slipway's" no_trace

# -- Users who know better --------------------------------------------------------------------------------------------

# sees OPTION...: what a container with those options gets from Slipway: the variables, and the mounts.
sees() {
    run on p docker run --rm "$@" slipway/base:1 sh -c 'env | grep -E "^(PIP|NPM|npm|UV|YARN)_" | sort; grep -c " /dev/slipway " /proc/mounts || true'
    cat "$stdout"
}
has() { grep -qxF -- "$1" <<<"$seen" || fail "not seen: $1"; }
has_not() { ! grep -q -- "$1" <<<"$seen" || fail "seen: $1"; }

own_choice() {
    warmed p
    seen=$(sees)
    has PIP_CACHE_DIR=/dev/slipway/pip
    has PIP_NO_CACHE_DIR=
    has NPM_CONFIG_CACHE=/dev/slipway/npm
    has UV_CACHE_DIR=/dev/slipway/uv
    has UV_LINK_MODE=copy
    has YARN_CACHE_FOLDER=/dev/slipway/yarn
    has 1
    seen=$(sees --env PIP_CACHE_DIR=/mine)
    has PIP_CACHE_DIR=/mine
    has_not PIP_NO_CACHE_DIR
    has NPM_CONFIG_CACHE=/dev/slipway/npm
    seen=$(sees -e npm_config_cache=/mine)
    has npm_config_cache=/mine
    has_not NPM_CONFIG_CACHE
    has PIP_CACHE_DIR=/dev/slipway/pip
    printf '%s\n' '# mine' PIP_NO_CACHE_DIR=1 UV_CACHE_DIR >variables
    seen=$(sees --env-file variables)
    has PIP_NO_CACHE_DIR=1
    has_not 'PIP_CACHE_DIR\|UV_'
    has NPM_CONFIG_CACHE=/dev/slipway/npm
}
turn_case 10 "a user's own variables override ours, each for its tool" own_choice

own_mounts() {
    warmed p
    mkdir mine
    for option in --volume="$place/mine:/dev/slipway" --volume=/dev/slipway --mount=type=tmpfs,dst=/dev/slipway/ \
        --tmpfs=/dev/slipway --volume="$place/mine:/dev/slipway/pip" --mount="type=bind,src=$place/mine,dst=/dev" \
        --mount=type=tmpfs,destination=/dev/./slipway/npm/x; do
        # A /dev of the user's own needs only null.
        : >mine/null
        try direct p docker run --rm --hostname x "$option" slipway/base:1 sh -c 'env; cut -d" " -f2 /proc/mounts'
        mv "$stdout" without
        wanted=$code
        try on p docker run --rm --hostname x "$option" slipway/base:1 sh -c 'env; cut -d" " -f2 /proc/mounts'
        expect_code "$wanted"
        expect_equal "$(cat "$stdout")" "$(cat without)" "with $option"
        expect_not injected
    done
    expect_equal "$(find mine -name 'slipway*' -o -name '.slipway*')" "" "what docker made in the user's directory"
}
turn_case 10 "a user's own mounts at, above and below our place override ours" own_mounts

# -- Containers of every kind -----------------------------------------------------------------------------------------

# alike OPTION... IMAGE COMMAND...: the same with the shim and without, except for the view.
alike() {
    try direct p docker run --rm "$@"
    mv "$stdout" without
    sed 's/slipway-[a-z]*-[0-9a-f-]*/VOLUME/g' "$stderr" >without.stderr
    local wanted=$code
    try on p docker run --rm "$@"
    expect_code "$wanted"
    expect_equal "$(cat "$stdout")" "$(cat without)" "output with $*"
    expect_equal "$(cat "$stderr")" "$(cat without.stderr)" "errors with $*"
}
every_kind() {
    warmed p
    alike --read-only slipway/base:1 sh -c 'touch /x || echo read-only'
    alike --network none slipway/base:1 true
    alike --privileged slipway/base:1 sh -c 'echo works'
    alike --cap-drop ALL --security-opt no-new-privileges --user 12345 slipway/base:1 id
    alike --volume 'data:C:\cache:ro' slipway/base:1 true
    alike --volume data:/dev/data --volume data:/dev/data slipway/base:1 true
    alike --mount type=volume,src=data,dst=/data,volume-opt=type slipway/base:1 true
    alike --no-such-option slipway/base:1 true
    alike --env-file /no/such/file slipway/base:1 true
    alike
    run on p docker create --name source --volume data:/data "${on_host[@]}" slipway/base:1
    run on p docker run --rm --volumes-from source --volumes-from source:ro slipway/base:1 \
        sh -c 'touch /data 2>/dev/null; echo x >/dev/slipway/pip/x; grep -c " /dev/slipway " /proc/mounts'
    run on p docker rm source
    direct p docker volume rm data
}
turn_case 10 "docker run works as without the shim, with every option that concerns mounts" every_kind

images_with_the_place() {
    warmed p
    mkdir context
    echo image >context/file
    printf '%s\n' 'FROM slipway/base:1' 'COPY file /dev/slipway/pip/file' 'RUN true' >context/Dockerfile
    run direct p docker build --tag with-files context
    printf '%s\n' 'FROM slipway/base:1' 'VOLUME /dev/slipway' >context/Dockerfile
    run direct p docker build --tag with-volume context
    before=$(sums p)
    for image in with-files with-volume; do
        run on p docker run --rm --user 12345 "$image" sh -c 'echo x >/dev/slipway/pip/x; test ! -e /dev/slipway/pip/file; ls /dev/slipway'
        expect_said pip
    done
    expect_equal "$(sums p)" "$before" "layers and generations"
    run on p docker run --rm slipway/base:1 true
    no_view_stays p
}
turn_case 10 "an image that has files or a volume at our place" images_with_the_place
