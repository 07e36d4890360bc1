#!/usr/bin/env bash
# Who can do what to whom (SECURITY.md): what a writer of the store can do and another user cannot, what a hostile
# repository, folder or configuration can cause, and that no secret from a command line is stored.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd

# -- Writers and other users
# ------------------------------------------------------------------------------------------

# poison EXPORT POOL: what a writer can do. The export's second layer is replaced by one of theirs, and all digests
# match again.
poison() {
    local index=$1/index.json pool=$2 manifest config old new digests
    manifest=$pool/$(jq -r '.manifests[-1].digest' "$index" | cut -c8-)
    config=$pool/$(jq -r .config.digest "$manifest" | cut -c8-)
    # The layer with /first: an archive without whiteouts, with one more file.
    for old in $(jq -r '.layers[].digest' "$manifest" | cut -c8-); do
        ! tar -tzf "$pool/$old" 2>/dev/null | grep -qx first || break
    done
    mkdir evil
    tar -xzf "$pool/$old" -C evil
    echo "by another" >evil/planted
    tar -C evil -czf layer.gz .
    new=$(sha256sum layer.gz | cut -d' ' -f1)
    digests=("$(gzip -dc "$pool/$old" | sha256sum | cut -d' ' -f1)" "$(gzip -dc layer.gz | sha256sum | cut -d' ' -f1)")
    cp layer.gz "$pool/$new"
    sed "s/$old/$new/g; s/${digests[0]}/${digests[1]}/g" "$config" >new-config
    jq -c --arg old "sha256:$old" --arg new "sha256:$new" --argjson size "$(stat -c %s layer.gz)" --arg was "sha256:${digests[0]}" \
        --arg is "sha256:${digests[1]}" --arg config "sha256:$(sha256sum new-config | cut -d' ' -f1)" --argjson csize "$(stat -c %s new-config)" '
        .layers |= map(if .digest == $old then .digest = $new | .size = $size
            | .annotations |= with_entries(if .value == $was then .value = $is else . end) else . end)
        | .config.digest = $config | .config.size = $csize' "$manifest" >new-manifest
    cp new-config "$pool/$(sha256sum new-config | cut -d' ' -f1)"
    cp new-manifest "$pool/$(sha256sum new-manifest | cut -d' ' -f1)"
    jq -c --arg digest "sha256:$(sha256sum new-manifest | cut -d' ' -f1)" --argjson size "$(stat -c %s new-manifest)" \
        '.manifests[-1].digest = $digest | .manifests[-1].size = $size' "$index" >index.json
    cp index.json "$index"
}

has_planted() { direct "$1" docker run --rm --network none app test -e /planted; }

writer() {
    project app
    run on a docker build -t app app
    published
    poison "$(exports)" "$store/v1/u0/gen-000001/blobs/sha256"
    # The union names what was exported first; a writer removes that, too.
    rm "$store/v1/u0/gen-000001/union"
    run on b docker build -t app app
    expect_notes SLP001
    expect has_planted b # whoever may write what you import runs code in your images
}
test_case "a user can put anything into their own images through their own sub-store" writer

stranger_poisons() {
    project app
    run on a slipway store init --shared "$store"
    run on a docker build -t app app
    # They have read the store, made a sub-store of their own, and hope that root builds something similar.
    await 60 at_rest
    cp -a "$store/v1/u0" "$store/v1/u1234"
    poison "$(exports 1234)" "$store/v1/u1234/gen-000001/blobs/sha256"
    chown -hR 1234:1234 "$store/v1/u1234"
    forget b
    run on b docker build -t app app
    expect_cached all
    expect_not has_planted b
    # And they cannot write to root's.
    for place_to_write in "$store/v1/u0" "$store/v1/u0/gen-000001" "$store/v1/u0/gen-000001/blobs/sha256" "$(exports)"; do
        expect_not setpriv --reuid=1234 --regid=1234 --clear-groups touch "$place_to_write/x"
    done
    expect_not setpriv --reuid=1234 --regid=1234 --clear-groups mv "$store/v1/u0" "$store/v1/x"
    expect_not setpriv --reuid=1234 --regid=1234 --clear-groups rm "$store/v1/u0/current"
}
test_case "a stranger in a shared store poisons nobody, and moves nothing that belongs to others" stranger_poisons

# Of a trusted user only files that they own count, whatever names they give to other people's files.
hard_links() {
    project app
    run on a slipway store init --shared "$store"
    run on a docker build app
    mkdir -p "$store/v1/u1234"
    await 60 at_rest
    cp -al "$store/v1/u0/." "$store/v1/u1234"
    find "$store/v1/u1234" \( -type d -o -type l \) -exec chown -h 1234:1234 {} +
    mv "$store/v1/u0" root
    forget b
    run on b SLIPWAY_STORE_TRUSTED_USERS=1234 docker build app
    expect_cached none
    expect_notes '!SLP001'
    find "$store/v1/u1234" -type f -links +1 | grep -q . || fail "there were no hard links"

    # A name of theirs for a file of root's is not written through: a build writes size and lease.
    echo precious >precious
    for name in size lease; do
        await 60 at_rest
        rm -rf "$store"
        run on a slipway store init --shared "$store"
        run on a docker build app
        ln -f precious "$store/v1/u0/gen-000001/$name"
        chown 0 precious
        run on b docker build app
        expect_equal "$(<precious)" precious "what $name was linked to"
    done
}
test_case "hard links to others' files are neither read nor written through" hard_links

# A user who was there first, in a folder where everybody may create names.
sticky() {
    project app
    mkdir sticky
    chmod 1777 sticky
    store=$place/sticky/store
    setpriv --reuid=1234 --regid=1234 --clear-groups mkdir -m 777 "$store"
    run on a docker build app
    expect_notes SLP302 '!SLP001' '!SLP002'
    expect_equal "$(ls -A "$store")" ""
    rmdir "$store"
    setpriv --reuid=1234 --regid=1234 --clear-groups sh -c "mkdir -m 777 sticky/theirs && ln -s theirs sticky/store"
    run on a docker build app
    expect_not injected
    expect_equal "$(ls -A sticky/theirs)" ""
}
test_case "a store that a stranger has made first, or redirected, is not used" sticky

# -- Hostile folders and configuration --------------------------------------------------------------------------------

hostile_folder() {
    project app
    mkdir -p app/.config/slipway app/.docker/cli-plugins app/slipway app/v1/u0 app/bin
    printf '%s\n' "docker = $place/app/docker" "store = $place/app/theirs" "store.trusted-users = 1234" "path.map = /=/host" |
        tee app/slipway.conf app/.slipway.conf app/.slipway app/.config/slipway/slipway.conf app/slipway/slipway.conf >/dev/null 2>&1 || true
    printf '#!/bin/sh\necho mine >%q\n' "$place/taken" | tee app/docker app/docker-buildx app/git app/slipway.sh app/sh >/dev/null
    cp app/docker app/.docker/cli-plugins/docker-buildx
    chmod +x app/docker app/docker-buildx app/git app/sh app/.docker/cli-plugins/docker-buildx
    printf 'SLIPWAY_STORE=%s\n' "$place/app/theirs" | tee app/.env >app/.envrc
    cd app
    local DOCKER_HOST DOCKER_CONFIG ENGINE_DOCKER
    which_engine a
    # Empty and relative entries of PATH mean the current folder.
    run on a PATH="::.:bin:$work/bin::.:${ENGINE_DOCKER%/*}:/usr/bin:/bin" "$work/bin/docker" build .
    expect_not test -e "$place/taken"
    expect_not test -e theirs
    expect_notes SLP002
    expect test -d "$store/v1/u0"
    run on a PATH="::.:bin:$work/bin::.:${ENGINE_DOCKER%/*}:/usr/bin:/bin" "$work/bin/docker" run --rm -v "$PWD:/w" slipway/base:1 true
    expect_not test -e "$place/taken"
}
test_case "no configuration is read from the working directory" hostile_folder

# docker may hang on each of these or report it; the shim must do neither.
hostile_configuration() {
    project app
    local name
    # docker is asked once what it is, before its configuration becomes hostile.
    run on a docker build app
    # The engine is at docker's default address: with a sound configuration the command would be changed.
    local there
    there="mount -t tmpfs tmpfs /run; ln -s $(socket a) /run/docker.sock"
    for name in sound fifo huge deep device folder contexts; do
        rm -rf cfg
        private_config a cfg
        case $name in
            fifo) rm -f cfg/config.json; mkfifo cfg/config.json ;;
            huge) { printf '{"currentContext":"'; head -c 64M /dev/zero | tr '\0' x; printf '"}'; } >cfg/config.json ;;
            deep) { printf '{"a":'; head -c 200000 /dev/zero | tr '\0' '['; } >cfg/config.json ;;
            device) rm -f cfg/config.json; ln -s /dev/zero cfg/config.json ;;
            folder) rm -f cfg/config.json; mkdir cfg/config.json ;;
            contexts) mkdir -p cfg/contexts/meta/"$(printf x | sha256sum | cut -c1-64)"
                mkfifo cfg/contexts/meta/"$(printf x | sha256sum | cut -c1-64)"/meta.json
                echo '{"currentContext":"x"}' >cfg/config.json ;;
        esac
        for words in "build app" "run slipway/base:1 true" "buildx build app"; do
            # shellcheck disable=SC2086 # words
            run unshare --mount --propagation private sh -ec "$there"$'\nexec "$@"' sh timeout 10 env -i HOME="$home" PATH="$work/bin:$(dirname "$(docker_of a)"):/usr/bin:/bin" \
                DOCKER_CONFIG="$place/cfg" SLIPWAY_STORE="$store" slipway explain --json -- docker $words
            expect_equal "$(jq .changed "$stdout")" "$([[ $name == sound && $words == *build* ]] && echo true || echo false)" \
                "$name: docker $words is changed"
        done
    done
}
turn_case 10 "a hostile docker configuration delays nothing" hostile_configuration

# -- What is stored
# -----------------------------------------------------------------------------------------------------

injection() {
    local folder
    folder=$place/$'line\n{"time":1,"notes":[]}\x1b[31m\x1b]0;title\x07\xff'
    mkdir "$folder"
    project "$folder/app"
    git -C "$folder/app" symbolic-ref HEAD refs/heads/x
    printf 'ref: refs/heads/a\x1b[31m\n' >"$folder/app/.git/HEAD"
    cd "$folder"
    run on a docker build app
    try on a docker build $'--nosuch\n{"time":2}\x1b[31m' app
    try on a SLIPWAY_STORE=$'/x\x1b[31m\n{"time":3}' docker build app
    try on a $'SLIPWAY_NONSENSE=\x1b[31m' docker build app
    expect_equal "$(wc -l <"$home/.local/state/slipway/journal.jsonl")" 4 "lines of the journal"
    expect_equal "$(jq -s 'map(.time > 1000) | all' "$home/.local/state/slipway/journal.jsonl")" true "the journal's times"
    for command in "log" "log --json" "stats" "status" "doctor" "explain -- docker build app"; do
        # shellcheck disable=SC2086 # words
        try on a slipway $command
        if LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$stdout" "$stderr"; then fail "slipway $command prints control characters"; fi
    done
}
turn_case 3 "newlines and escape codes in names neither add to the journal nor reach the terminal" injection

secrets() {
    project app
    local secret=hunter2hunter2 word
    sample() { ! turn 3 || try "$@"; }
    git -C app remote set-url origin "https://$secret:x-oauth-basic@example.invalid/$secret@team/app.git?token=$secret"
    echo "$secret" >secret.txt
    echo "TOKEN=$secret" >a.env
    mkdir fetching
    cat >fetching/Dockerfile <<DOCKERFILE
FROM slipway/base:1
ARG QUOTED="one $secret two"
ADD https://user:$secret@example.invalid/$secret@x?token=$secret /x
COPY --from=https://user:$secret@example.invalid /a /b
DOCKERFILE
    cat >bake.json <<JSON
{"target": {"default": {"context": "https://user:$secret@example.invalid/o/r.git?token=$secret#main",
    "contexts": {"more": "https://user:$secret@example.invalid/x?token=$secret"}, "tags": ["user:$secret@host/app"]}}}
JSON
    try on a docker build --build-arg TOKEN=$secret --build-arg "$secret" --secret id=s,src=secret.txt --label "password=$secret" -t app app
    expect_code 0
    sample on b TOKEN=$secret docker build --build-arg TOKEN --no-cache-filter $secret app
    sample on a docker build "https://user:$secret@example.invalid/team/app.git#main"
    sample on a docker build "https://example.invalid/app.tar?token=$secret"
    sample on a docker build -f "https://?token=$secret" "https://?token=$secret"
    sample on a docker build "git@example.invalid:$secret@x/app.git"
    sample on a docker build --cache-from "type=s3,secret_access_key=$secret" --build-context "x=https://user:$secret@example.invalid" app
    sample on a docker build --nosuch="$secret" app
    sample on a docker build -f "https://user:$secret@example.invalid/Dockerfile?token=$secret" app
    sample on a docker build -f "https://user:$secret@example.invalid/Dockerfile?token=$secret" -t "https://user:$secret@h/x" -t "$secret@h/x" app
    sample on a docker build fetching
    sample on a docker build "github.com/o/r?token=$secret"
    sample on a docker build "https://x-access-token:p#$secret@example.invalid/o/r.git#main:dir?token=$secret"
    sample on a docker build --build-context "https://user:$secret@example.invalid/x?token=$secret" app
    sample on a docker buildx bake -f bake.json
    sample on a docker buildx bake "https://user:$secret@example.invalid/o/r.git?token=$secret"
    sample on a docker -H "ssh://user:$secret@example.invalid" build app
    sample on a docker -H "tcp://user:$secret@127.0.0.1:1" build app
    sample on a DOCKER_HOST="ssh://user:$secret@example.invalid" docker build app
    private_config a "$place/cfg"
    run direct a DOCKER_CONFIG="$place/cfg" docker context create far --docker "host=ssh://user@example.invalid"
    sed -i "s/user@/user:$secret@/" "$place"/cfg/contexts/meta/*/meta.json
    sample on a DOCKER_CONFIG="$place/cfg" DOCKER_HOST= docker --context far build app
    sample on a docker run --rm -e PASSWORD=$secret --env-file a.env -v "/x:$secret" slipway/base:1 true
    sample on a docker run --rm --nosuch="$secret" slipway/base:1 true
    sample on a docker volume create --opt type=cifs --opt device=//host.invalid/x --opt "o=username=u,password=$secret" "v-$$"
    run direct a docker volume rm --force "v-$$"
    sample on a docker login -u user -p $secret example.invalid
    expect test -s "$home/.local/state/slipway/journal.jsonl"
    await 60 at_rest
    expect compgen -G "$store/v1/u0/gen-*/exports/*/*/build"
    for command in why stats log "log --json" status doctor; do
        # shellcheck disable=SC2086 # words
        try on a slipway $command
        if grep -a -- "$secret" "$stdout" "$stderr"; then fail "slipway $command prints a secret"; fi
    done
    for word in "$secret" "$(printf %s "$secret" | base64)" "$(printf %s "$secret" | sha256sum | cut -c1-16)"; do
        if grep -r -a -l -- "$word" "$store" "$home" >found; then
            cat found
            grep -a -h -- "$word" "$home"/.local/state/slipway/*
            fail "a secret is written down as $word"
        fi
        if find "$store" "$home" -name "*$word*" | grep -q .; then fail "a secret is in a name"; fi
    done
}
test_case "secrets of command lines, Dockerfiles and addresses are in no journal, record, store or name" secrets

# -- What outlives a command ------------------------------------------------------------------------------------------

# The lease of a build ends with it, and what a detached container leaves running here holds none.
detached() {
    project app
    run on a docker build -t app app
    await 60 at_rest
    local lease=$store/v1/u0/gen-000001/lease before
    before=$({ find /proc/[0-9]*/fd -lname "$lease" || true; } 2>/dev/null | wc -l)
    expect_equal "$before" 0 "descriptors of the lease after a build"
    run on a docker run -d --name "d-$$" slipway/base:1 sleep 60
    run on a docker run -d --rm --name "e-$$" -v "$place:/w" app sleep 60
    await 60 flock --exclusive --nonblock "$lease" true
    run direct a docker exec "d-$$" env
    if grep SLIPWAY "$stdout"; then fail "a variable of Slipway's is in the container"; fi
    run direct a docker inspect --format '{{json .Config}} {{json .HostConfig}}' "d-$$"
    if grep -i slipway_ "$stdout"; then fail "a trace in the container"; fi
    run direct a docker rm --force "d-$$" "e-$$"
}
test_case "a detached container holds no lease and has nothing from the environment" detached
