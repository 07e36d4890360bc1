#!/usr/bin/env bash
# The Dev Container Feature, by a client that nobody here wrote: PyPI's devcontainer-rs. It takes a minute or two, so only with
# SLIPWAY_TESTS_ALL=1; else the part that needs no client.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
# shellcheck source=Tests/EndToEnd/newcomer/lib.bash
. "$root/Tests/EndToEnd/newcomer/lib.bash"

refuses() {
    asked() { # asked OPTION TEXT
        try env "$1" sh "$root/features/slipway/install.sh"
        expect_code 1
        expect_said "$2"
    }
    asked VERSION=9.9.9 "name the folder of the release with the option releases"
    asked VERSION=../x "version is not one"
    asked VERSION=bundled "lies beside this Feature: put one there"
    asked STORE=here "store takes an absolute path"
    asked $'REMOTE=a\nb' "more than one line"
    # Every option is one that the script reads.
    jq -r '.options | keys[] | ascii_upcase' "$root/features/slipway/devcontainer-feature.json" | while read -r option; do
        grep -qF "\${$option" "$root/features/slipway/install.sh" || fail "install.sh does not read $option"
    done
}
test_case "the Feature names what is missing, and reads each of its options" refuses
[[ ${SLIPWAY_TESTS_ALL-} == 1 ]] || exit 0

engine a sid containerd
engine b sid containerd
need python3
python3 -m venv "$work/client"
"$work/client/bin/pip" -q --disable-pip-version-check install devcontainer-rs
client=$work/client/bin/devcontainer

# The tarball of the programs that are tested, beside a copy of the Feature.
mkdir -p "$work/package/bin"
cp "$work"/bin/{docker,slipway} "$work/package/bin/"
cp -r "$root"/{shims,installer,install.sh,LICENSE,README.md} "$work/package/"
version=$("$work/bin/slipway" version)
tarball=slipway-${version#slipway }-linux-$(uname -m).tar.gz
SOURCE_DATE_EPOCH=1790000000 sh "$work/package/install.sh" --package "$work/$tarball" >/dev/null

# An image with docker and its plugin, as the Features docker-in-docker and docker-outside-of-docker leave it.
base=$work/dev-image
mkdir -p "$base/usr/local/bin" "$base/usr/libexec/docker/cli-plugins" "$base/etc"
plugin=$(docker_of a)
plugin=${plugin%/bin/docker}/libexec/docker/cli-plugins/docker-buildx
cp "$(docker_of a)" "$base/usr/local/bin/"
cp "$plugin" "$base/usr/libexec/docker/cli-plugins/"
for file in $(ldd "$(docker_of a)" "$plugin" | grep -o '/[^ ]*' | grep -v ':$' | sort -u); do
    mkdir -p "$base${file%/*}"
    cp -L "$file" "$base$file"
done
printf '%s\n' root:x:0:0:root:/root:/bin/sh dev:x:1000:1000:dev:/home/dev:/bin/sh >"$base/etc/passwd"
printf '%s\n' root:x:0: dev:x:1000: >"$base/etc/group"
mkdir -p "$base/home/dev" "$base/root"
printf '%s\n' 'FROM slipway/base:1' 'COPY . /' 'RUN chown -R 1000:1000 /home/dev' >"$base/Dockerfile"
made() {
    local home=$work place=$work/build
    direct a docker build -q -t slipway/dev:1 "$base" >/dev/null
}
made

# workspace DIR OPTIONS [WORDS]: a folder with a dev container that has the Feature with these options, in JSON
workspace() {
    mkdir -p "$1/.devcontainer"
    cp -r "$root/features/slipway" "$1/.devcontainer/"
    cp "$work/$tarball" "$1/.devcontainer/slipway/"
    printf '{"image": "slipway/dev:1", "features": {"./slipway": %s}%s}\n' "$2" "${3-}" >"$1/.devcontainer/devcontainer.json"
}
# client WORD...: of the engine's, without the shim
client() { direct a "$client" "$@"; }
up() { run client up --buildkit never --workspace-folder "$place/$1" --docker-path "$(docker_of a)" --id-label "slipway=$1"; }
within() { # within NAME WORD...: in its dev container
    local name=$1
    shift
    run client exec --workspace-folder "$place/$name" --docker-path "$(docker_of a)" --id-label "slipway=$name" "$@"
}

installs() {
    workspace one '{"remote": "registry.example.com/team/cache"}'
    up one
    within one sh -c 'command -v docker; slipway version; cat /etc/slipway/slipway.conf; stat -c "%a %u" /buildkit-cache'
    expect_equal "$(cat "$stdout")" "/usr/local/lib/slipway/shims/docker
$version
remote = registry.example.com/team/cache
1777 0" "what is in the dev container"
    workspace two '{"profile": "sandbox"}'
    up two
    within one sh -c 'mkdir -p /buildkit-cache/v1/probe'
    within two sh -c 'ls /buildkit-cache/v1; slipway settings | grep ^profile'
    expect_said probe
    expect_said sandbox
    direct a docker rm -f "$(direct a docker ps -q --filter label=slipway=one)" "$(direct a docker ps -q --filter label=slipway=two)" >/dev/null
    direct a docker volume rm slipway-buildkit-cache >/dev/null
}
test_case "the Feature installs the shim first on PATH, and dev containers of one engine share a store" installs


# One dev container as root on one engine, one as another user on another engine: what docker-in-docker has, and on the first what
# docker-outside-of-docker has.
has_union() { (within first sh -c 'test -s /buildkit-cache/v1/u0/current/union'); }
shares() {
    project app
    for name in first second; do
        engine=a user=root
        if [[ $name == second ]]; then engine=b user=dev; fi
        workspace "$name" '{}' ", \"remoteUser\": \"$user\", \"updateRemoteUserUID\": false, \"mounts\": [\"source=$(socket "$engine"),target=/var/run/docker.sock,type=bind\"]"
        cp -r app "$name/app"
        [[ $user == root ]] || chown -R 1000:1000 "$name"
    done
    chmod 666 "$(socket b)"
    begins first
    counts 'devcontainer up --workspace-folder first' up first
    counts 'docker build -t app .' within first sh -c 'cd app && docker build -t app . 2>&1'
    await 60 has_union
    counts 'devcontainer up --workspace-folder second' up second
    counts 'docker build -t app .' within second sh -c 'id -u; cd app && docker build --progress=plain -t app . 2>&1'
    reached "two dev containers with the Feature in devcontainer.json"
    expect_said 1000
    stderr=$stdout
    expect_cached all
    docker_rm first second
}
docker_rm() {
    for name; do direct a docker rm -f "$(direct a docker ps -q --filter "label=slipway=$name")" >/dev/null; done
    direct a docker volume rm slipway-buildkit-cache >/dev/null
}
test_case "plain docker build in a second dev container, another user's on another engine, has every step cached" shares
figures
