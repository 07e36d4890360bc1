#!/usr/bin/env bash
# Equal builds at the same time: one builds, and the others wait for its export.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd

# slow DIR SECONDS [COMMAND]: a project with three steps, one of which takes its time. A RUN that is executed prints a
# line.
slow() {
    project "$1"
    cat >"$1/Dockerfile" <<FILE
FROM slipway/base:1
COPY input.txt /input.txt
$RUN echo executed; sleep $2; echo $(unique) >/slow; ${3:-true}
$RUN echo executed; cat /input.txt /slow >/last
FILE
    commit "$1" slow
}

# How many RUN steps the last build executed: a step that another build on the same engine is importing at that moment
# is not reported as cached.
executed() { grep -cE '^#[0-9]+ [0-9.]+ executed$' "$stderr" || true; }

# clones DIR NUMBER: DIR-1, DIR-2...
clones() {
    local number
    for ((number = 1; number <= $2; number++)); do git clone --quiet "$1" "$1-$number"; done
}

# flying NAME ENGINE DIR [VAR=VALUE...]: starts a build that may lead or wait.
declare -A begun
flying() {
    start "$1" on "$2" SLIPWAY_FLIGHT=on "${@:4}" docker build -t "$1" "$3"
    begun[$1]=$SECONDS
}
shimmed() { [[ /proc/${pids[$1]}/exe -ef $work/bin/docker ]]; }
# Only a waiting build is still the shim after two seconds.
waits() { shimmed "$1" && [[ $((SECONDS - begun[$1])) -ge 2 ]]; }
became_docker() { [[ $(readlink "/proc/${pids[$1]}/exe") == */docker ]] && ! shimmed "$1"; }
leads() { became_docker "$1" && grep -qs "^${pids[$1]} gen-" "$store"/v1/u*/flights/*; }

# notes_of NAME: the codes in a build's journal entry.
notes_of() { jq -r "select(.pid == ${pids[$1]}) | [.notes[].code] | join(\" \")" "$home/.local/state/slipway/journal.jsonl"; }
expect_notes_of() {
    local code codes
    codes=$(notes_of "$1")
    for code in "${@:2}"; do
        case $code in
            !*) [[ " $codes " != *" ${code#!} "* ]] || fail "$1 has ${code#!}: $codes" ;;
            *) [[ " $codes " == *" $code "* ]] || fail "$1 has no $code: $codes" ;;
        esac
    done
}

# leader_and_follower SECONDS [VAR=VALUE...]: one build leads on a, and another waits for it on b.
leader_and_follower() {
    slow app "$1"
    clones app 2
    flying leader a app-1
    await 30 leads leader
    flying follower b app-2 "${@:2}"
    await 30 waits follower
}

crowd() {
    local name executed=0 leaders=0
    slow app 8
    clones app 4
    flying one a app-1
    flying two b app-2
    flying three a app-3
    flying four b app-4
    for name in one two three four; do
        finish "$name"
        expect_code 0
        executed=$((executed + $(executed)))
        expect_not grep -q waiting "$stderr"
        [[ " $(notes_of "$name") " != *" SLP431 "* ]] || leaders=$((leaders + 1))
    done
    expect_equal "$executed" 2 "steps that were executed"
    expect_equal "$leaders" 1 "leaders"
    run on a slipway stats
    expect grep -qE 'waited +[1-9][0-9]*  seconds' "$stdout"
    run on a slipway stats --json
    expect_equal "$(jq '[.leftOut[].code | select(startswith("SLP43"))] | length' "$stdout")" 0
    expect_whole_store
    # A complete export is imported, and nobody waits for it or leads again.
    await 60 at_rest
    forget b
    flying five b app-4
    finish five
    expect_cached all
    expect_notes_of five SLP001 !SLP430 !SLP431
}
test_case "of four equal builds on two engines one executes the steps, and the others import them" crowd

off() {
    local name executed=0
    slow app 4
    clones app 2
    start one on a docker build -t one app-1
    start two on b docker build -t two app-2
    for name in one two; do
        finish "$name"
        expect_code 0
        executed=$((executed + $(executed)))
        expect_notes_of "$name" !SLP430 !SLP431
    done
    expect_equal "$executed" 4 "steps that were executed"
    expect_not test -e "$store/v1/u0/flights"
}
turn_case 3 "without the setting nobody waits" off

short() {
    slow app 0
    run on a SLIPWAY_FLIGHT=on docker build -t app app
    expect_notes SLP431
    await 60 at_rest
    # It was noted down how long that took; however busy the machine was, it shall be short.
    expect grep -qxE '[0-9]+' "$home"/.local/state/slipway/durations/*
    echo 900 | tee "$home"/.local/state/slipway/durations/* >/dev/null
    echo more >>app/input.txt
    commit app more
    clones app 2
    flying one a app-1
    flying two b app-2
    finish one
    finish two
    expect_notes_of one !SLP430 !SLP431
    expect_notes_of two !SLP430 !SLP431
}
turn_case 10 "nobody waits for builds that are known to be quick" short

killed() {
    leader_and_follower 120
    flying third b app-1
    await 30 waits third
    kill -KILL "${pids[leader]}"
    # Now one of them leads, and the other waits for it.
    await 10 eval 'became_docker follower || became_docker third'
    if became_docker follower; then next=follower last=third; else next=third last=follower; fi
    await 10 leads "$next"
    expect shimmed "$last"
    kill -KILL "${pids[$next]}"
    await 10 became_docker "$last"
    kill -KILL "${pids[$last]}"
}
turn_case 10 "a leader that is killed is followed by the next at once" killed

stopped() {
    leader_and_follower 6 SLIPWAY_FLIGHT_WAIT=4s
    kill -STOP "${pids[leader]}"
    finish follower
    expect_code 0
    expect_cached 0
    expect_notes_of follower SLP430 SLP432
    kill -CONT "${pids[leader]}"
    finish leader
    expect_code 0
}
turn_case 10 "builds wait for a stopped leader no longer than flight.wait" stopped 90

failing() {
    local number waited=0 led=0
    slow app 4 false
    clones app 6
    for number in {1..6}; do flying "b$number" a "app-$number"; done
    for number in {1..6}; do
        finish "b$number"
        expect_code 1
        [[ " $(notes_of "b$number") " != *" SLP430 "* ]] || waited=$((waited + 1))
        [[ " $(notes_of "b$number") " != *" SLP431 "* ]] || led=$((led + 1))
    done
    expect_equal "$waited" 5 "builds that waited"
    # Of the builds that have waited twice, one leads even if others arrive.
    expect [ "$led" -le 3 ]
}
turn_case 10 "builds that fail all fail, and none waits for more than two of them" failing

other_files() {
    slow app 30
    clones app 2
    echo more >>app-2/input.txt
    flying leader a app-1
    await 30 leads leader
    flying other b app-2
    await 15 became_docker other
    kill -KILL "${pids[other]}" "${pids[leader]}"
    expect_notes_of other SLP430 SLP433
}
turn_case 10 "a build with other files does not wait" other_files

arguments() {
    slow app 30
    clones app 2
    flying leader a app-1
    await 30 leads leader
    start other on b SLIPWAY_FLIGHT=on docker build --build-arg FLAVOR=other -t other app-2
    await 10 became_docker other
    kill -KILL "${pids[other]}" "${pids[leader]}"
    expect_notes_of other !SLP430
}
turn_case 10 "builds with other arguments are not a flight" arguments

signals() {
    local signal
    slow plain 60
    start plain direct b docker build -t plain plain
    await 30 grep -q 'echo executed; sleep' plain.stderr
    kill -INT "$pid"
    finish plain
    expect_code 130
    # docker turns SIGTERM into 130, too, once it has started to build, and into 143 before.
    for signal in INT TERM; do
        leader_and_follower 60
        kill -"$signal" "${pids[follower]}"
        finish follower
        expect_code $((128 + $(kill -l "$signal")))
        expect_equal "$(cat "$stderr")" "" "what was said"
        kill -KILL "${pids[leader]}"
        await 60 at_rest
        rm -rf app app-1 app-2
    done
}
turn_case 10 "signals end a waiting build, as they end docker" signals

terminal() {
    leader_and_follower 8
    run on b SLIPWAY_FLIGHT=on TERM=xterm python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' \
        docker build --progress=plain -t third app-2
    expect grep -q "waiting for the same build, pid ${pids[leader]}, [0-9]* s so far; Ctrl-C stops, SLIPWAY_FLIGHT=off builds now" "$stdout"
    finish follower
    expect_code 0
    expect_not grep -q waiting "$stderr"
}
turn_case 10 "a wait is announced on a terminal, and not to a pipe" terminal

nothing_held() {
    local held
    leader_and_follower 10
    held=$(readlink /proc/"${pids[follower]}"/fd/* | grep "^$store" || true)
    expect_equal "$held" "" "what a waiting build holds of the store"
    # The leader's generation stays for it; no other is needed.
    run on a slipway trim
    finish leader
    expect_code 0
    finish follower
    expect_code 0
    expect_whole_store
}
turn_case 10 "a waiting build holds nothing in the store, and trimming goes on" nothing_held

many() {
    local flight number name victims=() flights=4 builds=4
    [[ ${SLIPWAY_TESTS_ALL-} != 1 ]] || flights=8 builds=8
    for ((flight = 1; flight <= flights; flight++)); do
        slow "app$flight" 3
        clones "app$flight" "$builds"
    done
    for ((number = 1; number <= builds; number++)); do
        for ((flight = 1; flight <= flights; flight++)); do
            name=b$flight$number
            if [[ $((number % 2)) == 0 ]]; then flying "$name" a "app$flight-$number"; else flying "$name" b "app$flight-$number"; fi
        done
    done
    # The leaders of two of the flights are killed, each with its plugin.
    for flight in 1 2; do
        await 30 led "$flight"
        kill -KILL "${pids[$leader]}"
        victims+=("$leader")
    done
    for number in 1 2 3; do run on a slipway trim; done
    for name in "${!begun[@]}"; do
        finish "$name"
        [[ " ${victims[*]} " == *" $name "* ]] || expect_code 0
    done
    expect_whole_store
    await 60 at_rest
    run on a slipway trim
    expect_whole_unions
}
# led FLIGHT: whether one of its builds leads; sets $leader.
led() {
    for leader in "${!begun[@]}"; do [[ $leader == "b$1"? ]] && leads "$leader" && return; done
    false
}
turn_case 10 "builds of several flights, with leaders killed and the store trimmed meanwhile, all end" many 600

full_disk() {
    slow app 3 "head -c 150000000 /dev/urandom >/large"
    clones app 2
    mkdir disk
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER
    which_engine b
    cat >both.sh <<SCRIPT
docker build -t one app-1 >one.out 2>&1 & one=\$!
until grep -qs . disk/v1/u0/flights/*; do sleep 0.05; done
DOCKER_HOST=$DOCKER_HOST DOCKER_CONFIG=$DOCKER_CONFIG docker build -t two app-2 >two.out 2>&1 & two=\$!
wait \$one && wait \$two && ls disk/v1/u0/gen-*/exports/*/*
SCRIPT
    run with_mounts "mount -t tmpfs -o size=96m tmpfs $place/disk" \
        on a SLIPWAY_STORE="$place/disk" SLIPWAY_STORE_MIN_FREE=16MB SLIPWAY_FLIGHT=on sh both.sh
    expect_not grep -q index.json "$stdout"
    expect_equal "$(cat one.out two.out | grep -cE '^#[0-9]+ [0-9.]+ executed$')" 4 "steps that were executed"
    expect grep -q SLP430 "$home/.local/state/slipway/journal.jsonl"
}
turn_case 10 "after a leader whose export finds no space another build leads, and none fails" full_disk

# -- Other users
# ------------------------------------------------------------------------------------------------------

stranger() { as 65534 a "$@"; }

strangers() {
    slow app 8
    mkdir -m 1777 "$store"
    # A flight without a leader and without a complete export.
    flying first b app
    await 30 leads first
    # A docker that is killed while buildx starts leaves it running, and that leads on.
    await 30 grep -q 'echo executed; sleep' first.stderr
    kill -KILL "${pids[first]}"
    await 60 at_rest
    # The other user's own flight of the same name, and every lock that they can get on ours.
    cat >holder.pl <<'PERL'
use Fcntl;
use File::Find;
$| = 1;
my @held;
sub hold {
    my ($path, $file) = @_;
    return unless -f $path && (sysopen($file, $path, O_RDWR) || sysopen($file, $path, O_RDONLY));
    my $got = flock($file, 2 | 4);
    for my $kind (F_WRLCK, F_RDLCK) { $got = 1 if fcntl($file, 37, pack("s s x4 q q l x4", $kind, 0, 0, 0, 0)); }
    push @held, $file if $got;
}
find({ no_chdir => 1, wanted => sub { hold($_) } }, $ARGV[0]);
mkdir "$ARGV[0]/u0/flights/planted" and print "planted\n";
print "holds ", scalar(@held), "\n";
sleep 600;
PERL
    start holder stranger /usr/bin/perl "$place/holder.pl" "$store/v1"
    await 30 grep -q holds holder.stdout
    expect_not grep -q planted holder.stdout
    cp -r app theirs
    chown -R 65534:65534 theirs
    start theirs stranger SLIPWAY_FLIGHT=on docker build -t theirs theirs
    await 30 grep -q 'echo executed; sleep' theirs.stderr
    flying ours b app
    finish ours
    expect_code 0
    expect_notes_of ours SLP431 !SLP430
    finish theirs
    expect_code 0
    kill "${pids[holder]}"
}
test_case "a stranger's lock, file or flight makes nobody wait" strangers
