#!/usr/bin/env bash
# Nobody can tell that the shim was there: docker and its callers get the same as without the shim, except for the
# options that the shim adds to a build, and the lease that it leaves open.

# shellcheck disable=SC2016,SC2119 # programs for other interpreters stand in quotes; functions with optional words
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine g sid classic

# -- Stand-ins for docker ---------------------------------------------------------------------------------------------

fakes=$work/transparency
mkdir -p "$fakes"/{sleep,printf,record,mark}
# Programs under another name: the kernel passes their arguments, with nothing in between.
install -m 755 "$(type -P sleep)" "$fakes/sleep/docker"     # keeps running, and can be inspected
install -m 755 "$(type -P printf)" "$fakes/printf/docker"   # its own exit code and output
# Records its arguments (after the interpreter's path and its own), then what it inherited.
cat >"$fakes/record/docker" <<'SCRIPT'
#!/bin/bash
if [[ $* == --version ]]; then echo "Docker version 28.5.2, build 0000000"; exit; fi
cp /proc/$$/cmdline "$RECORD"
cp /proc/$$/environ "$RECORD.environ"
ls -l /proc/$$/fd >"$RECORD.descriptors"
SCRIPT
cat >"$fakes/mark/docker" <<'SCRIPT'
#!/bin/sh
echo "marked $0"
SCRIPT
chmod 755 "$fakes"/*/docker

# faked NAME [VAR=VALUE...] COMMAND...: with the shim before a stand-in; plain: the stand-in alone.
faked() {
    local name=$1
    shift
    note "$ faked $name $*"
    $become env -i HOME="$home" RECORD="$place/record" SLIPWAY_STORE="$store" PATH="$work/bin:$fakes/$name:/usr/bin:/bin" "$@"
}
plain() {
    local name=$1
    shift
    note "$ plain $name $*"
    $become env -i HOME="$home" RECORD="$place/record" PATH="$fakes/$name:/usr/bin:/bin" "$@"
}

# words WORD...: NUL-terminated.
words() { [[ $# == 0 ]] || printf '%s\0' "$@"; }
# The arguments with which the recorder was called.
recorded() { tail -z -n +3 "$place/record"; }

# execve FILE ARGV ENVIRONMENT [root=DIR] [block=NUMBER] [ignore=NAME]: ARGV and ENVIRONMENT are files of NUL-terminated
# words, which may be ones that no shell can write.
cat >"$fakes/execve.pl" <<'PERL'
use strict;
use POSIX ();
sub words {
    open my $in, '<', $_[0] or die "$_[0]: $!";
    local $/;
    my @words = split /\0/, <$in> // '', -1;
    pop @words;
    return @words;
}
my $file = shift @ARGV;
my @argv = words(shift @ARGV);
my @environment = words(shift @ARGV);
my $number = (POSIX::uname())[4] eq 'x86_64' ? 59 : 221;
for (@ARGV) {
    if (/^root=(.*)/) { chroot $1 and chdir '/' or die $! }
    if (/^block=(.*)/) { POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new($1)) or die $! }
    if (/^ignore=(.*)/) { $SIG{$1} = 'IGNORE' }
}
my $vector = pack 'p*', @argv, undef;
my $variables = pack 'p*', @environment, undef;
syscall $number, $file, $vector, $variables;
die "$file: $!";
PERL
execve() { $become perl "$fakes/execve.pl" "$@"; }

# has_become FAKE: whether $pid is the stand-in.
has_become() { [[ $(readlink "/proc/$pid/exe") == "$fakes/$1/docker" ]]; }

descriptors() {
    local descriptor
    for descriptor in /proc/"$1"/fd/*; do
        descriptor=${descriptor##*/}
        echo "$descriptor $(readlink "/proc/$1/fd/$descriptor") $(sed -n 's/^flags:[[:space:]]*//p' "/proc/$1/fdinfo/$descriptor")"
    done
}

# What a process inherited from its caller, as text; without the environment.
inherited() {
    od -An -v -c "/proc/$1/cmdline"
    descriptors "$1"
    readlink "/proc/$1/cwd" "/proc/$1/root"
    grep -E '^(Umask|SigPnd|ShdPnd|SigBlk|SigIgn|NoNewPrivs|Uid|Gid|Groups|CapEff):' "/proc/$1/status"
    cat "/proc/$1/limits" "/proc/$1/oom_score_adj" "/proc/$1/personality"
    cut -d ' ' -f 5-7 "/proc/$1/stat" # process group, session, terminal
}

same() { diff "$1" "$2" || fail "$1 and $2 differ"; }

# -- What docker is given ---------------------------------------------------------------------------------------------

# A caller with unusual descriptors, umask, signals and name, and what docker inherits from it.
odd_caller() {
    local way=$1
    mkdir -p "$place/cwd"
    (
        cd "$place/cwd"
        umask 0127
        ulimit -n 400
        trap '' INT HUP
        exec 7<"$work/bin/slipway" 10</etc/passwd 11>>"$place/eleven" 64<>"$place/sixty-four"
        exec 3<&- 4<&- 5<&- 6<&-
        become="exec"
        "$way" sleep bash -c 'exec -a "an odd name" docker infinity'
    ) <"$work/bin/docker" >>"$place/one" 2>>"$place/two" &
    pid=$!
    await 10 has_become sleep
    inherited "$pid" | grep -v '^[[:space:]]*255 ' >"$place/$way"
    kill "$pid"
}
inherits() {
    odd_caller plain
    odd_caller faked
    same "$place/plain" "$place/faked"
    grep -q '^64 ' "$place/faked"
    grep -q 'SigIgn:.*[1-9a-f]' "$place/faked"
}
test_case "descriptors, umask, limits, ignored signals, working directory and argv[0] are the caller's" inherits

blocked_signals() {
    local way
    words docker infinity >"$place/argv"
    for way in plain faked; do
        words "PATH=$fakes/sleep:/usr/bin" "HOME=$home" >"$place/environment"
        local file=$fakes/sleep/docker
        [[ $way == plain ]] || file=$work/bin/docker
        start "$way" execve "$file" "$place/argv" "$place/environment" block=10 block=15 block=1 ignore=INT ignore=QUIT ignore=PIPE
        await 10 has_become sleep
        grep ^Sig "/proc/$pid/status" >"$place/$way"
        kill -KILL "$pid"
    done
    grep -v '^SigQ' "$place/plain" >"$place/a" && grep -v '^SigQ' "$place/faked" >"$place/b"
    same "$place/a" "$place/b"
    grep -q '^SigBlk:[[:space:]]*0*4201$' "$place/faked"
}
test_case "blocked and ignored signals stay that way, as without the shim" blocked_signals

odd_environment() {
    words "PATH=$fakes/sleep:/usr/bin" "HOME=$home" A=1 A=2 "" "no equals sign" "=empty name" "A=3" $'X=\xff\xfe\n' \
        "LONG=$(printf '%0100000d' 0)" A=1 "PATH=/nowhere" "SLIPWAYS=1" >"$place/environment"
    words docker infinity >"$place/argv"
    start d execve "$work/bin/docker" "$place/argv" "$place/environment"
    await 10 has_become sleep
    cmp "/proc/$pid/environ" "$place/environment"
    kill "$pid"
    : >"$place/environment"
    start none execve "$work/bin/docker" "$place/argv" "$place/environment"
    finish none
    # Without PATH the machine's own docker runs, if there is one, with the same arguments.
    [[ $code == 127 ]] || expect_said "docker infinity"
}
test_case "the environment is byte for byte the caller's: order, duplicates and oddities" odd_environment

# docker gets the caller's own arguments; the word "build" among them makes the shim parse the command.
other_commands() {
    local count=0
    check() {
        words "$@" >"$place/argv"
        words "${with[@]}" "RECORD=$place/record" "PATH=$fakes/record:/usr/bin:/bin" "HOME=$home" "SLIPWAY_STORE=$store" >"$place/environment"
        rm -f "$place/record"
        execve "$work/bin/docker" "$place/argv" "$place/environment" >"$place/o" 2>"$place/e" || fail "status $?: $*"
        recorded | cmp - <(tail -z -n +2 "$place/argv") || fail "not passed on: $*"
        [[ ! -s $place/o && ! -s $place/e ]] || fail "the shim said something: $*"
        count=$((count + 1))
    }
    local with=()
    check docker
    check ''
    check docker ''
    check docker '' '' ''
    check docker --
    check docker -- --
    check docker -- ps --
    check docker ps -- -a --
    check docker run --rm -- app -- build --
    check docker run $'a\nb' $'\xff\xfe' $'\t' '' ' ' '*' "'" '"' "\\"
    check docker $'\xffbuild' .
    check docker $'build\n' .
    check docker run build
    check docker exec -it x docker build .
    check docker compose build
    check docker buildx
    check docker buildx ls
    check docker buildx --builder
    check docker build
    check docker build --
    check docker build --help
    check docker build -h
    check docker build --no-such-flag .
    check docker build --file
    check docker build --tag $'\xff' --no-such-flag '' .
    check docker build . .
    check docker build --check .
    check docker build --call=outline .
    check docker -H
    check docker -H build
    check docker --no-such build .
    check docker image
    check docker image build
    check docker builder
    check docker builder prune -f
    check docker help build
    check docker version build
    check docker run "$(printf '%0120000d' 0)"
    readarray -t many < <(seq 10000)
    check docker run "${many[@]}"
    check docker build --no-such-flag "${many[@]}"
    with=(SLIPWAY=off)
    check docker build .
    check docker buildx build --tag x .
    expect_equal "$count" 42
}
test_case "commands that are not builds are passed on byte for byte" other_commands

# builds COMMAND...: without our options, docker gets what the caller passed.
ours='^--cache-(from|to)=type=local,(src|dest)=[^,]*/store/v1/u0/gen-'
builds() {
    (cd app && run on a PATH="$work/bin:$fakes/record:/usr/bin:/bin" RECORD="$place/record" "$@")
    [[ ! -s $place/stdout && ! -s $place/stderr ]] || fail "the shim said something"
    recorded | LC_ALL=C grep -zvaE "$ours" >"$place/rest" || true
    words "${@:2}" >"$place/argv"
    cmp "$place/argv" "$place/rest" || fail "not the caller's words"
    [[ $(recorded | LC_ALL=C grep -zcaE "$ours") -ge 1 ]] || fail "nothing was added: $(journal)"
}
build_words() {
    project app
    run on a docker build --tag app app
    expect_notes SLP002
    builds docker build .
    builds docker build -t app -- .
    builds docker build . --tag=app -t 'x y' --build-arg $'A=\xff\n' --build-arg 'B=' --label '' -qf Dockerfile
    builds docker buildx build . -t app
    builds docker buildx b .
    builds docker image build .
    builds docker builder build .
    builds docker --log-level=error build .
    builds docker --tls=0 -D -lwarn buildx --builder default build -t app .
    builds docker build --file - .
    builds docker build -
    builds docker build "--build-arg=$(printf '%0100000d' 0)" .
    readarray -t many < <(seq -f '--label=a=%g' 2000)
    builds docker build "${many[@]}" .
    builds docker build --cache-from=type=local,src=/nowhere --cache-from x/y --cache-to=type=inline .
}
test_case "a build's arguments are the caller's and ours" build_words

# The recorder's descriptors besides the caller's: "NUMBER TARGET". Bash keeps its script open as 255.
extra_descriptors() {
    sed -nE 's/.* ([0-9]+) -> (.*)$/\1 \2/p' "$place/record.descriptors" | grep -v '^255 ' | sort -n >"$place/got"
}
build_descriptors() {
    project app
    run on a docker build --tag app app
    local with=("PATH=$work/bin:$fakes/record:/usr/bin:/bin" "RECORD=$place/record")
    (
        # Commands redirected in a loop have the loop's files, and none of the caller's own remain.
        cd app
        on a "${with[@]}" docker build . </etc/passwd >>"$place/one" 2>>"$place/two"
        extra_descriptors
        expect_equal "$(head -n 3 "$place/got")" "0 /etc/passwd"$'\n'"1 $place/one"$'\n'"2 $place/two"
        expect_equal "$(grep -c '/lease$' "$place/got")" 1 leases
        expect [ "$(sed -n 's/ .*lease$//p' "$place/got")" -ge 10 ]
        # As many as the caller has, and the lease.
        grep -v '/lease$' "$place/got" >"$place/of-build"
        on a "${with[@]}" docker ps </etc/passwd >>"$place/one" 2>>"$place/two"
        extra_descriptors
        same "$place/of-build" "$place/got"
        # 10, 11 and 12 are in use.
        on a "${with[@]}" docker build . 10</etc/group 11</etc/hosts 12>>"$place/twelve" </etc/passwd >>"$place/one" 2>>"$place/two"
        extra_descriptors
        grep -qxF '10 /etc/group' "$place/got"
        grep -qxF '11 /etc/hosts' "$place/got"
        grep -qxF "12 $place/twelve" "$place/got"
        expect [ "$(sed -n 's/ .*lease$//p' "$place/got")" -gt 12 ]
    )
    # Only the environment of a script contains what the shim leaves there.
    tr '\0' '\n' <"$place/record.environ" | grep -v ^SLIPWAY_PASSED= >"$place/environ"
    expect_equal "$(sed -n 's/^\(SLIPWAY[^=]*\)=.*/\1/p' "$place/environ" | sort | tr '\n' ' ')" \
        "SLIPWAY_STORE SLIPWAY_STORE_MIN_FREE " "the variables, all of them the caller's"
}
test_case "a build has the caller's descriptors and leases from 10 on" build_descriptors

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
turn_case 3 "the real docker of a build is the process that was called" in_a_build

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
turn_case 3 "with a standard descriptor closed, none of the shim's files gets its number" closed

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
turn_case 3 "a tar archive on standard input is built and shared" stdin_archive

dash_f() {
    project app
    mv app/Dockerfile .
    on a docker build --tag app --file - app <Dockerfile >"$place/1" 2>"$place/2"
    forget_app
    on a docker build --tag app -f- app <Dockerfile >"$place/1" 2>"$place/2"
    expect_cached_in "$place/2"
    direct a docker run --rm app cat /input.txt | cmp - app/input.txt
}
turn_case 3 "-f - reads the Dockerfile from standard input" dash_f

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
turn_case 3 "every output of a build is the same as without the shim" outputs

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
turn_case 3 "an output of imported layers equals what was built" imported_outputs

metadata() {
    prepared
    gives metadata --provenance=false --tag app --metadata-file OUT
    jq -S 'del(."buildx.build.ref")' "$place/direct/metadata" >"$place/1"
    jq -S 'del(."buildx.build.ref", ."cache.manifest")' "$place/on/metadata" >"$place/2"
    same "$place/1" "$place/2"
    expect jq -e 'has("cache.manifest")' "$place/on/metadata"
    expect_not jq -e 'has("cache.manifest")' "$place/direct/metadata"
}
turn_case 3 "--metadata-file differs only in the key cache.manifest" metadata

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
turn_case 3 "outputs of the classic store are the same as without the shim" classic_outputs

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
    local way group
    mkdir app
    for way in direct on; do
        printf 'FROM slipway/base:1\nRUN sleep 300 # %s\n' "$(unique)" >app/Dockerfile
        start "$way" "$way" a setsid --wait docker build --tag app app
        # setsid forks unless it leads no group; docker leads the new one either way.
        await 60 grep -q 'RUN sleep' "$place/$way.stderr"
        sleep 0.5
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
turn_case 3 "signals reach what docker runs" signals_to_run

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
test_case "a terminal is as without the shim" terminal

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
turn_case 3 "a credential helper that keeps running holds the lease until it ends, and no longer" credential_helper

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

# In a namespace in which only a stand-in, or nothing, is called docker in the usual folders.
usual='for folder in /usr/local/sbin /usr/local/bin; do mount -t tmpfs -o mode=755 none "$folder"; done
for file in /usr/sbin/docker /usr/bin/docker /sbin/docker /bin/docker /snap/bin/docker; do [ ! -e "$file" ] || mount --bind /etc/hostname "$file"; done
[ -z "$1" ] || cp "$1" /usr/local/bin/docker
shift; exec "$@"'

# finds WANTED PATH [VAR=VALUE...]: which stand-in runs; WANTED is its folder, or "none".
finds() {
    local wanted=$1 path=$2
    shift 2
    if [[ $wanted == none ]]; then
        try unshare --mount --propagation private sh -c "$usual" sh "" timeout 20 env -i PATH="$path" HOME="$home" "$@" "$work/bin/docker" ps
        expect_code 127
        expect_equal "$(wc -l <"$stderr")" 1 "lines of complaint"
        expect [ ! -s "$stdout" ]
    else
        try timeout 20 env -i PATH="$path" HOME="$home" "$@" "$work/bin/docker" ps
        expect_code 0
        expect_equal "$(cat "$stdout")" "marked $wanted/docker" "the docker that $path means"
        expect [ ! -s "$stderr" ]
    fi
}
# marked FOLDER: a folder with a docker that prints where it is.
marked() { mkdir -p "$1" && cp "$fakes/mark/docker" "$1/"; }

search() {
    local one=$place/one two=$place/two shim=$work/bin
    marked "$one" && marked "$two"
    finds "$one" "$shim:$one:$two"
    finds "$two" "$one:$shim:$two"
    finds "$one" "$one:$two:$shim"
    finds "$one" "$one"
    finds none "$shim"
    finds none ""
    finds none ":"
    finds none "/"
    finds none "$place/nowhere:$shim"
    # Never from the current folder.
    mkdir -p here/bin && cd here
    printf '#!/bin/sh\necho EVIL\n' | tee docker bin/docker >/dev/null
    chmod 755 docker bin/docker
    finds "$one" ".:$shim:$one"
    finds "$one" "$shim::$one"
    finds "$one" ":$shim:bin:./bin:../here:$one"
    finds none ".::bin:./bin:$shim"
    finds none "$shim:"
}
test_case "the next docker on PATH is found, never a relative one" search

# installed_shim [RECORDED]: a shim as installed by install.sh, with a record of that docker.
installed_shim() {
    mkdir -p prefix/lib/slipway/shims prefix/bin
    cp "$work/bin/docker" prefix/lib/slipway/shims/
    cp "$work/bin/slipway" prefix/bin/
    [[ -z ${1-} ]] || printf '%s\n' "# Slipway: a record" "$1" >prefix/lib/slipway/real-docker
}
without_path() {
    local recorded=$place/recorded usual_one=$place/usual one=$place/one shim=$place/prefix/lib/slipway/shims/docker path words
    marked "$recorded" && marked "$usual_one" && marked "$one"
    mkdir -p here/bin && cd here
    printf '#!/bin/sh\necho EVIL\n' | tee docker bin/docker >/dev/null
    chmod 755 docker bin/docker
    cd .. && installed_shim "$recorded/docker" && cd here
    for path in unset "" : . bin ./bin: /nowhere "$place/prefix/lib/slipway/shims"; do
        words=(timeout 20 env -i HOME="$home")
        [[ $path == unset ]] || words+=("PATH=$path")
        words+=("$shim" ps)
        try unshare --mount --propagation private sh -c "$usual" sh "$usual_one/docker" "${words[@]}"
        expect_equal "$(cat "$stdout" "$stderr")" "marked $recorded/docker" "PATH: $path"
        expect_code 0
        mv ../prefix/lib/slipway/real-docker ../record
        try unshare --mount --propagation private sh -c "$usual" sh "$usual_one/docker" "${words[@]}"
        expect_equal "$(cat "$stdout" "$stderr")" "marked /usr/local/bin/docker" "PATH: $path, no record"
        try unshare --mount --propagation private sh -c "$usual" sh "" "${words[@]}"
        expect_code 127
        expect_equal "$(wc -l <"$stderr")" 1 "lines of complaint"
        mv ../record ../prefix/lib/slipway/real-docker
    done
    # PATH takes precedence.
    finds "$one" "$work/bin:$one"
    run env -i HOME="$home" PATH="$one" "$shim" ps
    expect_equal "$(cat "$stdout")" "marked $one/docker"
    # The admin program finds the same.
    run env -i HOME="$home" "$place/prefix/bin/slipway" explain -- docker ps
    run env -i HOME="$home" SLIPWAY_TRACE=1 "$shim" ps
    expect_said "slipway: $recorded/docker"
}
test_case "without PATH the recorded docker runs, or the one in the usual directories, but never one in the working directory" without_path

foreign_record() {
    local recorded=$place/recorded usual_one=$place/usual shim=$place/prefix/lib/slipway/shims/docker who
    marked "$recorded" && marked "$usual_one"
    installed_shim "$recorded/docker"
    # refused FILE: if another user owns it, the docker in the usual folders runs; then everything is root's again
    refused() {
        try unshare --mount --propagation private sh -c "$usual" sh "$usual_one/docker" timeout 20 setpriv "$@" env -i "$shim" ps
        expect_equal "$(cat "$stdout" "$stderr")" "marked /usr/local/bin/docker"
    }
    believed() {
        try unshare --mount --propagation private sh -c "$usual" sh "$usual_one/docker" timeout 20 setpriv "$@" env -i "$shim" ps
        expect_equal "$(cat "$stdout" "$stderr")" "marked $recorded/docker"
    }
    chmod 755 .
    local keeper=(--reuid=0) user=(--reuid=1000 --regid=1000 --clear-groups)
    believed "${keeper[@]}"
    believed "${user[@]}"
    for who in prefix/lib/slipway/real-docker prefix/lib/slipway recorded/docker recorded; do
        chown 1001 "$who"
        refused "${keeper[@]}"
        refused "${user[@]}"
        chown 1000 "$who" # the user's own
        believed "${user[@]}"
        refused "${keeper[@]}"
        chown 0 "$who"
        chmod o+w "$who"
        refused "${keeper[@]}"
        chmod o-w "$who"
    done
    rm recorded/docker
    refused "${keeper[@]}"
    cp "$work/bin/docker" recorded/docker # a shim
    refused "${keeper[@]}"
}
test_case "a record of the docker that a stranger could have made is not used" foreign_record

copies() {
    local one=$place/one
    marked "$one"
    mkdir copy hard soft softer
    cp "$work/bin/docker" copy/
    ln "$work/bin/docker" hard/
    ln -s "$work/bin/docker" soft/docker
    ln -s ../copy/docker softer/docker
    finds "$one" "$place/copy:$work/bin:$place/hard:$place/soft:$place/softer:$one"
    finds "$one" "$place/softer:$place/soft:$one:$place/copy"
    finds none "$place/softer:$place/soft:$place/copy:$place/hard:$work/bin"
    # Under any of these names.
    local name
    for name in copy hard soft softer; do
        try timeout 20 env -i HOME="$home" PATH="$place/$name:$work/bin:$place/copy:$one" docker ps
        expect_equal "$(cat "$stdout")" "marked $one/docker"
    done
}
test_case "copies of the shim and links to it are skipped" copies

not_programs() {
    local one=$place/one
    marked "$one"
    mkdir -p folder/docker plain dangling fifo unreadable
    echo x >plain/docker
    ln -s nowhere dangling/docker
    mkfifo fifo/docker && chmod 755 fifo/docker
    finds "$one" "$work/bin:$place/folder:$place/plain:$place/dangling:$place/fifo:$place/plain/docker:$one"
    finds none "$work/bin:$place/folder:$place/plain:$place/dangling:$place/fifo"
    finds "$one" "$work/bin:$(printf '%05000d' 0):/$(printf '%04090d' 0):$one"
    # A file that may be executed but not read is run, as without the shim.
    cp "$fakes/sleep/docker" unreadable/ && chmod 711 unreadable/docker
    chmod 755 .
    run setpriv --reuid=1000 --regid=1000 --clear-groups env -i PATH="$work/bin:$place/unreadable" "$work/bin/docker" 0
}
test_case "a file that is not a program is skipped" not_programs

named() {
    local one=$place/one two=$place/two
    marked "$one" && marked "$two"
    finds "$two" "$work/bin:$one" SLIPWAY_DOCKER="$two/docker"
    finds "$one" "$work/bin:$one" SLIPWAY_DOCKER=two/docker
    finds "$one" "$work/bin:$one" SLIPWAY_DOCKER=docker
    finds "$one" "$work/bin:$one" SLIPWAY_DOCKER=
    finds "$one" "$work/bin:$one" SLIPWAY_DOCKER="$work/bin/docker"
    finds "$one" "$work/bin:$one" SLIPWAY_DOCKER="$place/nowhere"
    finds "$one" "$work/bin:$one" SLIPWAY_DOCKER="$place"
    finds "$one" "$work/bin:$one" SLIPWAY_DOCKER=/etc/passwd
    cp "$work/bin/docker" copy
    finds "$one" "$work/bin:$one" SLIPWAY_DOCKER="$place/copy"
    finds none "$work/bin" SLIPWAY_DOCKER="$work/bin/docker"
    mkdir -p "$home/.config/slipway"
    echo "docker = $two/docker" >"$home/.config/slipway/slipway.conf"
    finds "$two" "$work/bin:$one"
    finds "$one" "$work/bin:$two" SLIPWAY_DOCKER="$one/docker"
    chmod 666 "$home/.config/slipway/slipway.conf"
    finds "$one" "$work/bin:$one"
}
test_case "SLIPWAY_DOCKER and the setting choose the docker" named

# wrapper FOLDER SHELL-LINES: a script that calls the first docker on PATH other than itself, as such scripts do.
wrapper() {
    mkdir -p "$1"
    cat >"$1/docker" <<'SCRIPT'
#!/bin/bash
echo "wrapped ${BASH_SOURCE[0]}"
self=$(realpath "${BASH_SOURCE[0]}")
while read -r candidate; do
    [[ $(realpath "$candidate") == "$self" ]] || exec "$candidate" "$@"
done < <(type -aP docker)
echo "no other docker"
exit 9
SCRIPT
    chmod 755 "$1/docker"
}
wrappers() {
    local one=$place/one
    marked "$one"
    wrapper "$place/w"
    wrapper "$place/v"
    try timeout 20 env -i HOME="$home" PATH="$work/bin:$place/w:$one:/usr/bin:/bin" docker ps
    expect_code 0
    expect_equal "$(cat "$stdout")" "wrapped $place/w/docker"$'\n'"marked $one/docker"
    try timeout 20 env -i HOME="$home" PATH="$place/w:$work/bin:$one:/usr/bin:/bin" docker ps
    expect_equal "$(tail -n 1 "$stdout")" "marked $one/docker"
    expect_code 0
    # Two that call each other: each would go back to the first.
    try timeout 20 env -i HOME="$home" PATH="$work/bin:$place/w:$place/v:$one:/usr/bin:/bin" docker ps
    expect_code 0
    expect_equal "$(tail -n 1 "$stdout")" "marked $one/docker"
    # What runs after them finds nothing of theirs in its environment, unless it is a script itself.
    mkdir program
    cp "$(type -P env)" program/docker # without arguments it prints its environment
    try timeout 20 env -i HOME="$home" PATH="$work/bin:$place/w:$place/program:/usr/bin:/bin" docker
    expect_code 0
    expect_said "wrapped $place/w/docker"
    expect_not grep -q SLIPWAY "$stdout"
    # Only wrappers.
    try timeout 20 env -i HOME="$home" PATH="$work/bin:$place/w:/usr/bin:/bin" docker ps
    expect_not [ "$code" == 124 ]
    expect_not [ "$code" == 0 ]
}
test_case "a wrapper script that looks for the next docker does not loop" wrappers

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
test_case "a build through a wrapper and two shims is edited once" wrapped_build

no_interpreter() {
    mkdir script
    echo 'echo "no interpreter: $*"' >script/docker
    chmod 755 script/docker
    try env -i HOME="$home" PATH="$place/script:/usr/bin:/bin" docker ps -a
    expect_code 0
    try env -i HOME="$home" PATH="$work/bin:$place/script:/usr/bin:/bin" docker ps -a
    expect_code 0
    expect_equal "$(cat "$stdout")" "no interpreter: ps -a"
}
test_case "a docker that is a script without #! runs as it would from a shell" no_interpreter

broken_program() {
    mkdir broken
    printf '\177ELF nonsense' >broken/docker
    printf '#!/no/such/interpreter\n' >broken/script
    chmod 755 broken/*
    try env -i HOME="$home" PATH="$work/bin:$place/broken:/usr/bin:/bin" docker ps -a
    expect_not [ "$code" == 0 ]
    expect [ "$code" == 126 -o "$code" == 127 -o "$code" == 2 ]
    mv broken/script broken/docker
    try env -i HOME="$home" PATH="$work/bin:$place/broken:/usr/bin:/bin" docker ps -a
    expect [ "$code" == 126 -o "$code" == 127 ]
    expect [ -s "$stderr" ]
}
test_case "a docker that cannot be executed is reported" broken_program

# -- Unusual environments
# ---------------------------------------------------------------------------------------------

silent() {
    project app
    for command in "docker ps" "docker build app" "docker buildx build --push app" "docker build --bad app" "docker image build -t x app"; do
        # shellcheck disable=SC2086 # words
        try on a PATH="$work/bin:$fakes/record:/usr/bin:/bin" RECORD="$place/record" $command
        expect_code 0
        expect [ ! -s "$stdout" ]
        expect [ ! -s "$stderr" ]
    done
    mkdir -p "$home/.config/slipway"
    echo 'nonsense' >"$home/.config/slipway/slipway.conf"
    try on a PATH="$work/bin:$fakes/record:/usr/bin:/bin" RECORD="$place/record" SLIPWAY_NONSENSE=1 docker build app
    expect [ ! -s "$stdout" ]
    expect [ ! -s "$stderr" ]
    expect_notes SLP109
}
test_case "the shim prints nothing" silent

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
test_case "without /proc" no_proc

homes() {
    project app
    run on a env -u HOME docker build --tag app app
    mkdir foreign && chown 1234 foreign
    run on a HOME="$place/foreign" docker build --tag app app
    expect_equal "$(find foreign -mindepth 1 -not -path '*/.docker*' | wc -l)" 0 "files in somebody else's HOME"
    run on a HOME="$place/foreign" SLIPWAY_STORE= docker build --tag app app
    expect_equal "$(find foreign -mindepth 1 -not -path '*/.docker*' | wc -l)" 0 "files in somebody else's HOME"
    run on a HOME=relative docker build --tag app app
    run on a HOME= docker build --tag app app
    run on a HOME=/no/such/folder SLIPWAY_STORE= docker build --tag app app
    run on a XDG_CACHE_HOME=cache XDG_STATE_HOME=state XDG_CONFIG_HOME=config SLIPWAY_STORE= docker build --tag app app
    expect_equal "$(find cache state config relative app/cache 2>/dev/null | wc -l)" 0 "files in relative folders"
    forget_app
    run on a XDG_CACHE_HOME="$place/c" XDG_STATE_HOME="$place/s" SLIPWAY_STORE= docker build --tag app app
    expect [ -d "$place/c/slipway/buildkit/v1" ]
    expect [ -s "$place/s/slipway/journal.jsonl" ]
}
turn_case 3 "HOME and XDG directories that are missing, relative or another user's" homes

state_of() {
    local state=$home/.local/state
    project app
    run on a docker build --tag app app
    harm() {
        rm -rf "$state/slipway"
        "$@"
        run on a docker build --tag app app
        run on a docker build --tag app app
        rm -rf "$state/slipway"
        mkdir -p "$state/slipway"
    }
    harm mkdir -p "$state/slipway/journal.jsonl"
    harm mkdir -p "$state/slipway/versions.json"
    mkfifo "$state/slipway/journal.jsonl" && run on a docker build --tag app app
    harm true
    mkfifo "$state/slipway/versions.json" && run on a docker build --tag app app
    harm true
    head -c 100000 /dev/urandom >"$state/slipway/versions.json" && run on a docker build --tag app app
    harm true
    echo precious >victim && ln -s "$place/victim" "$state/slipway/journal.jsonl"
    run on a docker build --tag app app
    expect_equal "$(cat victim)" precious
    harm true
    chown 1234 "$state/slipway" && run on a docker build --tag app app
    rm -rf "$state" && echo text >"$state"
    run on a docker build --tag app app
}
turn_case 3 "a damaged state directory" state_of

little_memory() {
    project app
    # shellcheck disable=SC2016 # for sh
    local tight=(bash -c 'ulimit -v 65536 && exec "$@"' bash)
    run faked record "${tight[@]}" docker ps -a
    expect_equal "$(recorded | tr '\0' ' ')" "ps -a "
    run on a PATH="$work/bin:$fakes/record:/usr/bin:/bin" RECORD="$place/record" "${tight[@]}" docker build app
    expect_equal "$(recorded | grep -zvaE "$ours" | tr '\0' ' ')" "build app "
}
test_case "64 MB of memory are enough" little_memory

empty_root() {
    local busybox
    busybox=$(find "${SLIPWAY_ENGINES:-$root/.engines}/tools" -path '*bin/busybox' -type f | head -n 1)
    mkdir -p root/{shim,real}
    install -m 755 "$work/bin/docker" root/shim/
    install -m 755 "$busybox" root/real/docker
    words echo arrived build . >"$place/argv" # argv[0] tells busybox what to be
    words PATH=/shim:/real >"$place/environment"
    try execve /shim/docker "$place/argv" "$place/environment" root="$place/root"
    expect_code 0
    expect_equal "$(cat "$stdout")" "arrived build ."
    expect [ ! -s "$stderr" ]
    words echo >"$place/argv"
    try execve /shim/docker "$place/argv" "$place/environment" root="$place/root"
    expect_code 0
    words PATH=/shim >"$place/environment"
    try execve /shim/docker "$place/argv" "$place/environment" root="$place/root"
    expect_code 127
    expect_equal "$(find root -type f | wc -l)" 2 "files"
}
test_case "two files in an otherwise empty root are enough" empty_root

deleted_folder() {
    project app
    mkdir gone && cd gone && rmdir ../gone
    ends docker ps
    ends docker build "$place/app"
    ends docker build .
}
test_case "from a directory that no longer exists" deleted_folder

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
turn_case 3 "a command line so long that nothing can be added" longest_line

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
turn_case 3 "files whose size is limited" limited_files
