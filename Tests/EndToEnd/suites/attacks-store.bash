#!/usr/bin/env bash
# What another user on the machine can do to the store. Each case has a real second user, 1234, who holds locks, takes
# names, moves files, or plants them. Also what killed builds leave.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd

stranger() { $become setpriv --reuid=1234 --regid=1234 --clear-groups "$@"; }
slipway() { on a slipway "$@"; }
bytes() { slipway status --json | jq "[.parts[].usage.$1] | add"; }
generations() { find "$store/v1/u0" -maxdepth 1 -name 'gen-*' | wc -l; }
current() { realpath "$store/v1/u0/current"; }
# A blob that no export reaches: something to remove.
nobodys() {
    unique >"$place/nobodys"
    install -m 444 "$place/nobodys" "$(current)/blobs/sha256/$(sha256sum "$place/nobodys" | head -c 64)"
}

shared_store() {
    run slipway store init --shared "$store"
    project app
    run on a docker build -t app app
}

# -- Locks ------------------------------------------------------------------------------------------------------------

# hold_all: in the background, another user opens every file of root's sub-store that they can, and holds every lock
# on it that they get.
hold_all() {
    cat >holder.pl <<'PERL'
use Fcntl;
use File::Find;
$| = 1;
my (@held, %kinds);
find({ no_chdir => 1, wanted => sub {
    return unless -f $_ && sysopen(my $file, $_, O_RDONLY | O_NONBLOCK);
    my $got = flock($file, 2 | 4); # exclusively, without waiting
    # F_OFD_SETLK, of the whole file: for writing, or else for reading.
    for my $kind (F_WRLCK, F_RDLCK) { $got = 1 if fcntl($file, 37, pack("s s x4 q q l x4", $kind, 0, 0, 0, 0)); }
    push @held, $file if $got;
} }, $ARGV[0]);
print "holds ", scalar(@held), "\n";
sleep 600;
PERL
    start holder stranger /usr/bin/perl "$place/holder.pl" "$store/v1/u0"
    holder=$pid
    await 30 grep -q holds holder.stdout
}

lease_held() {
    shared_store
    hold_all
    forget b
    run on b docker build -t app app
    expect_cached all
    expect_notes SLP001 SLP002 '!SLP308'
    # Other users who import from here are not locked out, and neither is root.
    forget b
    run as 1000 b docker build -t app app
    expect_cached all
    expect_notes_of 1000 SLP001
}
expect_notes_of() {
    local codes
    codes=$(journal_codes "$place/home-$1")
    [[ " $codes " == *" $2 "* ]] || fail "no $2 in $codes"
}
test_case "a stranger's locks on every file that they can open cost no build its import or export" lease_held

trim_held() {
    shared_store
    run slipway trim
    nobodys
    hold_all
    run slipway trim --json
    expect_equal "$(jq -r '.parts[0].outcome' "$stdout")" switched
    # The other user holds the lock of readers: trimming waits for the old generation, and every command names the
    # holder.
    expect_equal "$(generations)" 2 generations
    expect_equal "$(jq -r '.parts[0].heldBy[] | "\(.pid) \(.user) \(.command)"' "$stdout")" "$holder 1234 perl"
    run slipway status
    expect_said "in use by $holder (perl, user 1234)"
    run slipway status --json
    expect_equal "$(jq -r '.parts[0].generations[].heldBy[] | "\(.pid) \(.user) \(.command)"' "$stdout")" "$holder 1234 perl"
    run slipway purge --yes
    expect_said "in use by $holder (perl, user 1234)"
    # But no longer than a day.
    find "$store/v1/u0" -name closed -exec touch -d '25 hours ago' {} +
    run slipway purge --yes
    expect_equal "$(generations)" 1 generations
    expect_equal "$(bytes total)" 0 bytes
    expect kill -0 "$holder"
}
test_case "a stranger's lock delays no trim, and a purge by a day at most, and the stranger is named" trim_held

# A build of another user, which reads from a generation that is replaced meanwhile, succeeds.
reader_waited_for() {
    shared_store
    printf 'RUN sleep 8\n' >>app/Dockerfile
    forget b
    start build as 1000 b docker build -t app app
    await 60 reader_is_there
    nobodys
    run slipway trim
    expect_equal "$(generations)" 2 generations
    finish build
    expect_code 0
    run slipway trim
    expect_equal "$(generations)" 1 generations
}
reader_is_there() { slipway status --json | jq -e '[.parts[] | select(.user == 0) | .generations[].heldBy[] | select(.user == 1000)] | length > 0' >/dev/null; }
turn_case 10 "a trim waits for a build that imports from another user's sub-store" reader_waited_for

# A store made by an older Slipway: all users can read, and so lock, its lease and `trimmed`.
old_locks() {
    shared_store
    rm "$(current)/readers"
    chmod 644 "$(current)/lease"
    : >"$store/v1/u0/trimmed"
    chmod 644 "$store/v1/u0/trimmed"
    hold_all
    try slipway purge --yes
    expect_said "is being trimmed by $holder (perl, user 1234)"
    touch -d '2 hours ago' "$store/v1/u0/trimming"
    run slipway trim
    expect_equal "$(realpath "$store/v1/u0/current")" "$store/v1/u0/gen-000002"
    forget b
    run on b docker build -t app app
    expect_cached all
    expect_notes SLP001 SLP002
    find "$store/v1/u0" -name closed -exec touch -d '25 hours ago' {} +
    run slipway trim
    expect_equal "$(generations)" 1 generations
}
turn_case 10 "a lock that a stranger has held since an older Slipway ends with its generation" old_locks

odd_trimmed() {
    shared_store
    await 60 at_rest
    cp -a "$store/v1/u0" good
    local kind name
    for kind in fifo link folder; do
        for name in trimmed trimming; do
            # Another user's sub-store, which root trims as that user; and one more after it.
            rm -rf "$store/v1/u1234"
            cp -a good "$store/v1/u1234"
            rm -rf "$store/v1/u1234/$name"
            case $kind in
                fifo) mkfifo "$store/v1/u1234/$name" ;;
                link) ln -s /etc/passwd "$store/v1/u1234/$name" ;;
                folder) mkdir "$store/v1/u1234/$name" ;;
            esac
            chown -hR 1234:1234 "$store/v1/u1234"
            rm -rf "$store/v1/u60000"
            cp -a "$store/v1/u1234" "$store/v1/u60000"
            rm -rf "$store/v1/u60000/$name"
            chown -hR 60000:60000 "$store/v1/u60000"
            run timeout 60 "$work/bin/slipway" trim --all --store "$store" --json
            expect_equal "$(jq -c '[.parts[] | select(.user != 0) | [.user, .after.total]]' "$stdout")" '[[1234,0],[60000,0]]' "$kind $name"
        done
    done
}
test_case "a FIFO, a link or a directory in place of a trim lock neither exempts its user from root's trim nor stops that" odd_trimmed

# -- Names ------------------------------------------------------------------------------------------------------------

squatted_names() {
    run slipway store init --shared "$store"
    project app
    # These user numbers do not exist on this machine, so init did not make their sub-stores.
    stranger mkdir -m 755 "$store/v1/u4321"
    stranger ln -s /etc "$store/v1/u4322"
    try as 4321 a docker build -t app app
    expect_code 0
    expect_notes_of 4321 SLP314
    run as 4321 a slipway explain -- docker build app
    expect_said SLP314
    for command in status "trim" "purge --yes" doctor; do
        # shellcheck disable=SC2086 # words
        try as 4321 a slipway $command
        expect [ "$code" -gt 0 ]
        expect_said "sudo slipway store init --shared"
        # shellcheck disable=SC2086 # words
        try slipway $command
        expect_said u4321
        expect_said u4322
    done
    run slipway status --json
    expect_equal "$(jq -c '[.parts[] | select(.error) | .user]' "$stdout")" '[4321,4322]'
    # Another user cannot make a command of root's fail.
    run slipway trim
    run slipway store init --shared "$store"
    expect_said "took $store/v1/u4321 back"
    expect_equal "$(stat -c '%u %F' "$store/v1/u4321")" "4321 directory"
    expect_equal "$(stat -c '%u %F' "$store/v1/u4322")" "4322 directory"
    expect_equal "$(stat -c %u /etc)" 0
    run as 4321 a docker build -t app app
    expect_notes_of 4321 SLP002
    run slipway store init --shared "$store"
    expect_said "is as it should be"
}
test_case "every command names a sub-store that a stranger has taken, and root takes it back" squatted_names

# A racer creates the names again as fast as possible.
squatter() {
    cat >squatter.pl <<'PERL'
$| = 1;
print "races\n";
while (1) {
    for my $user (5000 .. 5019) {
        my $path = "$ARGV[0]/v1/u$user";
        mkdir($path) or (rename($path, "$path.away") and rmdir("$path.away"));
    }
}
PERL
    run slipway store init --shared "$store"
    start squatter stranger /usr/bin/perl "$place/squatter.pl" "$store"
    await 30 grep -q races squatter.stdout
    local user left
    # The racer has each name half of the time: init looks until it has found nothing for a while.
    for _ in {1..5}; do
        run slipway store init --shared "$store"
        left=0
        for user in {5000..5019}; do
            [[ $(stat -c %u "$store/v1/u$user" 2>/dev/null) == "$user" ]] || left=$((left + 1))
        done
        note "= left: $left"
        [[ $left -gt 0 ]] || break
    done
    expect_equal "$left" 0 "names that are not their user's while the racer runs"
    kill "$pid"
    wait "$pid" || true
    # A user's sub-store stays theirs: no one else can move it.
    start squatter stranger /usr/bin/perl "$place/squatter.pl" "$store"
    await 30 grep -q races squatter.stdout
    for _ in {1..50}; do
        expect_equal "$(stat -c %u "$store"/v1/u50{0,1}{0..9} 2>&1)" "$(seq 5000 5019)" "the sub-stores' owners"
    done
    kill "$pid"
}
test_case "a racer who keeps taking names does not win against store init" squatter

# Without the sticky bit: during the build, root's sub-store is moved away and replaced by a link to the other user's
# folder.
movable() {
    local part parts
    for part in . v1 ..; do
        turn 3 || continue
        rm -rf outer app "$place/theirs"
        mkdir outer
        store=$place/outer/store
        project app
        run on a docker build -t app app
        expect_notes SLP002
        chmod 777 "$store/$part"
        mkdir -m 777 "$place/theirs"
        start mover stranger sh -c "while :; do mv -T '$store/v1/u0' '$store/v1/gone' 2>/dev/null || mv -T '$store/v1' '$store/gone' 2>/dev/null ||
            mv -T '$store' '$place/outer/gone' 2>/dev/null || continue; ln -s '$place/theirs' '$store/v1/u0' 2>/dev/null; echo moved; done"
        printf 'RUN echo %s >/new\n' "$(unique)" >>app/Dockerfile
        run on a docker build -t app app
        kill "$pid"
        wait "$pid" || true
        [[ -e $store/v1/u0 ]] || continue # moved before the build started
        expect_equal "$(ls -A "$place/theirs")" "" "what root wrote through the stranger's link"
    done
    # The rule itself, without a race.
    rm -rf outer
    mkdir outer
    store=$place/outer/store
    run on a docker build -t app app
    for part in . v1 ..; do
        turn 3 || continue
        chmod 777 "$store/$part"
        run on a docker build -t app app
        expect_notes SLP313 '!SLP001' '!SLP002'
        await 60 at_rest # what the last one but this has left behind writes unions
        parts=$(find "$store" | sort | sha256sum)
        printf 'RUN echo %s >/new\n' "$(unique)" >>app/Dockerfile
        run on a docker build -t app app
        expect_equal "$(find "$store" | sort | sha256sum)" "$parts" "the store"
        try slipway trim
        expect_code 1
        try slipway doctor
        expect_said DOC322
        chmod 1777 "$store/$part"
        run on a docker build -t app app
        expect_notes SLP002
        chmod 755 "$store/$part"
    done
}
test_case "a store that a stranger can move is not used, and nothing is written through their link" movable

# -- What killed exports leave ----------------------------------------------------------------------------------------

ingested() { find "$store"/v1/u0/gen-*/exports/*/*/ingest -type f -printf '%s\n' 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }'; }
# Much more than the one complete layer: if that is a large share of the store, trimming makes a new generation.
ingests() { [[ $(ingested) -gt 30000000 ]]; }

killed_export() {
    project app
    run on a docker build -t app app
    # Random, so that compression takes time.
    printf 'FROM slipway/base:1\nCOPY data /data\n' >app/Dockerfile
    head -c 300000000 /dev/urandom >app/data
    start build on a docker build -t app app
    await 120 ingests
    # docker and its plugin, which writes the export: neither gets to clean up.
    kill_tree "$pid"
    wait "$pid" || true
    local left
    left=$(ingested)
    expect [ "$left" -gt 1000000 ]
    expect_equal "$(bytes unfinished)" "$left" "unfinished bytes that status tells"
    expect [ "$(bytes total)" -ge "$left" ]
    run slipway status
    expect_said "unfinished"
    # The limit counts them.
    rm -f "$(current)/size"
    run on a SLIPWAY_STORE_MAX_SIZE=1MB docker build -t app app
    expect_notes SLP306 '!SLP002'
    run slipway trim --dry-run --json
    expect_equal "$(jq .parts[0].before.unfinished "$stdout")" "$left"
    expect_equal "$(jq .parts[0].after.unfinished "$stdout")" 0
    run slipway trim --json
    expect_equal "$(jq -c '.parts[0] | [.outcome, .before.unfinished, .after.unfinished]' "$stdout")" "[\"swept\",$left,0]"
    expect_equal "$(ingested)" 0 "bytes left"
    expect_whole_store
    run on a docker build -t app app
    expect_notes SLP002
}
# kill_tree PID: kills it and all its descendants at once.
kill_tree() {
    local child
    for child in $(pgrep -P "$1"); do kill_tree "$child"; done
    kill -KILL "$1" 2>/dev/null || true
}
turn_case 10 "the leftovers of a build that was killed while it exported are reported, counted and swept" killed_export

killed_beside() {
    project app
    printf 'FROM slipway/base:1\nCOPY data /data\n' >app/Dockerfile
    head -c 300000000 /dev/urandom >app/data
    # Meanwhile another build holds the lease; what the killed one left goes with the generation.
    project other
    echo 'RUN sleep 40' >>other/Dockerfile
    start other on b docker build -t other other
    await 60 grep -q 'RUN sleep' other.stderr
    start build on a docker build -t app app
    await 120 ingests
    kill_tree "${pids[build]}"
    wait "${pids[build]}" || true
    run slipway trim --json
    # If the small layer was already complete, it is an orphan, and trimming makes a new generation: then all of it waits.
    expect [ "$(jq '.parts[0].after | .unfinished + .waiting' "$stdout")" -gt 1000000 ]
    run slipway purge --yes
    expect [ "$(bytes waiting)" -gt 1000000 ]
    finish other
    expect_code 0
    run slipway purge --yes
    expect_equal "$(bytes total)" 0 bytes
}
turn_case 10 "the leftovers of a killed build are removed once a build that runs beside them has ended" killed_beside

# -- Faults -----------------------------------------------------------------------------------------------------------

need strace
# A directory that cannot be read to its end, at each reading in turn: trimming removes nothing that it would not have
# removed otherwise.
half_listed() {
    local number wanted
    project app
    for number in 1 2 3; do
        echo "$number" >>app/input.txt
        run on a docker build -t app app
    done
    # What still publishes would keep the old generation.
    await 60 at_rest
    run slipway trim
    nobodys
    cp -a "$store" good
    wanted=$(exports | sed "s#$store/v1/u0/gen-[0-9]*##" | sort -u)
    for number in {1..40}; do
        turn 2 || continue
        rm -rf "$store"
        cp -a good "$store"
        try strace --seccomp-bpf -f -qq -o trace -e trace=getdents64 -e "inject=getdents64:error=EIO:when=$number" "$work/bin/slipway" trim --store "$store"
        grep -q INJECTED trace || break
        expect_equal "$(exports | sed "s#$store/v1/u0/gen-[0-9]*##" | sort -u)" "$wanted" "exports after EIO at listing $number"
        expect_whole_store
    done
    expect [ "$number" -gt 8 ]
    note "$number listings"
}
turn_case 5 "an incomplete listing does not make trimming delete anything" half_listed

# No space, no quota, or a bad disk, at each write of a trim in turn: the store remains valid with the same exports, and
# the next trim completes the work.
no_room() {
    local number wanted error calls
    project app
    for number in 1 2 3 4; do
        echo "$number" >>app/input.txt
        run on a docker build -t app app
    done
    await 60 at_rest
    wanted=$(exports | tail -n 3 | sed "s#$store/v1/u0/gen-[0-9]*##")
    cp -a "$store" good
    for calls in write mkdir,mkdirat linkat,link rename,renameat symlink,symlinkat; do
        for error in EDQUOT ENOSPC EFBIG EIO; do
            turn 3 || continue
            for number in {1..60}; do
                rm -rf "$store"
                cp -a good "$store"
                try strace --seccomp-bpf -f -qq -o trace -e "trace=$calls" -e "inject=$calls:error=$error:when=$number" "$work/bin/slipway" trim --keep 3 --store "$store"
                grep -q INJECTED trace || break
                expect_whole_store
                expect [ -n "$(exports | grep -F "${wanted##*/}")" ]
                # At most the three kinds of errors at the end of the list: the others are like them.
                [[ $number -lt 8 ]] || break
            done
            run slipway trim --keep 3
            expect_whole_store
            expect_equal "$(exports | sed "s#$store/v1/u0/gen-[0-9]*##")" "$wanted" "exports after $error at $calls"
        done
    done
}
turn_case 3 "EDQUOT, ENOSPC, EFBIG or EIO at any write of a trim leaves a complete store" no_room

# What the client leaves of an index that it could not write: an empty file, or half of one.
torn_index() {
    local size
    project app
    run on a docker build -t app app
    published
    await 60 at_rest
    # A build that cannot write its index has published nothing.
    rm "$store/v1/u0/gen-000001/union"
    cp -a "$store" good
    for size in 0 1 100; do
        rm -rf "$store"
        cp -a good "$store"
        truncate -s "$size" "$(exports)/index.json"
        forget b
        run on b docker build -t app app
        expect_cached none
        expect_notes SLP002 '!SLP001'
        forget b
        run on b docker build -t app app
        expect_cached all
        run slipway trim
        forget b
        run on b docker build -t app app
        expect_cached all
    done
}
turn_case 10 "an index that did not fit on the disk is no export, and hides none" torn_index
