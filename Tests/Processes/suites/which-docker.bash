#!/usr/bin/env bash
# Which docker runs: the next one on PATH, the recorded one or a usual one, and never one that a stranger or the working directory chose.

# shellcheck disable=SC2016 # programs for other interpreters stand in quotes
. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"

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
