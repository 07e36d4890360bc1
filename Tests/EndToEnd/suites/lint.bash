#!/usr/bin/env bash
# slipway lint: what its rules say about pip, npm and apt is true on a real engine. Each case builds twice, with an
# argument changed in between so that the RUN is executed again, and counts downloads; then it does the same after
# --fix. Also: what builds write to the journal.

# shellcheck disable=SC2016 # the containers' shells
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
# shellcheck source=Tests/EndToEnd/packages/lib.bash
. "$root/Tests/EndToEnd/packages/lib.bash"
engine a sid containerd

# -- An image with apt ------------------------------------------------------------------------------------------------

repository=$work/repository
serve_repository() {
    need dpkg-deb dpkg
    "$root/Tests/EndToEnd/packages/apt" "$repository" >"$work/repository.log" 2>&1 </dev/null &
    local server=$!
    until [[ -e $repository/sources ]]; do
        kill -0 "$server" 2>/dev/null || { sed 's/^/    # /' "$work/repository.log"; exit 1; }
        sleep 0.05
    done
}

# debian:12 with only what apt needs, and docker-clean as in the official image. The packages are not installed: their
# scripts would take longer than everything else.
apt_image() {
    local folder=$work/debian package
    local apt=()
    # shellcheck source=Scripts/debian.bash
    . "$root/Scripts/debian.bash"
    private_apt "$folder/apt" bookworm
    apt-get "${apt[@]}" install --yes --download-only --no-install-recommends \
        apt base-files bash coreutils dash diffutils dpkg findutils grep gzip libc-bin sed tar
    mkdir -p "$folder"/root/usr/{bin,sbin,lib,lib64} "$folder"/root/{dev,etc,proc,root,sys,tmp}
    for package in bin sbin lib lib64; do ln -s "usr/$package" "$folder/root/$package"; done
    for package in "$folder"/apt/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" |
            tar --extract --keep-directory-symlink --numeric-owner --directory "$folder/root" \
                --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/man/*'
    done
    ldconfig -r "$folder/root"
    chmod 1777 "$folder/root/tmp"
    mkdir -p "$folder"/root/var/lib/{apt/lists/partial,dpkg/info,dpkg/updates} "$folder"/root/var/cache/apt/archives/partial
    : >"$folder/root/var/lib/dpkg/status"
    echo 'root:x:0:0:root:/root:/bin/bash' >"$folder/root/etc/passwd"
    echo 'root:x:0:' >"$folder/root/etc/group"
    rm -f "$folder"/root/etc/apt/sources.list.d/*
    cp "$repository/sources" "$folder/root/etc/apt/sources.list"
    echo 'APT::Sandbox::User "root";' >"$folder/root/etc/apt/apt.conf.d/no-sandbox"
    local removal='rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true'
    printf '%s\n' "DPkg::Post-Invoke { \"$removal\"; };" "APT::Update::Post-Invoke { \"$removal\"; };" \
        'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";' >"$folder/root/etc/apt/apt.conf.d/docker-clean"
    # apt then has no lists for debian:12, and this image exists only on this engine.
    tar --create --directory "$folder/root" . |
        (home=$work place=$work/build; direct a docker import --change 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin' - debian:12)
}

with_packages() {
    serve_packages
    package_engine a sid containerd
    requests+=("$indexes/requests")
}
with_apt() {
    serve_repository
    requests+=("$repository/requests")
    echo "# engine a: an image with apt"
    apt_image >"$work/apt.log" 2>&1 || { sed 's/^/    # /' "$work/apt.log"; exit 1; }
}
requests=()

# -- Counting ---------------------------------------------------------------------------------------------------------

# counted ROUND: builds the folder "app" and sets $count to the number of package files that were downloaded. The image gets no
# name: when a name moves to another image an engine may lose snapshots (see engine_raced), and a build that is repeated for that
# may download again.
counted() {
    local before
    before=$(cat "${requests[@]}" | grep -cE '^(file|tarball) ' || true)
    run on a docker build --network host --build-arg ROUND="$1" app
    count=$(($(cat "${requests[@]}" | grep -cE '^(file|tarball) ' || true) - before))
    note "downloaded: $count"
}

# proven CODE LINE...: the Dockerfile downloads everything in each of two builds, `slipway lint` finds exactly that code
# in it, and the result of --fix downloads only in the first build.
proven() {
    local code_wanted=$1 all count before
    shift
    mkdir -p app
    printf '%s\n' "$@" >app/Dockerfile
    try on a slipway lint --select LNT0,LNT1,LNT2,LNT6 --format json app
    expect_code 1
    expect_equal "$(jq -r 'map(.code) | join(" ")' "$stdout")" "$code_wanted" codes
    expect_equal "$(jq -r 'map(.fixable) | all' "$stdout")" true fixable
    counted 1
    all=$count
    expect [ "$all" -gt 0 ]
    counted 2
    expect_equal "$count" "$all" "downloads of the second build before --fix"
    before=$(<app/Dockerfile)
    try on a slipway lint --diff app
    expect_equal "$(<app/Dockerfile)" "$before" "the file after --diff"
    try on a slipway lint --fix --select LNT0,LNT1,LNT2,LNT6 app
    expect_code 0
    cat app/Dockerfile
    counted 3
    # Old versions of pip download twice what they may not keep.
    expect [ "$count" -gt 0 ]
    counted 4
    expect_equal "$count" 0 "downloads of the second build after --fix"
}

cache() { echo "--mount=type=cache,id=$(unique),target=$1"; }
pip_install='install --quiet --target /tmp/pip slw-tree slw-source'

prepare with_packages

pip_option() {
    proven LNT101 'FROM tools:old' 'ARG ROUND' "RUN $(cache /root/.cache/pip) \\" "    pip $pip_install \\" '    --no-cache-dir'
}
turn_case 10 "pip: --no-cache-dir" pip_option

pip_heredoc() {
    proven 'LNT101 LNT102' 'FROM tools:new' 'ARG ROUND' "RUN $(cache /root/.cache) <<'EOF'" 'set -e' \
        "python3 -m pip --no-cache-dir $pip_install" "PIP_NO_CACHE_DIR=0 pip install --target /tmp/late slw-late" 'EOF'
}
turn_case 10 "pip: python3 -m pip and a variable, in a here-document" pip_heredoc

pip_purge() {
    proven LNT110 'FROM tools:new' 'ARG ROUND' "RUN $(cache /root/.cache/pip) pip $pip_install && pip cache purge"
}
turn_case 10 "pip: cache purge" pip_purge

pip_user() {
    proven LNT106 'FROM tools:old' 'ARG ROUND' 'USER 1000' "RUN $(cache /home/dev/.cache/pip) pip $pip_install"
    expect grep -q ',uid=1000 pip' app/Dockerfile
}
turn_case 10 "pip: the user cannot write the mount" pip_user

npm_option() {
    proven LNT204 'FROM tools:old' 'ARG ROUND' 'RUN cp -r /project /app' 'WORKDIR /app' \
        "RUN $(cache /root/.npm) npm ci --cache /tmp/npm"
}
turn_case 10 "npm: --cache elsewhere" npm_option

npm_clean() {
    proven LNT210 'FROM tools:new' 'ARG ROUND' 'RUN cp -r /project /app' 'WORKDIR /app' \
        "RUN $(cache /root/.npm) npm ci && npm cache clean --force"
}
turn_case 10 "npm: cache clean" npm_clean

npm_user() {
    mkdir app
    printf '%s\n' 'FROM tools:old' 'ARG ROUND' 'USER 1000' 'RUN cp -r /project /tmp/app' 'WORKDIR /tmp/app' \
        "RUN $(cache /home/dev/.npm) npm ci" >app/Dockerfile
    try on a slipway lint --select LNT2 app
    expect_said ' error LNT206 '
    try on a docker build --network host --build-arg ROUND=1 app
    expect [ "$code" != 0 ]
    run on a slipway lint --select LNT2 --fix app
    local count
    counted 2
    expect [ "$count" -gt 0 ]
    counted 3
    expect_equal "$count" 0 "downloads of the second build"
}
turn_case 10 "npm: an error is a build that fails, and works after --fix" npm_user

prepare with_apt
apt_install='apt-get update && apt-get install --yes slw-tree'
apt_docker_clean() {
    proven LNT601 'FROM debian:12' 'ARG ROUND' "RUN $(cache /var/cache/apt) $apt_install"
}
turn_case 10 "apt: docker-clean" apt_docker_clean

apt_clean() {
    proven 'LNT610 LNT616' 'FROM debian:12' 'RUN rm /etc/apt/apt.conf.d/docker-clean' 'ARG ROUND' \
        "RUN $(cache /var/cache/apt) $(cache /var/lib/apt) \\" "    $apt_install \\" "    && apt-get clean \\" \
        '    && rm -rf /var/lib/apt/lists/*'
}
turn_case 10 "apt: clean, and lists removed" apt_clean

apt_deletes() {
    proven LNT602 'FROM debian:12' 'RUN rm /etc/apt/apt.conf.d/docker-clean' 'ARG ROUND' \
        "RUN $(cache /var/cache/apt) apt-get update && apt install --yes slw-tree"
}
turn_case 10 "apt: apt install deletes what apt-get keeps" apt_deletes

prepare
mount_point() {
    mkdir app
    printf '%s\n' 'FROM slipway/base:1' "RUN $(cache /root/.cache/pip) true && rm -rf /root/.cache" >app/Dockerfile
    try on a slipway lint app
    expect_said ' error LNT011 '
    try on a docker build app
    expect [ "$code" != 0 ]
    expect_said 'busy'
}
test_case "removing a mount point is an error, and the build fails" mount_point

# -- The journal ------------------------------------------------------------------------------------------------------

# found WANTED [WORD...]: the findings in the journal for the next build of app with these arguments; if an entry says
# that it ran out of time, it tries again.
found() {
    for _ in {1..5}; do
        try on a "${@:2}" docker build app
        [[ $(journal | jq .lint.partial) == true ]] || break
    done
    expect_equal "$(journal | jq -c '[.lint.partial] + (.lint.findings | map(.code))')" "[false,$1]"
}
recorded() {
    mkdir app
    printf '%s\n' 'FROM slipway/base:1' 'ARG GIT_COMMIT' "RUN $(cache /root/.cache/pip) true || pip install --no-cache-dir x" \
        >app/Dockerfile
    found '"LNT704","LNT101"'
    expect_code 0
    # The linter has its own time: waiting for a disk takes none of it.
    found '"LNT704","LNT101"' strace -o /dev/null -e trace=openat -e inject=openat:delay_enter=500
    expect_code 0
    expect_equal "$(journal | jq -r '.lint.file')" app/Dockerfile
    run on a slipway log
    expect_said 'LNT101  app/Dockerfile:3:'
    run on a SLIPWAY_LINT=off docker build app
    expect_equal "$(journal | jq .lint)" null
    run on a docker build -f - app <app/Dockerfile
    expect_equal "$(journal | jq .lint)" null
    # Its findings change nothing.
    printf '%s\n' 'FROM slipway/base:1' 'RUM x' >app/Dockerfile
    try direct a docker build --progress plain app
    local without=$code
    found '"LNT002"'
    expect_code "$without"
    # A journal entry has space for 16.
    { echo 'FROM slipway/base:1'; printf 'RUM %s\n' {1..17}; } >app/Dockerfile
    try on a docker build app
    expect_equal "$(journal | jq -c '[.lint.partial, (.lint.findings | length)]')" '[true,16]'
    run on a slipway log --last 1
    expect_said '  there may be more in it: slipway lint app/Dockerfile'
}
test_case "findings in a build's Dockerfile are in the journal, and nowhere else" recorded
