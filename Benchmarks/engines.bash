# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# Two engines, projects to build on them, and words that make a timed command work there. Benchmarks/run reads this.

# use ENGINE: sets docker_host, docker_config and engine_docker.
use() {
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER
    eval "$("$engines" env "$1")"
    docker_host=$DOCKER_HOST docker_config=$DOCKER_CONFIG engine_docker=$ENGINE_DOCKER
}

# project FOLDER LINE...: a build context in a repository. Does not need git.
project() {
    local folder=$1
    shift
    mkdir -p "$folder"/.git/{objects,refs/heads}
    echo 'ref: refs/heads/main' >"$folder/.git/HEAD"
    printf '%s\n' '[core]' '	repositoryformatversion = 0' '	bare = false' \
        '[remote "origin"]' "	url = https://git.example/$folder.git" >"$folder/.git/config"
    printf '%s\n' "$@" >"$folder/Dockerfile"
    echo hello >"$folder/greeting"
}

# The words before a timed command that make it use an engine, through the shim or directly.
through() {
    use "$1"
    words=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$docker_config"
        PATH="$temp/shim:$(dirname "$engine_docker"):$PATH" "$shim")
}
past() {
    use "$1"
    words=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$docker_config" "$engine_docker")
}
# Through the shim to the stand-in, which only pretends to be docker.
pretending() {
    use "$1"
    words=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$docker_config" PATH="$temp/shim:$temp/real:$PATH" "$shim")
}

# built HOW ENGINE PROJECT: builds, once; sets seconds. Its progress is in the file "log".
built() {
    local words
    "$1" "$2"
    : >log
    SECONDS=0
    env "${words[@]}" build --progress=plain -t "bench-$3" "$3" >log 2>&1 ||
        { tail -n 20 log >&2; die "building $3 on $2 failed"; }
    seconds=$SECONDS
}
cached_steps() { grep -cE '^#[0-9]+ CACHED' log || true; }

# arguments ENGINE PROJECT: the arguments that the shim gives to docker for a build, one per line.
arguments() {
    local words
    pretending "$1"
    env SHOW_ARGUMENTS=1 "${words[@]}" build -t "bench-$2" "$2"
}

# Waits until no background process of a build is running.
until_rested() { ./prepare rested-all; }

# The script to run before each timed build, with the name of what is timed. It is a script because the launcher needs
# a program.
write_prepare() {
    local words
    past second
    {
        printf '#!%s\n' "$(command -v bash)"
        printf 'cd %q\nsecond() { env %s "$@" >>log 2>&1; }\n' "$temp" "$(printf '%q ' "${words[@]}")"
        pretending second
        printf 'ask() { env SHOW_ARGUMENTS=1 %s "$@"; }\n' "$(printf '%q ' "${words[@]}")"
        printf 'shim=%q\n' "$shim"
        cat <<'END'
# What the build before has left behind records its tree: of 100,000 files that takes seconds.
at_rest() { for program in /proc/[0-9]*/exe; do [[ ! $program -ef $shim ]] || return 1; done; }
set -e
case $1 in
    second*)
        # Without the rmi the image keeps its layers, and they would be found again.
        : >log
        for image in bench-small bench-large bench-layers; do second rmi -f "$image" || true; done
        second builder prune -af
        if [[ $1 == *large* ]]; then
            sync # the disk is not still at the last round's work
            sleep 2
        fi
        # By hand: exactly what the shim would add just now, to an export directory of its own.
        project=${1#second-} project=${project%-hand}
        if [[ $1 == *hand ]]; then ask build -t "bench-$project" "$project" >words; fi
        ;;
    # Not deleted: ext4 gives the inode of a deleted file to nobody for seconds, and looking for another takes time.
    decide-none*)
        until at_rest; do sleep 0.02; done
        [[ ! -e store/none ]] || mv -T store/none "$(mktemp -d used/XXXXXXXXXX)"
        ;;
    rested-*) until at_rest; do sleep 0.02; done ;;
    decide-*)
        # It publishes the union, too.
        until at_rest; do sleep 0.02; done
        # Exports that never came, because the stand-in builds nothing.
        for export in "store/${1#decide-}"/v1/u*/gen-*/exports/*/*/; do
            [[ -e $export/index.json ]] || mv "$export" "$(mktemp -d used/XXXXXXXXXX)"
        done
        # What the round before has merged is to be merged again.
        if [[ -d store/${1#decide-}.unions ]]; then cp -a "store/${1#decide-}.unions/." "store/${1#decide-}"; fi
        ;;
    *) exit ;;
esac
[[ $1 != second* ]] || sleep 0.5 # the engine ends what it began
END
    } >prepare
    past second
    {
        printf '#!%s\n' "$(command -v bash)"
        # shellcheck disable=SC2016 # for that bash
        printf 'mapfile -t words <words\nexec env %s "${words[@]}"\n' "$(printf '%q ' "${words[@]}")"
    } >by-hand
    chmod +x prepare by-hand
}

start_engines() {
    # The default reserve would disable exports on a small disk.
    export SLIPWAY_STORE_MIN_FREE=256MB
    say 'starting two engines'
    local name
    for name in home second; do
        started+=("$name")
        "$engines" start "$name" sid containerd >/dev/null
    done
    "$engines" image home second
    project small 'FROM slipway/base:1' 'COPY greeting /' \
        'RUN sleep 5 && head -c 2000000 /dev/urandom >/1' 'RUN sleep 5 && head -c 2000000 /dev/urandom >/2' \
        'RUN sleep 5 && head -c 2000000 /dev/urandom >/3' 'RUN sleep 5 && head -c 2000000 /dev/urandom >/4'
    write_prepare
}
