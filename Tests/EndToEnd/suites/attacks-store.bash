#!/usr/bin/env bash
# What a stranger on the machine can do to the store, and what is left of it: each case has a real second user, 1234, who holds locks, takes
# names, moves things, or plants them; and builds that are killed, with what they leave.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd

stranger() { setpriv --reuid=1234 --regid=1234 --clear-groups "$@"; }
slipway() { on a slipway "$@"; }
bytes() { slipway status --json | jq "[.parts[].usage.$1] | add"; }
generations() { find "$store/v1/u0" -maxdepth 1 -name 'gen-*' | wc -l; }
current() { realpath "$store/v1/u0/current"; }
# A blob that no export reaches: something to drop.
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

# hold_all: in the background, a stranger opens every file of root's part that he can, and holds it by every lock that he gets.
hold_all() {
    cat >holder.py <<'PY'
import fcntl, os, struct, sys, time
files = []
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        try:
            file = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        for lock in (lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB),
                     lambda: fcntl.fcntl(file, 37, struct.pack("hhxxxxqqixxxx", fcntl.F_WRLCK, 0, 0, 0, 0)),
                     lambda: fcntl.fcntl(file, 37, struct.pack("hhxxxxqqixxxx", fcntl.F_RDLCK, 0, 0, 0, 0))):
            try:
                lock()
                files.append(file)
            except OSError:
                pass
print("holds", len(files), flush=True)
time.sleep(600)
PY
    start holder stranger python3 "$place/holder.py" "$store/v1/u0"
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
    # Others who import from here are kept out no more than root.
    forget b
    run as 1000 b docker build -t app app
    expect_cached all
    expect_notes_of 1000 SLP001
}
expect_notes_of() {
    local codes
    codes=$(journal_codes "$place/home-$1/.local/state/slipway/journal.jsonl")
    [[ " $codes " == *" $2 "* ]] || fail "no $2 in $codes"
}
test_case "a stranger's locks on every file that he can open cost no build its import and export" lease_held

trim_held() {
    shared_store
    run slipway trim
    nobodys
    hold_all
    run slipway trim --json
    expect_equal "$(jq -r '.parts[0].outcome' "$stdout")" switched
    # He holds what others import under: the old generation is waited for, and everybody says for whom.
    expect_equal "$(generations)" 2 generations
    expect_equal "$(jq -r '.parts[0].heldBy[] | "\(.pid) \(.user) \(.command)"' "$stdout")" "$holder 1234 python3"
    run slipway status
    expect_said "in use by $holder (python3, user 1234)"
    run slipway status --json
    expect_equal "$(jq -r '.parts[0].generations[].heldBy[] | "\(.pid) \(.user) \(.command)"' "$stdout")" "$holder 1234 python3"
    run slipway purge --yes
    expect_said "in use by $holder (python3, user 1234)"
    # And no longer than a day.
    find "$store/v1/u0" -name closed -exec touch -d '25 hours ago' {} +
    run slipway purge --yes
    expect_equal "$(generations)" 1 generations
    expect_equal "$(bytes total)" 0 bytes
    expect kill -0 "$holder"
}
test_case "a stranger's lock holds up no trim, and no purge for more than a day, and he is named" trim_held

# A build of another user's that reads from a generation which is replaced meanwhile ends well.
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
test_case "a build that imports from another user's part is waited for" reader_waited_for

# A store that an older Slipway has made: its lease and `trimmed` can be read, and so held, by all.
old_locks() {
    shared_store
    rm "$(current)/readers"
    chmod 644 "$(current)/lease"
    : >"$store/v1/u0/trimmed"
    chmod 644 "$store/v1/u0/trimmed"
    hold_all
    try slipway purge --yes
    expect_said "is being trimmed by $holder (python3, user 1234)"
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
test_case "a lock that a stranger has had since an older Slipway ends with its generation" old_locks

odd_trimmed() {
    shared_store
    cp -a "$store/v1/u0" good
    local kind name
    for kind in fifo link folder; do
        for name in trimmed trimming; do
            # Another user's part, which root trims as him; and one more behind it.
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
test_case "a FIFO, a link or a folder where trimming is locked exempts nobody from root's trim, and stops it at nobody" odd_trimmed
