#!/usr/bin/env bash
# Nobody can tell that the shim was there: docker and its callers get the same as without the shim, except for the
# options that the shim adds to a build, and the lease that it leaves open.

# shellcheck disable=SC2016,SC2119 # programs for other interpreters stand in quotes; functions with optional words
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine g sid classic

# -- Stand-ins for docker ---------------------------------------------------------------------------------------------

fakes=$work/transparency
mkdir -p "$fakes"/{record,mark}
# Records the descriptors that it inherited. What docker is given besides: Tests/Processes.
cat >"$fakes/record/docker" <<'SCRIPT'
#!/bin/bash
if [[ $* == --version ]]; then echo "Docker version 28.5.2, build 0000000"; exit; fi
ls -l /proc/$$/fd >"$RECORD.descriptors"
SCRIPT
cat >"$fakes/mark/docker" <<'SCRIPT'
#!/bin/sh
echo "marked $0"
SCRIPT
chmod 755 "$fakes"/*/docker

# faked NAME [VAR=VALUE...] COMMAND...: with the shim before a stand-in
faked() {
    local name=$1
    shift
    note "$ faked $name $*"
    $become env -i HOME="$home" RECORD="$place/record" SLIPWAY_STORE="$store" PATH="$work/bin:$fakes/$name:/usr/bin:/bin" "$@"
}

# The recorder's descriptors besides the caller's: "NUMBER TARGET". Bash keeps its script open as 255.
extra_descriptors() {
    sed -nE 's/.* ([0-9]+) -> (.*)$/\1 \2/p' "$place/record.descriptors" | grep -v '^255 ' | sort -n >"$place/got"
}
same() { diff "$1" "$2" || fail "$1 and $2 differ"; }

# -- How a build is called --------------------------------------------------------------------------------------------

# The signals that a process inherited blocked. Go blocks all signals except for those that the program requests in one
# thread (os/signal, ensureSigM), the first or another: a signal that is blocked in all threads was inherited.
blocked_everywhere() {
    local mask blocked=-1
    while read -r _ mask; do blocked=$((blocked & 16#$mask)); done < <(grep -h '^SigBlk:' /proc/"$1"/task/*/status)
    expect [ "$blocked" != -1 ]
    printf 'blocked: %016x\n' "$blocked"
}

# docker itself, in the middle of a build.
in_a_build() {
    local way
    mkdir -p app
    printf 'FROM slipway/base:1\nRUN sleep 4 # %s\n' "$(unique)" >app/Dockerfile
    for way in direct on; do
        (
            umask 027
            trap '' HUP
            cd app
            become="exec"
            "$way" a bash -c 'exec -a "an odd name" docker build --no-cache .'
        ) >"$place/$way.stdout" 2>"$place/$way.stderr" &
        pid=$!
        until grep -q 'RUN sleep' "$place/$way.stderr"; do sleep 0.1; done
        expect_equal "$(readlink "/proc/$pid/exe")" "$(docker_of a)"
        expect_equal "$(tr '\0' '\n' <"/proc/$pid/cmdline" | head -n 1)" "an odd name"
        {
            readlink "/proc/$pid/cwd"
            grep -E '^(Umask|SigIgn|SigCgt):' "/proc/$pid/status"
            blocked_everywhere "$pid"
            tr '\0' '\n' <"/proc/$pid/environ" | grep -vE '^(SLIPWAY_|PATH=)'
        } >"$place/seen-$way"
        wait "$pid"
    done
    same "$place/seen-direct" "$place/seen-on"
}
turn_case 10 "the real docker of a build is the process that was called" in_a_build

# -- Descriptors 0 to 2 closed ----------------------------------------------------------------------------------------

closed() {
    project app
    run on a docker build --tag app app
    local number way shim_code direct_code
    for number in 0 1 2; do
        for way in direct on; do
            code=0
            case $number in
                0) "$way" a docker build --tag app app <&- >"$place/$way.1" 2>"$place/$way.2" || code=$? ;;
                1) "$way" a docker build --tag app app >&- 2>"$place/$way.2" || code=$? ;;
                2) "$way" a docker build --tag app app 2>&- >"$place/$way.1" || code=$? ;;
            esac
            if [[ $way == on ]]; then shim_code=$code; else direct_code=$code; fi
            note "= $code with $number closed"
        done
        expect_equal "$shim_code" "$direct_code" "status with descriptor $number closed"
        # docker's own files may get that number; the lease, the journal and the store's files must not.
        unique >app/new # a build without changes takes no lease
        on a PATH="$work/bin:$fakes/record:/usr/bin:/bin" RECORD="$place/record" \
            bash -c "exec docker build --tag app app $number>&-"
        extra_descriptors
        expect_not grep -q "^[0-9] .*/\(lease\|journal.*\|index.json\)$" "$place/got"
        grep -q '^[1-9][0-9]* .*/lease$' "$place/got"
    done
    on a bash -c 'exec docker build --tag app app <&- >&- 2>&-' || true
    while read -r export; do jq -e .manifests "$export/index.json" >/dev/null; done < <(exports)
    await 60 flock --exclusive --nonblock "$store/v1/u0/gen-000001/lease" true
    run on a docker build --tag app app
}
turn_case 10 "with a standard descriptor closed, none of the shim's files gets its number" closed

# -- Contexts ---------------------------------------------------------------------------------------------------------

stdin_dockerfile() {
    printf 'FROM slipway/base:1\nRUN echo %s >/word\n' "$(unique)" >Dockerfile
    on a docker build --tag app - <Dockerfile >"$place/1" 2>"$place/2"
    expect_notes SLP002
    forget_app
    on a docker build --tag app - <Dockerfile >"$place/1" 2>"$place/2"
    expect_cached_in "$place/2"
    run on g docker build --tag app - <Dockerfile
    expect_notes SLP001
}
# `forget` does not work with an engine that has only dangling images.
forget_app() {
    direct a docker rmi --force app >/dev/null 2>&1 || true
    direct a docker builder prune --all --force >/dev/null
}
expect_cached_in() {
    # shellcheck disable=SC2034 # of the harness
    stderr=$1
    sed 's/^/| /' "$1"
    expect_cached all
}
test_case "a Dockerfile on standard input is built and shared" stdin_dockerfile

stdin_archive() {
    project app
    tar -C app -cf app.tar Dockerfile input.txt
    on a docker build --tag app - <app.tar >"$place/1" 2>"$place/2"
    forget_app
    on a docker build --tag app - <app.tar >"$place/1" 2>"$place/2"
    expect_cached_in "$place/2"
    # Through a slow pipe, so that reading ahead would be noticed.
    forget_app
    { head -c 700 app.tar && sleep 1 && tail -c +701 app.tar; } | on a docker build --tag app - >"$place/1" 2>"$place/2"
    expect_cached_in "$place/2"
    direct a docker run --rm app cat /input.txt | cmp - app/input.txt
}
turn_case 10 "a tar archive on standard input is built and shared" stdin_archive

dash_f() {
    project app
    mv app/Dockerfile .
    on a docker build --tag app --file - app <Dockerfile >"$place/1" 2>"$place/2"
    forget_app
    on a docker build --tag app -f- app <Dockerfile >"$place/1" 2>"$place/2"
    expect_cached_in "$place/2"
    direct a docker run --rm app cat /input.txt | cmp - app/input.txt
}
turn_case 10 "-f - reads the Dockerfile from standard input" dash_f

payload() {
    head -c 1048576 /dev/urandom >payload
    local sum
    sum=$(sha256sum <payload)
    expect_equal "$(on a docker run --rm -i slipway/base:1 sha256sum <payload)" "$sum"
    # shellcheck disable=SC2002 # a pipe on purpose
    expect_equal "$(cat payload | on a docker run --rm -i slipway/base:1 sha256sum)" "$sum"
    on a docker run --rm -i slipway/base:1 cat <payload >copy
    same payload copy
    expect_equal "$(printf 'x\n' | on a docker run --rm -i slipway/base:1 sh -c 'read -r a; echo $a; cat')" x
}
test_case "a payload piped into docker run -i arrives in full" payload

# -- What a build gives back ------------------------------------------------------------------------------------------

# prepared: `app` built directly, so that both ways find the same layers in the engine.
prepared() {
    project app
    run direct a docker build --provenance=false --tag app app
    # And in the store: the next build through the shim imports and exports.
    run on a docker build --provenance=false --tag app app
}
# gives NAME ARGUMENT...: the same build with and without the shim; OUT in an argument is a separate path for each.
gives() {
    local way argument name=$1
    local -a arguments
    shift
    for way in direct on; do
        mkdir -p "$place/$way"
        arguments=()
        for argument; do arguments+=("${argument//OUT/$place/$way/$name}"); done
        code=0
        "$way" a SOURCE_DATE_EPOCH=1700000000 docker build "${arguments[@]}" app >"$place/$way/$name.stdout" 2>"$place/$way/$name.stderr" || code=$?
        sed 's/^/| /' "$place/$way/$name.stderr"
        expect_code 0
    done
    # An output option does not prevent our options: they were added.
    expect injected
    cmp "$place/direct/$name.stdout" "$place/on/$name.stdout" || fail "stdout differs: $*"
}
tree() { (cd "$1" && find . -mindepth 1 -printf '%P|%y|%m|%s|%l|%T@\n' | sort && find . -type f -exec sha256sum {} + | sort -k 2); }
# Digests in an archive of images: those of its indexes' entries.
digests() { tar -xOf "$1" index.json | jq -S '.manifests | map(.digest)'; }

outputs() {
    prepared
    gives image --provenance=false --tag app
    gives quiet --provenance=false --tag app --quiet
    expect grep -qxE 'sha256:[0-9a-f]{64}' "$place/on/quiet.stdout"
    expect_equal "$(wc -c <"$place/on/quiet.stdout")" 72
    expect [ ! -s "$place/on/quiet.stderr" ]
    gives iid --provenance=false --tag app --iidfile OUT
    same "$place/direct/iid" "$place/on/iid"
    gives local --output type=local,dest=OUT
    tree "$place/direct/local" >"$place/1" && tree "$place/on/local" >"$place/2"
    same "$place/1" "$place/2"
    gives short -o OUT
    tree "$place/on/short" >"$place/2"
    same "$place/1" "$place/2"
    gives tar --output type=tar,dest=OUT
    cmp "$place/direct/tar" "$place/on/tar"
    gives tarout --output type=tar,dest=-
    expect [ -s "$place/on/tarout.stdout" ]
    gives dash -o -
    gives oci --provenance=false --output type=oci,dest=OUT,rewrite-timestamp=true
    digests "$place/direct/oci" >"$place/1" && digests "$place/on/oci" >"$place/2"
    same "$place/1" "$place/2"
    gives ociout --provenance=false --output type=oci
    gives docker --provenance=false --output type=docker,dest=OUT
    digests "$place/direct/docker" >"$place/1" && digests "$place/on/docker" >"$place/2"
    same "$place/1" "$place/2"
    gives load --provenance=false --load --tag app
    gives named --provenance=false --output type=image,name=app
    gives nothing --output type=cacheonly
    gives raw --provenance=false --progress=rawjson --tag app
    gives target --provenance=false --output type=local,dest=OUT --output type=tar,dest=OUT.tar
    cmp "$place/direct/target.tar" "$place/on/target.tar"
}
turn_case 10 "every output of a build is the same as without the shim" outputs

imported_outputs() {
    project app
    run direct a docker build --output type=tar,dest=first.tar app
    run on a docker build --tag app app
    forget_app
    run on a docker build --output type=tar,dest=second.tar app
    expect_notes SLP001
    expect_cached all
    mkdir first second
    tar -C first -xf first.tar
    tar -C second -xf second.tar
    # Except for times: those of a layer are whole seconds, and a RUN leaves traces in /etc that no layer keeps.
    tree first | sed -E 's/\|[0-9]+\.[0-9]+$//' >first.tree
    tree second | sed -E 's/\|[0-9]+\.[0-9]+$//' >second.tree
    same first.tree second.tree
}
turn_case 10 "an output of imported layers equals what was built" imported_outputs

metadata() {
    prepared
    gives metadata --provenance=false --tag app --metadata-file OUT
    jq -S 'del(."buildx.build.ref")' "$place/direct/metadata" >"$place/1"
    jq -S 'del(."buildx.build.ref", ."cache.manifest")' "$place/on/metadata" >"$place/2"
    same "$place/1" "$place/2"
    expect jq -e 'has("cache.manifest")' "$place/on/metadata"
    expect_not jq -e 'has("cache.manifest")' "$place/direct/metadata"
}
turn_case 10 "--metadata-file differs only in the key cache.manifest" metadata

classic_outputs() {
    project app
    run direct g docker build --tag app app
    run on g docker build --tag app --iidfile two app
    run direct g docker build --tag app --iidfile one app
    same one two
    run on g docker build -q app
    expect_equal "$(cat "$stdout")" "$(cat one)"
    run on g docker build --metadata-file two app
    run direct g docker build --metadata-file one app
    same <(jq 'del(."buildx.build.ref")|keys' one) <(jq 'del(."buildx.build.ref")|keys' two)
}
turn_case 10 "outputs of the classic store are the same as without the shim" classic_outputs

# -- How docker ends --------------------------------------------------------------------------------------------------

ends() {
    local wanted
    try direct a "$@"
    wanted=$code
    cp "$stdout" "$place/wanted.stdout" && cp "$stderr" "$place/wanted.stderr"
    try on a "$@"
    expect_equal "$code" "$wanted" "status of $*"
    cmp "$stdout" "$place/wanted.stdout"
    [[ $1 == docker && ${2-} == build ]] || cmp "$stderr" "$place/wanted.stderr"
}
exit_codes() {
    local number
    for number in 0 1 2 42 125 126 127 130 137 143 255; do
        [[ $number == 255 ]] || turn 3 || continue
        ends docker run --rm slipway/base:1 sh -c "exit $number"
    done
    expect_code 255
    ends docker run --rm slipway/base:1 /etc/passwd
    expect_code 126
    ends docker run --rm slipway/base:1 /no/such/program
    expect_code 127
    ends docker run --no-such-flag
    expect_code 125
    ends docker no-such-command
    ends docker --no-such-flag
    ends docker
    ends docker inspect no-such-thing
    ends docker build --no-such-flag .
    ends docker build
    ends docker build /no/such/folder
    mkdir app
    printf 'FROM slipway/base:1\nRUN exit 42\n' >app/Dockerfile
    ends docker build app
    expect_code 1
    echo 'NONSENSE' >app/Dockerfile
    ends docker build app
    rm app/Dockerfile
    ends docker build app
    ends docker build --builder no-such-builder .
    ends docker --context no-such-context build .
    ends docker -H unix:///no/such/socket build .
    ends env DOCKER_BUILDKIT=maybe docker build .
}
turn_case 3 "exit codes and error messages are docker's" exit_codes

# Members of a process group that are still alive.
members() {
    local stat text
    for stat in /proc/[0-9]*/stat; do
        read -r text <"$stat" || continue
        # shellcheck disable=SC2086 # fields
        set -- ${text##*) }
        [[ $3 != "$1" ]] || echo "$stat"
        [[ $3 != "$group" || $1 == Z ]] || echo "${stat//[^0-9]/}"
    done 2>/dev/null
}
interrupted_build() {
    local way group step
    mkdir app
    for way in direct on; do
        step="sleep 300; : $(unique)" # so that the shell stays, and its words with it
        printf 'FROM slipway/base:1\nRUN %s\n' "$step" >app/Dockerfile
        start "$way" "$way" a setsid --wait docker build --tag app app
        # setsid forks unless it leads no group; docker leads the new one either way.
        await 60 pgrep -f "$step"
        group=$(of_session "$pid")
        kill -INT -- "-$group"
        finish "$way"
        echo "$code" >"$place/code-$way"
        expect_equal "$(members)" "" "processes left"
    done
    same "$place/code-direct" "$place/code-on"
    expect_equal "$(cat "$place/code-on")" 130
    await 60 flock --exclusive --nonblock "$store/v1/u0/gen-000001/lease" true
    # The same name builds immediately afterwards.
    printf 'FROM slipway/base:1\nRUN echo %s\n' "$(unique)" >app/Dockerfile
    run on a docker build --tag app app
}
# The process group of PID, or of its child if PID is a setsid that had to fork.
of_session() {
    local child
    read -r child <"/proc/$1/task/$1/children" || true
    if [[ $(readlink "/proc/$1/exe") == */setsid && -n $child ]]; then echo "${child%% *}"; else echo "$1"; fi
}
test_case "Ctrl-C ends a build as without the shim, and nothing is left" interrupted_build

signals_to_run() {
    local way signal
    for signal in INT TERM HUP QUIT; do
        for way in direct on; do
            start "$way" "$way" a docker run --rm slipway/base:1 sh -c 'trap "echo got; exit 9" INT TERM HUP QUIT; echo ready; while :; do sleep 0.1; done'
            await 60 grep -q ready "$place/$way.stdout"
            kill "-$signal" "$pid"
            finish "$way"
            echo "$signal $code $(cat "$stdout")" >>"$place/ended-$way"
        done
    done
    same "$place/ended-direct" "$place/ended-on"
    expect_equal "$(grep -c ' 9 ready$' "$place/ended-on")" 4 "signals that the container obeyed"
}
turn_case 10 "signals reach what docker runs" signals_to_run

terminal() {
    local way
    for way in direct on; do
        code=0
        TERM=dumb "$way" a script -qec 'stty cols 91 rows 33; docker run --rm -it slipway/base:1 sh -c "tty; stty size; exit 7"' /dev/null \
            </dev/null >"$place/$way.typescript" || code=$?
        echo "status $code" >>"$place/$way.typescript"
        code=0
        "$way" a script -qec 'docker run --rm -t slipway/base:1 ls /; docker ps' /dev/null </dev/null >>"$place/$way.typescript" || code=$?
        echo "status $code" >>"$place/$way.typescript"
    done
    same "$place/direct.typescript" "$place/on.typescript"
    expect grep -q 'status 7' "$place/on.typescript"
    expect grep -q '33 91' "$place/on.typescript"
}
turn_case 3 "a terminal is as without the shim" terminal

# -- Programs that docker starts --------------------------------------------------------------------------------------

# A registry that only asks for credentials; prints its port.
registry='
use IO::Socket::INET;
my $server = IO::Socket::INET->new(Listen => 20, LocalAddr => "127.0.0.1", ReuseAddr => 1) or die $!;
$| = 1;
print $server->sockport, "\n";
$SIG{PIPE} = "IGNORE";
while (my $client = $server->accept) {
    while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/ }
    print $client "HTTP/1.1 401 Unauthorized\r\nDocker-Distribution-Api-Version: registry/2.0\r\n",
        "WWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    close $client;
}'
# A credential helper that leaves a process behind.
helper='#!/bin/bash
ls -l /proc/$$/fd >"$WHERE/helper.descriptors"
setsid sleep 300 </dev/null >/dev/null 2>&1 &
echo $! >"$WHERE/daemon"
cat >/dev/null
echo "{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"s\"}"'

credential_helper() {
    local port daemon
    project app
    run on a docker build --tag app app # so that there is a lease
    perl -e "$registry" >"$place/port" &
    await 30 test -s "$place/port"
    port=$(cat "$place/port")
    mkdir programs
    echo "$helper" >programs/docker-credential-lasting
    chmod 755 programs/docker-credential-lasting
    private_config a config
    echo '{"credsStore": "lasting"}' >config/config.json
    printf 'FROM 127.0.0.1:%s/no/image\n' "$port" >app/Dockerfile
    try on a PATH="$work/bin:$(dirname "$(docker_of a)"):$place/programs:/usr/bin:/bin" DOCKER_CONFIG="$place/config" WHERE="$place" \
        docker build --tag app app
    expect_code 1
    daemon=$(cat daemon)
    cat helper.descriptors
    ls -l "/proc/$daemon/fd"
    # Go closes only what it has opened itself; it passes on what it inherited. So the helper and the process that it
    # leaves also hold the lease: trimming leaves the generation alone as long as they live, and there is no other
    # effect.
    expect_equal "$(find "/proc/$daemon/fd" -lname '*/lease' | wc -l)" 1 "leases of the daemon"
    expect_not flock --exclusive --nonblock "$store/v1/u0/gen-000001/lease" true
    expect flock --shared --nonblock "$store/v1/u0/gen-000001/lease" true
    git -C app checkout --quiet Dockerfile
    forget_app
    run on a docker build --tag app app
    expect_cached all
    kill "$daemon"
    await 30 test ! -e "/proc/$daemon/fd/0"
    await 60 flock --exclusive --nonblock "$store/v1/u0/gen-000001/lease" true
}
turn_case 10 "a credential helper that keeps running holds the lease until it ends, and no longer" credential_helper

without_a_build() {
    mkdir programs
    echo "$helper" >programs/docker-credential-lasting
    chmod 755 programs/docker-credential-lasting
    private_config a config
    echo '{"credsStore": "lasting"}' >config/config.json
    try on a PATH="$work/bin:$(dirname "$(docker_of a)"):$place/programs:/usr/bin:/bin" DOCKER_CONFIG="$place/config" WHERE="$place" \
        docker pull 127.0.0.1:1/no/image
    expect_code 1
    cat helper.descriptors
    expect_not grep -q lease helper.descriptors
    expect_equal "$(find "/proc/$(cat daemon)/fd" -lname '*/lease' | wc -l)" 0
    kill "$(cat daemon)"
}
test_case "a credential helper of another command holds nothing" without_a_build

# -- Which docker -----------------------------------------------------------------------------------------------------

# A wrapper that adds something to a build: it is edited once.
wrapped_build() {
    project app
    mkdir w
    printf '#!/bin/sh\nPATH=%s:%s:/usr/bin:/bin exec docker "$@" --label wrapped=1\n' "$work/bin" "$(dirname "$(docker_of a)")" >w/docker
    chmod 755 w/docker
    run on a PATH="$work/bin:$place/w:$(dirname "$(docker_of a)"):/usr/bin:/bin" docker build --tag app app
    expect_equal "$(direct a docker image inspect --format '{{.Config.Labels.wrapped}}' app)" 1
    expect_equal "$(exports | wc -l)" 1 exports
    forget_app
    unique >app/new
    run on a PATH="$work/bin:$place/w:$(dirname "$(docker_of a)"):/usr/bin:/bin" docker build --tag app app
    expect_cached all
    expect_equal "$(exports | wc -l)" 2 exports
}
turn_case 3 "a build through a wrapper and two shims is edited once" wrapped_build

# -- Unusual environments
# ---------------------------------------------------------------------------------------------

no_proc() {
    project app
    # shellcheck disable=SC2016 # for sh
    local hidden=(unshare --mount sh -ec 'mount -t tmpfs tmpfs /proc; exec "$@"' sh)
    try faked mark "${hidden[@]}" docker ps
    expect_code 0
    expect_equal "$(cat "$stdout")" "marked $fakes/mark/docker"
    run on a "${hidden[@]}" docker build --tag app app
    forget_app
    run on a "${hidden[@]}" docker build --tag app app
    expect_cached all
}
turn_case 3 "without /proc" no_proc

deleted_folder() {
    project app
    mkdir gone && cd gone && rmdir ../gone
    ends docker ps
    ends docker build "$place/app"
    ends docker build .
}
turn_case 3 "from a directory that no longer exists" deleted_folder

# -- System limits
# ------------------------------------------------------------------------------------------------------

# The longest command line with which docker can be called at all leaves no space for our options, and docker calls
# its plugin with more variables than it got itself.
longest_line() {
    project app
    run on a docker build -t app app
    # The arguments are made where docker is called, so that nothing before has to pass them.
    cat >call <<'CALL'
words=()
for ((word = 0; word < 17; word++)); do words+=(--build-arg "A$word=$(head -c 120000 /dev/zero | tr '\0' x)"); done
exec docker build "$1" -q app "${words[@]}" --build-arg "B=$(head -c "$2" /dev/zero | tr '\0' x)"
CALL
    local least=0 most=130000 middle
    while ((most - least > 1)); do
        middle=$(((least + most) / 2))
        try on a SLIPWAY=off bash call --load $middle
        if [[ $code == 0 ]]; then least=$middle; else most=$middle; fi
    done
    [[ $least -gt 1000 && $most -lt 130000 ]] || fail "the limit is not there: $least to $most"
    local before
    await 60 at_rest
    before=$(find "$store" | sort)
    for middle in 20 100 300 600 2000; do
        run on a bash call --load $((least - middle))
        expect_notes SLP117
    done
    expect_equal "$(find "$store" | sort)" "$before" "the store"
    run on a bash call --load $((least - 16000))
    expect injected
}
turn_case 10 "a command line so long that nothing can be added" longest_line

# A process that writes beyond such a limit is killed: neither the shim nor the export may be.
limited_files() {
    project app
    local most words without
    for most in 0 100 40000; do
        for words in "build -q app" "run --rm -v /tmp:/x slipway/base:1 true"; do
            try direct a bash -c "ulimit -f $most; exec docker $words"
            without=$code
            try on a bash -c "ulimit -f $most; exec docker $words"
            expect_code "$without"
        done
        expect_equal "$(exports 2>/dev/null)" "" "exports"
    done
    expect_equal "$code" 0 "with the largest limit"
    run on a bash -c "ulimit -f 40000; exec docker build -q app"
    expect_notes SLP116
}
turn_case 10 "files whose size is limited" limited_files
