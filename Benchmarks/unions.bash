# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What deciding about a build costs in a store of many exports, whose union is published. Benchmarks/run reads this.

# filled STORE FILL-ARGUMENTS...: a copy of the store with one export, with more exports, and the union of all of them
# published.
filled() {
    local store=$temp/store/$1 generation key
    shift
    rm -rf "$store"
    cp -a store/one "$store"
    generation=$(echo "$store"/v1/u*/gen-*)
    key=$(echo "$generation"/exports/small-*)
    "$here/fill" "$generation" "${key##*/}" "$@" || die 'no store can be filled; python3 is needed'
    # A build's background process publishes it.
    SLIPWAY_STORE=$store arguments home small >words
    ./prepare "decide-${store##*/}"
    grep -q "^holds" "$generation/union" || die "no union was published in ${store##*/}"
}

# late STORE: a copy of a store with three more exports that are not in the published union.
late() {
    local from=$temp/store/$1 store=$temp/store/$1-late generation key
    rm -rf "$store" "$store.unions"
    cp -a "$from" "$store"
    generation=$(echo "$store"/v1/u*/gen-*)
    key=$(echo "$generation"/exports/small-*)
    mkdir "$store.unions"
    (cd "$store" && cp -a --parents v1/u*/gen-*/union v1/u*/gen-*/exports/*/union "$store.unions/" 2>/dev/null) || true
    "$here/fill" "$generation" "${key##*/}" 3 --late
}

unions() {
    local words state name time options=() builds=$((rounds / 20 > 20 ? rounds / 20 : 20))
    export SLIPWAY_STORE=$temp/store/one
    [[ -e store/one ]] || built through home small
    say 'filling stores of 200 and of 5,000 exports'
    filled key 200
    filled keys 5 --others 999 --each 5
    late key
    late keys
    pretending home
    for state in one key key-late keys keys-late; do
        SLIPWAY_STORE=$temp/store/$state arguments home small >words
        [[ $(grep -c -- '--cache-from' words) == 1 ]] || { cat words >&2; die "the store '$state' gives no import"; }
        options+=(+ "decide-$state" SLIPWAY_STORE="$temp/store/$state" "${words[@]}" build -t bench-small small)
    done
    say "deciding $builds times about a build, in each of five stores"
    timed -w 2 -p "$temp/prepare" "$builds" "${options[@]:1}"
    for state in 'key 1 key with 200 exports' 'key-late the same, 3 not in the union' \
        'keys 1,000 keys with 5,000 exports' 'keys-late the same, 3 not in the union'; do
        name=${state%% *} time=${median[decide-${state%% *}]}
        row "build decision, ${state#* } - 1 export" "$(calculate "$time - ${median[decide-one]}")" ms '<=2' \
            one="${median[decide-one]}" this="$time" \
            from_least="$(calculate "${least[decide-$name]} - ${least[decide-one]}")"
    done
    # There are many blobs, and the last build's background process may still be writing there.
    until rm -rf store/key store/keys store/key-late store/keys-late 2>/dev/null; do sleep 0.2; done
}
