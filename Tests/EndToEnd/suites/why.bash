#!/usr/bin/env bash
# `slipway modes` makes fresh clones hit, and `slipway why` names the cause of each miss.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine b sid containerd
engine older trixie containerd
need setfacl acl

# application DIR: a repository with a COPY of a directory and two steps after it. Each application's steps are
# different: if the engine has its own results for the first steps, BuildKit does not always find the imported ones
# after them.
application() {
    begin_clone
    project "$1"
    mkdir -p "$1/src/deep"
    printf '#!/bin/sh\n' >"$1/src/run"
    chmod 755 "$1/src/run"
    unique >"$1/src/deep/inner"
    cat >"$1/Dockerfile" <<DOCKERFILE
FROM slipway/base:1
COPY src /app/src
ARG FLAVOR=plain
$RUN cat /app/src/deep/inner >/second && echo "\$FLAVOR" >>/second
$RUN sha256sum /second >/third
DOCKERFILE
    commit "$1" application
}

# BuildKit stores what it received under the last component of the context's path, and compares later contexts with
# that: so no name is used twice.
clone=clone
begin_clone() { clone=clone-$(unique); }

# recorded: waits until the outcome of the last build is beside its export. The recorder has the lowest priority.
recorded() {
    local folder
    folder=$(journal | jq -r '.notes[] | select(.code == "SLP002") | .message | sub(".*: "; "")')
    await 60 test -e "$folder/outcome"
}

has_lines() { [[ $(wc -l <"$2") == "$1" ]]; }
# accounted N [SECONDS]: waits until the ledger has N builds, which happens after the record
accounted() { await "${2:-120}" has_lines "$1" "$home/.local/state/slipway/builds.jsonl"; }

# why_is CAUSE TEXT...: for the last build, on engine b
why_is() {
    local cause=$1 i
    shift
    # Nothing is known until it is recorded.
    for ((i = 0; i < 10; i++)); do
        run on "${engine_asked:-b}" slipway why --json
        [[ $cause != unknown && $(jq -r .cause "$stdout") == unknown ]] || break
        sleep 1
    done
    expect_equal "$(jq -r .cause "$stdout")" "$cause" "the cause ($(jq -r .sentence "$stdout"))"
    for text; do expect_said "$text"; done
    run on "${engine_asked:-b}" slipway why
}

# -- Modes ------------------------------------------------------------------------------------------------------------

# clone_misses HOW WANTED: a clone made by the function HOW misses, and hits on an empty engine once it is fixed
clone_misses() {
    application app
    run on a docker build -t app app
    recorded
    "$1"
    run on b docker build -t app "$clone"
    expect_cached none
    expect_notes SLP700
    why_is modes "differ only in mode" "$2" "slipway modes --fix"
    try on b slipway modes "$clone"
    expect_code 1
    run on b slipway modes --fix "$clone"
    run on b slipway modes "$clone"
    forget b
    run on b docker build -t app "$clone"
    expect_cached all
    expect_notes !SLP700
    why_is all-cached
    expect_equal "$(git -C "$clone" status --porcelain)" "" "git status"
}

with_umask() { (umask "$1" && git clone --quiet app "$clone"); }
with_002() { with_umask 002; }
with_077() { with_umask 077; }
umask_002() { clone_misses with_002 "umask 0002"; }
umask_077() { clone_misses with_077 "umask 0077"; }
turn_case 10 "a clone with umask 002" umask_002
turn_case 10 "a clone with umask 077" umask_077

umask_022() {
    application app
    run on a docker build app
    with_umask 022
    run on b slipway modes "$clone"
    run on b docker build "$clone"
    expect_cached all
    expect_notes !SLP700
}
turn_case 10 "a clone with umask 022 has nothing to fix" umask_022

below_setgid() {
    mkdir shared
    chgrp 12345 shared
    chmod 2755 shared
    git clone --quiet app shared/clone
    ln -s shared/clone "$clone"
}
setgid_directories() {
    clone_misses below_setgid 2755
    expect_equal "$(stat -c %a shared)" 2755 "the folder above"
}
turn_case 10 "a clone below a setgid directory" setgid_directories

below_acl() {
    mkdir shared
    setfacl -d -m u:12345:rwx -m g::rwx -m o::rx shared
    git clone --quiet app shared/clone
    ln -s shared/clone "$clone"
}
default_acl() { clone_misses below_acl "where the cache was made"; }
turn_case 10 "a clone below a default ACL" default_acl

fixed_before_the_build() {
    application app
    run on a docker build app
    with_umask 002
    run on b SLIPWAY_MODES=fix docker build "$clone"
    expect_notes SLP701
    expect_cached all
}
turn_case 10 "modes = fix corrects before the build" fixed_before_the_build

# -- The other causes --------------------------------------------------------------------------------------------------

other_content() {
    application app
    run on a docker build app
    recorded
    git clone --quiet app "$clone"
    unique >"$clone"/src/deep/inner
    run on b docker build "$clone"
    expect_cached none
    why_is content "src/deep/inner" "1 with other content"
    printf 'x' >"$clone"/src/$'new\n\e[31m'
    git -C "$clone" checkout --quiet src/deep/inner
    rm "$clone/src/run"
    run on b docker build "$clone"
    # Compared with the nearest build, which is the first one and not the previous one.
    why_is files "1 new" "1 missing"
    expect_not grep -q $'\e' "$stdout"
    # Docker itself refuses names that are not UTF-8.
    printf 'x' >"$clone"/src/$'\xff\xfe'
    try on b docker build "$clone"
    run on b slipway why
    expect_said "not known"
}
test_case "other content, new and missing files, hostile names" other_content

other_inputs() {
    application app
    run on a docker build app
    recorded
    run on b docker build --build-arg FLAVOR=sour app
    why_is argument "build argument FLAVOR"
    forget b
    sed -i 's/^\(RUN .*\)sha256sum .*/\1md5sum \/second >\/third/' app/Dockerfile
    run on b docker build app
    why_is dockerfile "line 5"
    run on b docker build --no-cache app
    why_is no-cache
}
turn_case 3 "arguments, the Dockerfile, --no-cache" other_inputs

git_in_context() {
    application app
    sed -i 's/^COPY .*/COPY . \/app/' app/Dockerfile
    commit app all
    run on a docker build app
    recorded
    git clone --quiet app "$clone"
    run on b docker build "$clone"
    why_is clutter .git .dockerignore
    echo .git >app/.dockerignore
    commit app ignore
    run on a docker build app
    recorded
    git -C "$clone" pull --quiet
    forget b
    run on b docker build "$clone"
    expect_cached all
}
turn_case 10 "git's own files in the context" git_in_context

moved_base() {
    application app
    for engine in a b; do
        printf 'FROM slipway/base:1\nRUN echo %s >/base\n' "$(unique)" >base.Dockerfile
        run direct "$engine" docker build -t slipway/moving:1 - <base.Dockerfile
    done
    sed -i 's|slipway/base:1|slipway/moving:1|' app/Dockerfile
    commit app moving
    run on a docker build app
    recorded
    run on b docker build app
    why_is base slipway/moving:1
}
turn_case 10 "a base image that moved" moved_base

nothing_before() {
    application app
    run on b docker build app
    why_is never-built
    recorded
    sed -i 's/^FROM .*/& AS whole/' app/Dockerfile
    forget b
    run on b SLIPWAY_UNION_SCOPE=key docker build --target whole app
    why_is target "the last stage"
    forget b
    run on b docker build --target whole app
    why_is all-cached
}
turn_case 10 "a first build, and another target" nothing_before

spoiled_store() {
    application app
    run on a docker build app
    recorded
    for file in "$store"/v1/u0/gen-*/blobs/sha256/*; do
        if jq -e .config "$file" >/dev/null 2>&1; then echo >"$file"; fi
    done
    run on b docker build app
    why_is left-out SLP40
    forget b
    chmod 777 "$store/v1/u0"
    run on b docker build app
    why_is store SLP302
}
turn_case 10 "a spoiled or untrusted store" spoiled_store

legacy() {
    local RUN=RUN # the old builder knows no other
    application app
    run on b DOCKER_BUILDKIT=0 docker build app
    why_is engine SLP204
}
turn_case 10 "an engine that cannot import" legacy

# -- Several builds of one command -------------------------------------------------------------------------------------

# Two targets share a context, and one has its own.
targets() {
    application app
    cat >app/Other <<DOCKERFILE
FROM slipway/base:1 AS first
COPY src/run /run
FROM slipway/base:1
COPY --from=first /run /run
$RUN echo $(unique) >/other
DOCKERFILE
    mkdir app/more
    unique >app/more/file
    printf 'FROM slipway/base:1\nCOPY file /file\n' >app/more/Dockerfile
    cat >app/compose.yaml <<'YAML'
name: slw-why
services:
  one: {build: .}
  other: {build: {context: ., dockerfile: Other}}
  more: {build: more, image: slw/more}
YAML
    commit app targets
    cat >app/docker-bake.hcl <<'HCL'
group "default" { targets = ["one", "other", "more"] }
target "one" {}
target "other" { dockerfile = "Other" }
target "more" {
  context = "more"
  tags = ["slw/more"]
}
HCL
}

# builds_all ENGINE COMMAND...: builds in app, and waits until the ledger has all three
builds_all() {
    local before=0 ledger=$home/.local/state/slipway/builds.jsonl
    [[ ! -e $ledger ]] || before=$(wc -l <"$ledger")
    cd app
    run plugged "$@"
    cd ..
    accounted $((before + 3))
}

several_builds() {
    targets
    builds_all a "$@"
    expect_equal "$(find "$store"/v1/u0/gen-*/exports -name outcome | wc -l)" 3 "outcomes"
    # What two targets see of one context is stored once.
    expect_equal "$(find "$store"/v1/u0/gen-*/exports -name context -links 2 | wc -l)" 2 "contexts that are one file"
    builds_all b "$@"
    run on b slipway why --json
    expect_equal "$(jq -c '[.cause, .cached == .total, (.targets | sort)]' "$stdout")" '["all-cached",true,["more","one","other"]]'
    forget b
    unique >app/more/file
    builds_all b "$@"
    run plugged b slipway why
    expect_said "more: COPY file /file: files of the context differ: 1 with other content"
    expect_said "also built: "
    run plugged b slipway why --target one --json
    expect_equal "$(jq -c '[.cause, .target, .cached, .total]' "$stdout")" '["all-cached","one",3,3]'
    run plugged b slipway why slw/more
    expect_said "more: COPY file /file: "
    try on b slipway why --target none
    expect_code 1
    expect_said "there are "
    run on b slipway stats --json
    expect_equal "$(jq -c '[.exported, .arrived, (.repositories[0] | .builds, .exports)]' "$stdout")" '[9,9,9,9]' "the account"
    # The target that should have hit comes before one that could not, although the latter is first.
    forget b
    unique >app/more/file
    chmod 700 app/src/run
    cd app
    try plugged b slipway check --json -- "$@"
    expect_code 3
    expect_equal "$(tail -n 1 "$stdout" | jq -r '.cause + " " + .target')" "modes one"
    run plugged b slipway why --target more
    expect_said "files of the context differ: 1 with other content"
    # Nothing is known about a target that is gone from the store.
    local gone
    gone=$(journal | jq -r '.notes[] | select(.code == "SLP002") | .message | select(contains(": more, ")) | sub(".*, "; "")')
    await 60 test -e "$gone/outcome"
    rm -r "$gone"
    run plugged b slipway why --json
    expect_equal "$(jq -c '[.cause, (.targets | sort)]' "$stdout")" '["modes",["one","other"]]'
    try plugged b slipway why --target more
    expect_code 1
    expect_said "nothing was recorded of target more"
    run on b docker build .
    try on b slipway why --target one
    expect_code 1
    expect_said "no target one"
}
by_bake() { several_builds docker buildx bake; }
by_compose() { several_builds docker compose build; }
turn_case 10 "bake: each target's own cause" by_bake 600
turn_case 10 "compose: each service's own cause" by_compose 600

without_exports() {
    targets
    builds_all a docker buildx bake
    unique >app/more/file
    builds_all b SLIPWAY_BUILD_CACHE=import-only docker buildx bake
    expect_equal "$(find "$home/.local/state/slipway/builds" -name outcome | wc -l)" 3 "outcomes"
    run plugged b slipway why
    expect_said "more: COPY file /file: files of the context differ: 1 with other content"
    sed -i "s/^$RUN /&: \&\& /" app/Other
    builds_all b SLIPWAY_BUILD_CACHE=import-only docker buildx bake
    run plugged b slipway why --target other
    expect_said "line 5"
    expect_equal "$(find "$home/.local/state/slipway/builds" -name outcome | wc -l)" 6 "outcomes"
    # Even with this many targets nothing is lost; and if two shims leave a bake unchanged, only one records it.
    local -a names=()
    for ((i = 1; i <= 18; i++)); do names+=("$i"); done
    for i in "${names[@]}"; do printf 'target "t%s" { dockerfile-inline = "FROM slipway/base:1\\nRUN echo %s" }\n' "$i" "$i"; done >app/docker-bake.hcl
    cd app
    run plugged b SLIPWAY_UNION_SCOPE=key SLIPWAY_BUILD_CACHE=import-only docker buildx bake "${names[@]/#/t}"
    expect_notes !SLP001 SLP400
    accounted 27 400
    expect_equal "$(find "$home/.local/state/slipway/builds" -name outcome | wc -l)" 24 "outcomes"
    # Sixteen commands are kept: three were there, and the oldest of these are removed.
    for ((i = 10; i < 25; i++)); do mkdir "$home/.local/state/slipway/builds/00000000$i-1-0000"; done
    run plugged b SLIPWAY_BUILD_CACHE=import-only docker buildx bake t1
    accounted 28
    expect_equal "$(find "$home/.local/state/slipway/builds" -name outcome | wc -l)" 25 "outcomes"
    expect_equal "$(cd "$home/.local/state/slipway/builds" && echo 00000000*)" \
        "$(for ((i = 13; i < 25; i++)); do echo "00000000$i-1-0000"; done | paste -sd ' ')" "older commands"
}
turn_case 10 "builds that export nothing are recorded, too" without_exports 600

notes_of_others() {
    targets
    sed -i 's/^target "other" .*/target "other" {\n  dockerfile = "Other"\n  no-cache = true\n  cache-to = ["type=local,dest=own"]\n}/' app/docker-bake.hcl
    builds_all a docker buildx bake
    expect_notes SLP106 SLP400
    run plugged a slipway why --target one
    expect_said "never built before"
    run plugged a slipway why --target other
    expect_said "--no-cache was given"
}
turn_case 10 "a statement about one target is not made about another" notes_of_others

checked_bake() {
    targets
    builds_all a docker buildx bake
    with_umask 077
    cp app/docker-bake.hcl "$clone"
    cd "$clone"
    try plugged b slipway check --json -- docker buildx bake one more
    expect_code 3
    expect_equal "$(jq -r .cause "$stdout")" modes cause
    forget b
    try plugged b slipway check -- docker compose build
    expect_code 3
    expect_said "slipway modes --fix"
    run plugged b slipway check -- docker compose build
    expect_said "every step was cached"
}
turn_case 10 "slipway check fails if a target should have hit" checked_bake

# From a read-only store in which no such command was built before, two targets import the same manifest.
same_context() {
    local flavor union
    project app
    for flavor in sweet sour; do
        printf 'target "%s" {\n  context = "app"\n  args = { FLAVOR = "%s" }\n}\n' "$flavor" "$flavor"
    done >docker-bake.hcl
    echo 'group "default" { targets = ["sweet", "sour"] }' >>docker-bake.hcl
    for flavor in sweet sour; do
        run on a docker build --build-arg "FLAVOR=$flavor" app
        recorded
    done
    published
    union=$(realpath "$store/v1/u0/current/union")
    expect_not grep -q '^apart ' "$union"
    run with_mounts "mount --bind '$store' '$store' && mount -o remount,bind,ro '$store'" \
        plugged b docker buildx bake --progress=plain
    expect_equal "$(steps_total)" 6 steps
    expect_cached 4
    why_is shared "nothing differs" "the same context"
    expect_not grep -q '^apart ' "$union"
    # A target that reaches the engine after the shared steps have ended still misses its own (docs/design.md, "Unions").
    local attempt
    for attempt in 1 2 3; do
        forget b
        run plugged b docker buildx bake --progress=plain
        expect grep -q '^apart ' "$union"
        [[ $(steps_cached) != "$(steps_total)" ]] || break
        expect_cached 4
        note "= a target came late: $attempt"
        await 60 at_rest
        why_is shared "nothing differs" "the same context"
    done
    expect_cached all
}
turn_case 10 "bake: a target with the same context has kept another from its own steps" same_context

# buildx also records compose's own builds; the older buildx has no history, but the differences are known.
compose_by_itself() {
    targets
    cd app
    run plugged a docker compose build
    accounted 3
    unique >more/file
    run on b COMPOSE_BAKE=false docker compose build
    expect_equal "$(journal | jq -r .command)" compose "the journal"
    accounted 6
    run on b slipway why --target more --json
    expect_equal "$(jq -c '[.cause, (.targets | sort)]' "$stdout")" '["content",["more","one","other"]]'
    unique >more/file
    run on older docker compose build
    expect_equal "$(journal | jq -r .command)" compose "the journal"
    run on older slipway why --target more --json
    expect_equal "$(jq -r .cause "$stdout")" unknown
    expect_said "files of the context differ: 1 with other content"
}
turn_case 10 "a compose that builds by itself" compose_by_itself

# -- If less is known
# --------------------------------------------------------------------------------------------------

without_git() {
    application app
    rm -rf app/.git
    run on a docker build -t team/app app
    recorded
    cp -r app copy
    unique >copy/src/deep/inner
    run on b docker build -t team/app copy
    why_is content src/deep/inner
    run on b slipway why team/app
    expect_said src/deep/inner
    try on b slipway modes copy
    expect_code 1
    expect_said "no git repository"
}
turn_case 10 "without git" without_git

torn_index() {
    application app
    run on a docker build app
    recorded
    with_umask 002
    head -c 100 "$clone/.git/index" >torn
    cp torn "$clone/.git/index"
    run on b docker build "$clone"
    expect_notes SLP702
    why_is modes "umask 0002"
    try on b slipway modes --fix "$clone"
    expect_code 1
    expect_said torn
}
turn_case 10 "a torn index: the files themselves are read instead" torn_index

other_contexts() {
    application app
    tar -C app -cf app.tar .
    # shellcheck disable=SC2317 # by `run`
    from_stdin() { on "$1" docker build - <app.tar; }
    run from_stdin a
    unique >app/src/deep/inner
    tar -C app -cf app.tar .
    run from_stdin b
    why_is unknown "not known"
}
turn_case 10 "a context on standard input" other_contexts

vanishing_context() {
    application app
    run on a docker build app
    recorded
    mkdir -p big/src
    cp -r app/. big
    for ((i = 0; i < 2000; i++)); do echo "$i" >"big/src/file$i"; done
    (sleep 0.3; rm -rf big/src/file1*) &
    try on b docker build big
    wait $!
    # It may say that files are new, and that it does not know; but never that they have another mode or content.
    run on b slipway why --json
    expect grep -qxE 'files|unknown' <(jq -r .cause "$stdout")
}
turn_case 10 "a context that vanishes while it is recorded" vanishing_context

edited_meanwhile() {
    application app
    echo 'RUN sleep 3' >>app/Dockerfile
    local read kept
    read=$(sha256sum app/Dockerfile | head -c 16)
    start slow on a docker build app
    await 60 compgen -G "$store/v1/u0/gen-*/exports/*/*/build"
    echo 'RUN true' >>app/Dockerfile
    finish slow
    expect_code 0
    accounted 1
    kept=$(jq -r .dockerfile "$home/.local/state/slipway/builds.jsonl")
    expect_equal "$kept" "$read" "the Dockerfile that the build is accounted to"
}
turn_case 10 "a Dockerfile that is edited while it is built" edited_meanwhile

two_dockerfiles() {
    application app
    mkdir app/x
    sed 's/^FROM .*/&\nRUN echo other/' app/Dockerfile >app/x/Dockerfile
    start other on a docker build -f app/x/Dockerfile app
    start own on a docker build app
    finish other
    expect_code 0
    finish own
    expect_code 0
    accounted 2
    local file steps
    for file in app/Dockerfile app/x/Dockerfile; do
        steps=$(grep -cE '^(COPY|RUN|WORKDIR)' "$file")
        expect_equal "$(jq --arg digest "$(sha256sum "$file" | head -c 16)" 'select(.dockerfile == $digest) | .outcome.steps | length' \
            "$home/.local/state/slipway/builds.jsonl")" "$steps" "steps of $file"
    done
}
turn_case 10 "two builds of one context at once, with a Dockerfile each" two_dockerfiles

old_buildx() {
    application app
    run on a docker build app
    recorded
    with_umask 002
    run on older docker build "$clone"
    engine_asked=older
    why_is unknown "older than 0.21" "differ only in mode"
}
turn_case 10 "buildx without a history: what differs, and that no step is known" old_buildx

# -- Checking and counting ---------------------------------------------------------------------------------------------

checked() {
    application app
    run on a docker build app
    recorded
    run on b slipway check -- docker build -t checked app
    expect_said "every step was cached"
    with_umask 077
    forget b
    try on b slipway check --json -- docker build "$clone"
    expect_code 3
    expect_equal "$(jq -r .cause "$stdout")" modes cause
    expect_said "slipway modes --fix"
    echo RUN false >>"$clone/Dockerfile"
    try on b slipway check -- docker build "$clone"
    expect_code 1
    git clone --quiet app other
    unique >other/src/deep/inner
    run on b slipway check -- docker build other
    expect_said "1 with other content"
    try on b SLIPWAY_REQUIRE=all slipway check -- docker build other
    expect_code 2
}
turn_case 10 "slipway check fails if the store should have had a step" checked

# BuildKit executes all steps of the stage, although the imported union has them.
partly_anew() {
    application app
    sed -i 's/^FROM .*/& AS only/' app/Dockerfile
    run on a docker build app
    recorded
    run on b slipway check -- docker build --no-cache-filter only app
    expect_cached none
    expect_said "--no-cache-filter was given"
    why_is no-cache
}
turn_case 10 "slipway check does not fail for steps that were to be executed" partly_anew

accounts() {
    application app
    # The slow step pays for the exports as long as it is cached.
    echo 'RUN sleep 2' >>app/Dockerfile
    run on a docker build app
    recorded
    run on b docker build app
    accounted 2
    run on b slipway stats --json
    expect_equal "$(jq -c '.repositories[0] | [.builds, .steps, .cached, .exports, .saved >= 2, .pays]' "$stdout")" \
        '[2,8,4,2,true,true]' "the account"
    expect_equal "$(jq '.repositories[0].bytes > 0' "$stdout")" true bytes
    run on b slipway stats
    expect_said "2 exports"

    # Ten builds that always change; eight of them only in the ledger, because they are alike and take long.
    sed -i '$d' app/Dockerfile
    local ledger=$home/.local/state/slipway/builds.jsonl line
    unique >app/src/deep/inner
    run on b docker build app
    accounted 3
    line=$(tail -n 1 "$ledger")
    for ((i = 0; i < 8; i++)); do jq -c ".began += $i + 1" <<<"$line" >>"$ledger"; done
    unique >app/src/deep/inner
    run on b docker build app
    accounted 12
    await 60 compgen -G "$home/.local/state/slipway/losses/*"
    run on b slipway stats
    expect_said "export costs more than it returns"
    run on b SLIPWAY_RECORD=off docker build app
    expect_notes SLP002
    unique >app/src/deep/inner
    run on b SLIPWAY_EXPORT=auto docker build app
    expect_notes SLP115 !SLP002
    echo 'RUN true' >>app/Dockerfile
    run on b SLIPWAY_EXPORT=auto docker build app
    expect_notes SLP002 !SLP115
}
turn_case 10 "stats show what exports cost and saved; export = auto skips exports that do not pay" accounts
