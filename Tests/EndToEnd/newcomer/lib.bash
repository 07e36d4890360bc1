# shellcheck shell=bash disable=SC2034,SC2154 # lib.bash has the others; suites use them
#
# A newcomer's machines: sourced by suites that play somebody who has never seen Slipway, after lib.bash.
#
#   machine NAME          a Debian that debootstrap made, as small as that gets, with namespaces of its own and the user dev. It has
#                         no Swift. The folder NAME is its root.
#   inside NAME COMMAND...  prepares something there, as root; does not count
#   with_docker NAME ENGINE [ENGINE]  puts docker there with its plugin; the first engine is that of docker's usual socket, the other
#                         answers at unix:///run/second.sock
#   begins NAME           from here on each command counts
#   types USER COMMAND    in a new terminal: by a login shell of that user
#   counts TEXT COMMAND...  a command that is typed elsewhere, such as on the host of dev containers
#   reached WAY           tells how many commands it took up to here, and how many seconds
#   figures               prints what was told, once the case is over
#   swift_packages        what the toolchain and its linker need of Debian
#   dependency FOLDER     puts what `swift package resolve` fetches into FOLDER/apple

swift_packages=(binutils ca-certificates gcc git libc6-dev libcurl4 libedit2 libncurses6 libsqlite3-0 libstdc++-12-dev libxml2 tzdata zlib1g-dev)
toolchain() { dirname "$(dirname "$(realpath "$(command -v swift)")")"; }
dependency() {
    mkdir -p "$1/apple"
    cp -r "$root"/.build/repositories/swift-argument-parser-*/ "$1/apple/swift-argument-parser"
}

# The machine's root is its own, as a container's is: engines inside give theirs to containers.
# shellcheck disable=SC2016 # the machine's own shell expands it
boot='
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
for file in resolv.conf hosts; do : >>"etc/$file"; mount --bind "$(realpath "/etc/$file")" "etc/$file"; done
# Engines inside look for free networks under the lock of those outside.
: >>/run/slipway-engines.lock
: >>run/slipway-engines.lock
mount --bind /run/slipway-engines.lock run/slipway-engines.lock
shift
while [ $# -gt 0 ]; do
    [ -e "$2" ] || : >"$2"
    mount --bind "$1" "$2"
    shift 2
done
mkdir .outside
pivot_root . .outside
umount --lazy /.outside
rmdir /.outside
: >/run/booted
exec sleep infinity
'
sockets=()
with_docker() {
    local name=$1 engine=$2 docker plugin file
    docker=$(docker_of "$engine")
    plugin=${docker%/bin/docker}/libexec/docker/cli-plugins/docker-buildx
    install -D -m 755 "$docker" "$name/usr/bin/docker"
    install -D -m 755 "$plugin" "$name/usr/libexec/docker/cli-plugins/docker-buildx"
    for file in $(ldd "$docker" "$plugin" | grep -o '/[^ ]*' | grep -v ':$' | sort -u); do
        [[ -e $name$file ]] || { mkdir -p "$name${file%/*}"; cp -L "$file" "$name$file"; }
    done
    sockets=("$(socket "$engine")" run/docker.sock)
    if [[ $# == 3 ]]; then sockets+=("$(socket "$3")" run/second.sock); fi
    for engine in "${@:2}"; do chmod 666 "$(socket "$engine")"; done
}
machine() {
    mkdir -p "$1"
    "$root/Tests/EndToEnd/sandbox/base"
    tar -xOf "${SLIPWAY_ENGINES:-$root/.engines}/sandbox-base.tar" layer.tar | tar -xp -C "$1"
    # The archive is this machine's: it may be that of a past day.
    apt-config dump --no-empty Acquire::Check-Valid-Until >"$1/etc/apt/apt.conf.d/machine"
    chroot "$1" useradd --create-home --shell /bin/bash dev
}
declare -A machines=()
inside() {
    local name=$1
    shift
    if [[ -z ${machines[$name]-} ]]; then
        unshare --mount --pid --fork --kill-child --propagation private sh -ec "$boot" boot "$place/$name" "${sockets[@]}" &
        await 20 test -e "$name/run/booted"
        machines[$name]=$(pgrep -P $!)
    fi
    nsenter --target "${machines[$name]}" --mount --pid --root --wd env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

begins() { here=$1 typed=() began=${EPOCHREALTIME//[.,]/}; }
types() {
    note "newcomer, $1: $2"
    typed+=("$2")
    run inside "$here" runuser --login "$1" --command "$2"
}
counts() {
    typed+=("$1")
    "${@:2}"
}
reached() {
    local seconds=$(((${EPOCHREALTIME//[.,]/} - began) / 100000))
    printf '# newcomer, %s: %s, %d.%d s\n' "$1" "$(if [[ ${#typed[@]} == 1 ]]; then echo 1 command; else echo "${#typed[@]} commands"; fi)" \
        $((seconds / 10)) $((seconds % 10)) >>"$work/newcomer"
    printf '#     %s\n' "${typed[@]}" >>"$work/newcomer"
}
figures() { cat "$work/newcomer" 2>/dev/null; rm -f "$work/newcomer"; }
