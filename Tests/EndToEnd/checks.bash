# shellcheck shell=bash disable=SC2034,SC2154 # the harness's variables
#
# What a test looks at, asserts and makes: what lib.bash tells of.

# -- Looking ----------------------------------------------------------------------------------------------------------

# "#7 [stage 2/5] RUN ..." is a step. It is printed again whenever output of another comes between.
steps() { sed -nE 's/^(#[0-9]+) \[[^]]*[0-9]+\/[0-9]+\] (RUN|COPY|ADD|WORKDIR) .*/\1/p' "${1:-$stderr}" | sort -u; }
steps_total() { steps "$@" | wc -l; }
# BuildKit may show a step that it loaded from an imported cache as "DONE": when it fetches the layer it reports the step as begun once
# more, and it sorts what it reports together by the times of the beginnings, so that the end as a cached one may come before that
# (solver/progress.go, Status). Seen in 2 of 326 bakes of plain docker on a busy machine; the second time the layers were compared, and the
# image had the imported one. A step that is executed fetches no layer of its own.
cached() { sed -nE 's/^(#[0-9]+) (CACHED$|(extracting )?sha256:[0-9a-f]{64}).*/\1/p' "${1:-$stderr}" | sort -u; }
steps_cached() { comm -12 <(steps "$@") <(cached "$@") | wc -l; }
steps_not_cached() {
    local step
    for step in $(comm -23 <(steps) <(cached)); do grep "^$step " "$stderr"; done
}

journal() { grep -v '"command":"export"' "${1:-$home}/.local/state/slipway/journal.jsonl" | tail -n 1; }
# Without jq, which takes 30 ms to start: each build is looked at. Within a text the quotes would have backslashes.
journal_codes() {
    local line codes=''
    line=$(journal "$@")
    while [[ $line =~ \"code\":\"(SLP[0-9]+)\" ]]; do
        codes+=${codes:+ }${BASH_REMATCH[1]}
        line=${line#*"${BASH_REMATCH[0]}"}
    done
    echo "$codes"
}
journal_notes() { journal | jq -r '[.notes[] | .code + " " + .message] | join("; ")'; }
injected() { [[ $(journal "$@") == *'"changed":true'* ]]; }

exports() { find "$store/v1/u${1:-$EUID}"/gen-*/exports -mindepth 3 -maxdepth 3 -name index.json -size +0 -printf '%h\n' | sort; }

# union_holds_all PART: whether the union that is published there has every complete export
union_holds_all() {
    [[ $(awk '/^key / { getline; n += length($0) / 16 } END { print n + 0 }' "$1/current/union" 2>/dev/null) == \
        "$(find "$1/current/exports/" -mindepth 3 -maxdepth 3 -name index.json -size +0 | wc -l)" && -f $1/current/union-checked ]]
}
published() { await 180 union_holds_all "$store/v1/u${1:-$EUID}"; }

expect_whole_unions() {
    local generation record manifest blob pool
    [[ $# -gt 0 ]] || set -- "$store"/v1/u*/gen-*
    for generation; do
        pool=$generation/blobs/sha256
        for record in "$generation/union" "$generation"/exports/*/union; do
            [[ -f $record ]] || continue
            expect_equal "$(tail -n 1 "$record")" end "the last line of $record"
            awk -v pool="$pool" '/^(manifest|config|apart) / { blob = substr($2, 8); print blob "  " pool "/" blob }' "$record" |
                sha256sum --check --quiet --strict || fail "a blob that $record names is missing or damaged"
            manifest=$pool/$(awk '/^manifest / { print substr($2, 8) }' "$record")
            for blob in $(jq -r '.layers[].digest[7:]' "$manifest"); do expect test -s "$pool/$blob"; done
        done
    done
}

# -- Asserting --------------------------------------------------------------------------------------------------------

fail() {
    local frame=1
    while [[ ${BASH_SOURCE[frame]-} == "${BASH_SOURCE[0]}" && -n ${BASH_SOURCE[frame + 1]-} ]]; do frame=$((frame + 1)); done
    note "! $* (${BASH_SOURCE[frame]##*/}:${BASH_LINENO[frame - 1]})"
    trap - ERR
    exit 1
}

expect() { "$@" || fail "expected: $*"; }
expect_not() { ! "$@" || fail "not expected: $*"; }

# Soon at first, for most waits are short; a long one must not keep a processor from what it waits for.
await() {
    local until=$((SECONDS + $1)) pause=20
    shift
    until "$@"; do
        [[ $SECONDS -lt $until ]] || fail "waited for: $*"
        sleep "0.$(printf %03d $pause)"
        [[ $pause -ge 200 ]] || pause=$((pause * 3 / 2))
    done
}

expect_equal() { [[ $1 == "$2" ]] || fail "${3:-value} is \"$1\", expected \"$2\""; }
expect_code() { [[ $code == "$1" ]] || fail "exit status is $code, expected $1: $(grep -m 1 -e '^ERROR' -e rror: "$stderr")"; }
expect_said() { grep -qF -- "$1" "$stdout" "$stderr" || fail "not said: $1"; }

expect_cached() {
    local total cached wanted=$1
    total=$(steps_total) cached=$(steps_cached)
    [[ $total -gt 0 ]] || fail "this was no build"
    case $1 in
        all) wanted=$total ;;
        none) wanted=0 ;;
    esac
    [[ $cached == "$wanted" ]] || fail "cached of $total steps is \"$cached\", expected \"$wanted\"; the journal has $(journal_codes); not cached: $(steps_not_cached | tr '\n' ';')"
}

expect_notes() {
    local codes wanted
    codes=$(journal_codes)
    for wanted; do
        case $wanted in
            !*) [[ " $codes " != *" ${wanted#!} "* ]] || fail "the journal has ${wanted#!}: $(journal_notes)" ;;
            *) [[ " $codes " == *" $wanted "* ]] || fail "the journal has no $wanted: $(journal_notes)" ;;
        esac
    done
}

# The blobs that a manifest names, in both formats: an image manifest, or an index of layers as older buildx writes. Each program is
# started once for all exports: suites look at a store up to a hundred times.
expect_whole_store() {
    local named file digest
    local -a found pools
    local -A pool_of=() reached=()
    note "expect_whole_store $store"
    readarray -t found < <(find "$store"/v1/u*/gen-*/exports -name index.json)
    [[ ${#found[@]} -gt 0 ]] || fail "the store has no export"
    readarray -t pools < <(realpath -- "${found[@]/%index.json/blobs/sha256}")
    for file in "${!found[@]}"; do pool_of[${found[file]}]=${pools[file]}; done
    named=$(jq -r '(.manifests | if length > 0 then .[].digest else error("no manifest") end) | "\(input_filename) \(.)"' "${found[@]}") ||
        fail "an index does not parse"
    while read -r file digest; do reached[${pool_of[$file]}/${digest#sha256:}]=1; done <<<"$named"
    named=$(jq -r '(.config // empty, .layers[]?, .manifests[]?) | "\(input_filename) \(.digest)"' "${!reached[@]}") ||
        fail "a manifest does not parse"
    while read -r file digest; do reached[${file%/*}/${digest#sha256:}]=1; done <<<"$named"
    printf '%s\n' "${!reached[@]}" | sed -E 's/^(.*\/)([0-9a-f]{64})$/\2  \1\2/' | sha256sum --check --quiet --strict ||
        fail "a blob is missing or damaged"
}

# -- Making -----------------------------------------------------------------------------------------------------------

unique() { tr -d - </proc/sys/kernel/random/uuid; }

commit() {
    git -C "$1" add --all
    git -C "$1" -c user.name=test -c user.email=test@example.invalid commit --quiet --message="${2:-change}"
}

# What the steps of projects are made with. A step without a network saves an engine a third of its work for a build; a suite with
# engines older than 23.0, which do not know that, sets it to RUN.
RUN="RUN --network=none"
project() {
    local word
    word=$(unique)
    mkdir -p "$1"
    cat >"$1/Dockerfile" <<DOCKERFILE
FROM slipway/base:1
COPY input.txt /input.txt
$RUN echo first $word >/first
ARG FLAVOR=plain
$RUN cat /input.txt /first >/second && echo "\$FLAVOR" >>/second
$RUN sha256sum /second >/third
DOCKERFILE
    echo "input $word" >"$1/input.txt"
    git -c init.defaultBranch=main init --quiet "$1"
    git -C "$1" remote add origin "https://example.invalid/team/app-$word.git"
    commit "$1" first
}
