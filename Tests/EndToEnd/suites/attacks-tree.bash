#!/usr/bin/env bash
# What others plant in or around a working tree: repositories, links, FIFOs, and files that change while they are
# read.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine older trixie containerd

# stranger COMMAND...: as an untrusted user
stranger() {
    setpriv --reuid=1234 --regid=1234 --clear-groups env HOME="$place/stranger" \
        GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' "$@"
}

# shared_folder: "shared" is a folder like /tmp, "shared/app" is one of root's builds in it, without a repository.
shared_folder() {
    mkdir stranger
    chown 1234:1234 stranger
    mkdir shared
    chmod 1777 shared
    mkdir shared/app
    printf 'FROM slipway/base:1\nCOPY input /input\nRUN echo %s\n' "$(unique)" >shared/app/Dockerfile
    unique >shared/app/input
    (umask 077; echo "TOKEN=$(unique)" >shared/app/.env)
}

# plant: a repository of the other user around root's build, which tracks root's files
plant() {
    stranger git -c init.defaultBranch=main init --quiet shared
    stranger git -C shared remote add origin https://example.invalid/genuine/app.git
    local blob path
    blob=$(echo theirs | stranger git -C shared hash-object -w --stdin)
    for path in app/.env app/input app/Dockerfile; do
        stranger git -C shared update-index --add --cacheinfo "100644,$blob,$path"
    done
}

keys() { jq -r .repository "$store"/v1/u0/gen-*/exports/*/key.json; }

planted() {
    shared_folder
    plant
    run on a docker build shared/app
    expect_notes SLP311 SLP002 '!SLP700'
    expect_equal "$(keys)" "$place/shared/app" "the key's repository"
    # Not even for an image's name, which comes from the command.
    run on a slipway explain --json -- docker build shared/app
    expect_equal "$(jq '[.notes[].code] | contains(["SLP311"])' "$stdout")" true
    # The user who placed it may use it.
    chown -R 1234:1234 shared/app
    mkdir -m 1777 theirs
    run as 1234 a SLIPWAY_STORE="$place/theirs/store" docker build shared/app
    expect_equal "$(jq -r .repository "$place"/theirs/store/v1/u1234/gen-*/exports/*/key.json)" example.invalid/genuine/app
}
test_case "a stranger's .git around a build chooses neither its key nor its branch" planted

widening() {
    shared_folder
    plant
    run on a SLIPWAY_MODES=fix docker build shared/app
    expect_equal "$(stat -c %a shared/app/.env)" 600
    try on a slipway modes --fix --json shared/app
    expect_code 1
    expect_equal "$(jq -r .error "$stdout")" repository-of-another-user
    expect_equal "$(stat -c %a shared/app/.env)" 600
    try on a slipway doctor --json
    expect_equal "$(stat -c %a shared/app/.env)" 600
}
test_case "a stranger's .git opens none of your files to others" widening

leading() {
    shared_folder
    stranger git -c init.defaultBranch=main init --quiet stranger/repo
    stranger git -C stranger/repo remote add origin https://example.invalid/genuine/app.git
    # A user's own .git file may lead to another user's repository, and another user's file to one's own.
    project own
    local name
    for name in own-to-foreign foreign-to-own link common; do
        rm -rf shared/.git "$store"
        case $name in
            own-to-foreign) echo "gitdir: $place/stranger/repo/.git" >shared/.git ;;
            foreign-to-own) stranger sh -c "echo 'gitdir: $place/own/.git' >shared/.git" ;;
            link) stranger ln -s "$place/own/.git" shared/.git ;;
            common)
                mkdir shared/.git
                echo "$place/stranger/repo/.git" >shared/.git/commondir
                echo 'ref: refs/heads/main' >shared/.git/HEAD
                ;;
        esac
        run on a docker build shared/app
        expect_notes SLP311
        expect_equal "$(keys)" "$place/shared/app" "the key's repository, $name"
    done
}
turn_case 10 "a .git that leads to or from a stranger's repository is ignored" leading

sudoers() {
    shared_folder
    plant
    run on a SUDO_UID=1234 docker build shared/app
    expect_notes '!SLP311'
    expect_equal "$(keys)" example.invalid/genuine/app
    await 60 at_rest
    rm -rf "$store"
    run on a SUDO_UID=1235 docker build shared/app
    expect_notes SLP311
    # Everybody may use root's repository; but no variable makes its owner root.
    project own
    mkdir -m 1777 "$place/theirs"
    run as 1234 a SLIPWAY_STORE="$place/theirs/store" docker build own
    expect_notes_of 1234 '!SLP311'
    chown -R 1235:1235 own
    run as 1234 a SLIPWAY_STORE="$place/theirs/store" SUDO_UID=1235 docker build own
    expect_notes_of 1234 SLP311
}
expect_notes_of() { (home=$place/home-$1; expect_notes "${@:2}"); }
turn_case 10 "root under sudo trusts the repository of the user who called sudo, and nobody else's" sudoers

fifos() {
    shared_folder
    local name started
    for name in .git .git/HEAD .git/config .git/index .git/commondir; do
        rm -rf shared/.git
        [[ $name == .git ]] || mkdir shared/.git
        # Also if the folder is the user's own: anyone who may write to it may put anything there.
        mkfifo "shared/$name"
        chmod 666 "shared/$name"
        started=$SECONDS
        # buildx itself asks git about the repository, and git hangs on a FIFO.
        run on a BUILDX_GIT_INFO=0 timeout 60 docker build shared/app
        run on a BUILDX_GIT_INFO=0 SLIPWAY_MODES=fix timeout 60 docker build shared/app
        try on a timeout 20 slipway modes shared/app
        [[ $code != 124 ]] || fail "slipway modes waits for $name"
        [[ $((SECONDS - started)) -lt 60 ]] || fail "$name held a build up"
    done
    # In the context, and in place of files that docker and the linter read.
    rm -rf shared/.git
    mkfifo shared/app/pipe
    mkfifo shared/app/.dockerignore
    try on a timeout 20 slipway explain -- docker build shared/app
    expect_code 0
    rm shared/app/.dockerignore
    mv shared/app/Dockerfile shared/kept
    mkfifo shared/app/Dockerfile
    try on a timeout 20 slipway explain -- docker build shared/app
    expect_code 0
    await 60 at_rest
}
turn_case 10 "FIFOs in place of git's and docker's files delay nothing" fifos

huge() {
    shared_folder
    plant
    # An index that takes minutes to read, and endless files.
    stranger sh -c 'head -c 200M /dev/zero >shared/.git/index; head -c 200M /dev/zero >shared/.git/config; head -c 200M /dev/zero >shared/.git/HEAD'
    run on a BUILDX_GIT_INFO=0 timeout 60 docker build shared/app
    run on a BUILDX_GIT_INFO=0 SLIPWAY_MODES=fix timeout 60 docker build shared/app
    expect_notes SLP311
    rm -rf shared/.git
    git -c init.defaultBranch=main init --quiet shared
    rm shared/.git/HEAD shared/.git/config
    ln -s /dev/zero shared/.git/HEAD
    ln -s /dev/zero shared/.git/config
    ln -s /dev/zero shared/.git/index
    run on a BUILDX_GIT_INFO=0 timeout 60 docker build shared/app
    await 60 at_rest
}
turn_case 10 "huge and endless git files delay nothing" huge

own_secrets() {
    project app
    printf 'TOKEN=\n' >app/.env
    printf 'same\n' >app/same
    commit app more
    echo "TOKEN=$(unique)" >app/.env
    chmod 600 app/.env app/same
    try on a slipway modes --fix --dry-run --json app
    expect_equal "$(jq -c '[.private, .notCompared, .fixed]' "$stdout")" '[[".env"],[],0]'
    run on a SLIPWAY_MODES=fix docker build app
    expect_notes SLP704
    expect_equal "$(stat -c %a app/.env app/same | tr '\n' ' ')" "600 644 "
    try on a slipway modes --fix app
    expect_code 1
    expect_said "are closed to others and have content that differs from git"
    expect_equal "$(stat -c %a app/.env)" 600
    git -C app checkout --quiet .env
    chmod 600 app/.env
    run on a slipway modes --fix app
    expect_equal "$(stat -c %a app/.env)" 644
}
test_case "a tracked file that holds secrets stays closed to others, and is reported" own_secrets

# builds_with ENGINE DOCKERFILE: whether docker builds with it
builds_with() { try direct "$1" docker build --no-cache -f "$2" linked; [[ $code == 0 ]]; }

linked() {
    local name engine
    mkdir -p linked/sub outside
    printf 'FROM slipway/base:1\nSECRETWORD and more\n' >outside/shadow
    printf 'FROM slipway/base:1\nRUN echo OUTSIDE\n' >outside/Dockerfile
    printf 'FROM slipway/base:1\nRUN echo %s\n' "$(unique)" >linked/real
    cp linked/real linked/sub/real
    ln -s real linked/within
    ln -s ../outside/Dockerfile linked/out
    ln -s "$place/outside/Dockerfile" linked/absolute
    ln -s ../outside/shadow linked/shadow
    cp linked/real linked/above
    ln -s ../above linked/sub/up
    ln -s ../outside linked/folder
    for engine in a older; do
        for name in real within sub/real folder/Dockerfile; do
            turn 4 || continue
            builds_with "$engine" "linked/$name" || fail "docker on $engine does not build with $name"
        done
        for name in out absolute shadow sub/up; do
            turn 4 || continue
            ! builds_with "$engine" "linked/$name" || fail "docker on $engine builds with $name"
        done
    done
    for name in real within sub/real folder/Dockerfile out absolute shadow sub/up; do
        turn 3 || continue
        try on a docker build -f "linked/$name" linked
        await 60 at_rest
        if grep -r -a -e SECRETWORD -e OUTSIDE "$store" "$home"; then fail "$name is in a record"; fi
    done
    # This leaked /etc/shadow: the first words of its lines.
    # shellcheck disable=SC2016 # as in /etc/shadow
    (umask 077; printf 'SECRETWORD:$y$j9T$x:1:0:9:7:::\n' >outside/shadow)
    ln -sf ../outside/shadow linked/Dockerfile
    ln -sf ../outside/shadow linked/.dockerignore
    try on a docker build linked
    await 60 at_rest
    if grep -r -a -e SECRETWORD "$store" "$home"; then fail "a word of it is in a record"; fi
    # Not a link, and not a Dockerfile: a word that BuildKit does not know is not an instruction.
    cp outside/shadow linked/text
    try on a docker build -f linked/text linked
    await 60 at_rest
    if grep -r -a -e SECRETWORD "$store" "$home"; then fail "a word of what is no Dockerfile is in a record"; fi
}
test_case "what docker refuses to read as a Dockerfile is in no record" linked

# A folder of the context becomes a link out of it, and back, as fast as another user can do that.
racer() {
    shared_folder
    # What lies below it is reached through it, once for each folder in it.
    mkdir -p outside/{1..500} shared/app/turns/{1..500}
    local folder
    for folder in {1..500}; do echo secret >"outside/$folder/SECRETNAME"; done
    chown -R 1234:1234 shared/app
    stranger bash -c 'cd shared/app; while [[ ! -e ../stop ]]; do mv turns away; ln -s ../../outside turns; rm turns; mv away turns; done' &
    for _ in {1..6}; do
        try on a docker build -f - shared/app <shared/app/Dockerfile
        await 60 at_rest
    done
    touch shared/stop
    if grep -r -a -l SECRETNAME "$store" "$home"; then fail "names from outside of the context are in a record"; fi
}
turn_case 3 "a directory that a racer turns into a link while it is recorded reveals no name from outside" racer
