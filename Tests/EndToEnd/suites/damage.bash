#!/usr/bin/env bash
# A store that is damaged, hostile, full or in an odd place: the build runs as it would without Slipway, with docker's
# exit code, the journal says why, and neither the engine nor a sound store is harmed.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
engine a sid containerd
engine g sid classic

app=$work/damage/app       # the project that all cases build
master=$work/damage/master # a store with one good export of it: cases damage copies
good=$work/damage/good     # the same, never damaged
user=0                     # who builds: root, or a user who is subject to permissions
environment=()             # additional variables for the builds of a case
around=()                  # a command to run before them

contents() { direct "$1" docker run --rm --network none app cat /input.txt /first /second /third; }

make_master() {
    mkdir -p "$work/damage"
    project "$app"
    printf '%s\n' 'FROM slipway/base:1' 'RUN exit 3' >"$app/fails.Dockerfile"
    commit "$app"
    store=$master
    forget a # otherwise its record names the base by a manifest that a classic store does not know
    run on a docker build --tag app "$app"
    expect_notes SLP400 SLP002
    contents a >"$work/damage/contents"
    await 60 at_rest
    cp -a "$master" "$good"
    # A union would hide the damage of the export; unions have cases of their own.
    rm "$master"/v1/u0/gen-000001/union*
}
SLIPWAY_ONLY='' test_case "a store to damage is made" make_master

# -- The frame --------------------------------------------------------------------------------------------------------

# Removes everything that cases build.
clean() {
    # Not while the recorder notes the engine's records (docs/design.md, "Unchanged builds", the open case).
    await 60 at_rest
    api "$1" DELETE 'images/app?force=true' >/dev/null 2>&1 || true
    api "$1" POST 'build/prune?all=true' >/dev/null
}

shim() {
    if [[ $user == 0 ]]; then on "$@"; else as "$user" "$@"; fi
}

# Sets, for the store in $store: gen, pool, key and export (folders), index, manifest, config and layer (files). The
# layer is one from the middle: the engine has the base's anyway, and without the last one only its step is run again.
locate() {
    gen=$store/v1/u$user/gen-000001 pool=$gen/blobs/sha256
    export=$(echo "$gen"/exports/*/*/) key=$(dirname "$export")
    index=${export}index.json
    manifest=$pool/$(jq -r '.manifests[0].digest[7:]' "$index")
    config=$pool/$(jq -r '.config.digest[7:]' "$manifest")
    layer=$(jq -r '.layers as $all | first($all | keys[] | select(. as $i | $all[$i].parent >= 0 and any($all[]; .parent == $i)) |
        $all[.].blob)' "$config")
    layer=$pool/${layer#sha256:}
}

# damaged NAME NOTES FUNCTION: one case. With all tests it runs on both image stores, otherwise on one of them, and the
# next time on the other; what only an exporting engine can show is tested on such an engine. NOTES are what the journal
# must say (see expect_notes).
damaged() {
    notes=$2 harm=$3 engines=(a g)
    # The test without damage always runs.
    [[ $harm == nothing ]] || turn 10 || return 0
    if [[ ${SLIPWAY_TESTS_ALL-} != 1 ]]; then
        if [[ $(((turns + 10#$SLIPWAY_TESTS_SEED / 10) % 2)) == 0 && ! $notes =~ SLP(002|30[13456]) ]]; then engines=(g); else engines=(a); fi
    fi
    test_case "$1" on_engines
}

on_engines() {
    local engine failed=0
    local -A sides=()
    shim a true # the first call for another user copies docker for that user
    for engine in "${engines[@]}"; do
        survives "$engine" >>"$place/$engine.log" 2>&1 &
        sides[$engine]=$!
    done
    for engine in "${engines[@]}"; do
        wait "${sides[$engine]}" || failed=1
        sed "s/^/$engine: /" "$place/$engine.log"
    done
    [[ $failed == 0 ]] || fail "$harm"
}

survives() {
    local imported
    place=$place/$1 home=$place/$1/home
    mkdir -p "$home"
    cd "$place"
    truth=$(cat "$work/damage/contents")
    clean "$1"
    store=$place/store
    cp -a "$master" "$store"
    if [[ $user != 0 ]]; then
        mv "$store/v1/u0" "$store/v1/u$user"
        chown -R "$user:$user" "$store"
        home=$place/home-$user
    fi
    locate
    "$harm" "$1"

    run shim "$1" "${environment[@]}" "${around[@]}" docker build --tag app "$app"
    # An engine that cannot export reports no reasons of the store's for that.
    [[ $1 != g ]] || notes=$(sed -E 's/(^| )SLP(002|301|303|304|305|306)//g' <<<"$notes")" SLP217 !SLP002"
    # shellcheck disable=SC2086 # words
    expect_notes $notes
    expect_equal "$(contents "$1")" "$truth" contents
    if [[ -f $store/v1/u$user/gen-000001/lease ]]; then
        await 60 at_rest
        await 60 flock --exclusive --nonblock "$store/v1/u$user/gen-000001/lease" true
    fi
    # If the command was passed on unchanged, there is nothing more to test.
    injected "$home" || return 0
    imported=$(journal_codes "$home")
    # A failing build still fails as with docker.
    try shim "$1" "${environment[@]}" "${around[@]}" docker build --tag fails --file "$app/fails.Dockerfile" "$app"
    expect_code 1
    expect_said "exit code: 3"
    # An engine that got nothing from the damaged store cannot have been harmed by it.
    [[ " $imported " != *" SLP001 "* ]] || unharmed "$1"
}

# The engine's later builds and imports are unaffected.
unharmed() {
    run direct "$1" docker build --tag app "$app"
    clean "$1"
    run direct "$1" docker build --tag app "$app"
    expect_equal "$(contents "$1")" "$truth" contents
    clean "$1"
    store=$good
    run on "$1" HOME="$place" docker build --tag app "$app"
    expect_cached all
    expect_equal "$(contents "$1")" "$truth" contents
}

# as_user NAME NOTES FUNCTION: the same for a user who is subject to permissions.
as_user() {
    user=1000
    damaged "$@"
    user=0
}

# with VARIABLE=VALUE... -- NAME NOTES FUNCTION
with() {
    environment=()
    while [[ $1 != -- ]]; do environment+=("$1") && shift; done
    shift
    damaged "$@"
    environment=()
}

nothing() { :; }
damaged "a good store hits (the frame works)" SLP001 nothing
as_user "a plain user's own good store hits" SLP001 nothing

# -- The store as a whole ---------------------------------------------------------------------------------------------

a_file() { rm -r "$store" && echo text >"$store"; }
damaged "the store is a file" "SLP307 !SLP001 !SLP002" a_file

below_a_file() { rm -r "$store" && echo text >"$place/file" && store=$place/file/store; }
damaged "the store is below a file" "SLP307 !SLP001 !SLP002" below_a_file

a_fifo() { rm -r "$store" && mkfifo "$store"; }
damaged "the store is a FIFO" "SLP307 !SLP001 !SLP002" a_fifo

a_loop() { rm -r "$store" && ln -s store "$store"; }
damaged "the store is a link to itself" "SLP307 !SLP001 !SLP002" a_loop

missing_parents() { store=$place/made/by/the/shim; }
damaged "the store and the directories above it are missing" "SLP400 !SLP001" missing_parents

not_creatable() { store=$place/parent/store && install -d -m 755 "$place/parent"; }
as_user "the store cannot be made" "SLP301 !SLP001 !SLP002" not_creatable

owned_by() { chown -R "$2" "$1"; }
store_of_a_stranger() { owned_by "$store" 1234; }
damaged "the store is owned by another user" "SLP302 !SLP001 !SLP002" store_of_a_stranger
as_user "the store is owned by another user, for a plain user" "SLP302 !SLP001 !SLP002" store_of_a_stranger

format_of_a_stranger() { chown 1234 "$store/v1"; }
damaged "v1 is owned by another user" "SLP302 !SLP001 !SLP002" format_of_a_stranger

substore_of_a_stranger() { chown 1234 "$store/v1/u0"; }
damaged "the sub-store is owned by another user" "SLP314 !SLP001 !SLP002" substore_of_a_stranger

generation_of_a_stranger() { chown 1234 "$gen"; }
damaged "the generation is owned by another user" "SLP302 !SLP001 !SLP002" generation_of_a_stranger

pool_of_a_stranger() { chown 1234 "$pool"; }
damaged "the pool is owned by another user" "SLP302 !SLP001 !SLP002" pool_of_a_stranger

substore_for_all() { chmod 777 "$store/v1/u0"; }
damaged "everybody can write to the sub-store" "SLP302 !SLP001 !SLP002" substore_for_all

pool_for_all() { chmod 777 "$pool"; }
damaged "everybody can write to the pool" "SLP302 !SLP001 !SLP002" pool_for_all

no_entry() { chmod 000 "$store"; }
as_user "the user cannot enter the store" "SLP307 !SLP001 !SLP002" no_entry

unreadable_generation() { chmod 000 "$gen"; }
as_user "the user cannot enter the generation" "SLP307 !SLP001 !SLP002" unreadable_generation

# -- Not writable, full -----------------------------------------------------------------------------------------------

# shellcheck disable=SC2016 # for sh
read_only() { around=(unshare --mount sh -ec 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@"' "$store"); }
damaged "a read-only mount is imported from" "SLP001 !SLP002" read_only

read_only_and_empty() { rm -r "$store" && mkdir "$store" && read_only; }
damaged "an empty read-only mount" "SLP303 SLP400 !SLP001 !SLP002" read_only_and_empty

modes() { chmod -R a-w "$store"; }
as_user "a sub-store without write permission is imported from" "SLP304 SLP001 !SLP002" modes

unwritable_key() { chmod a-w "$key"; }
as_user "the user cannot write to the key's directory" "SLP304 SLP001 !SLP002" unwritable_key

# small_disk OPTIONS [COMMAND]: the store on a small tmpfs, with a command run there. fill uses up all the remaining
# space.
# shellcheck disable=SC2016 # for sh
small_disk() {
    around=(
        unshare --mount sh -ec '
            fill() { cat /dev/zero >filler 2>/dev/null || true; }
            mv "$0" "$0.old"; mkdir "$0"; mount -t tmpfs -o "mode=755,$1" tmpfs "$0"; cd "$0"
            eval "$2"
            cd "$3"; shift 3; exec "$@"' "$store" "$1" "${2:-cp -a ../store.old/. .}" "$place"
    )
}
low_disk() { small_disk size=64m; }
with SLIPWAY_STORE_MIN_FREE= -- "a disk below the default floor is imported from" "SLP305 SLP001 !SLP002" low_disk
few_inodes() { small_disk size=64m,nr_inodes=200; }
with SLIPWAY_STORE_MIN_FREE=0B -- "a disk without inodes is imported from" "SLP305 SLP001 !SLP002" few_inodes
full_disk() { small_disk size=4m 'cp -a ../store.old/. .; fill'; }
with SLIPWAY_STORE_MIN_FREE=0B -- "a full disk, with the floor switched off" SLP001 full_disk
full_for_new_layers() { small_disk size=512k :; }
with SLIPWAY_STORE_MIN_FREE=0B -- "a disk that the export fills, with the floor switched off" SLP400 full_for_new_layers
full_and_empty() { small_disk size=512k fill; }
with SLIPWAY_STORE_MIN_FREE=0B -- "a full disk without a store, with the floor switched off" SLP400 full_and_empty

unmeasured() { rm -f "$gen/size"; } # a measured size is valid for a minute
with SLIPWAY_STORE_MAX_SIZE=1B -- "a store over its budget is imported from" "SLP306 SLP001 !SLP002" unmeasured

# -- The union --------------------------------------------------------------------------------------------------------

# with_union COMMAND...: the store with its union, and then the command.
with_union() {
    cp -a "$good/v1/u0/gen-000001"/union* "$gen/"
    union=$pool/$(awk '/^manifest / { print substr($2, 8) }' "$gen/union")
    union_config=$pool/$(awk '/^config / { print substr($2, 8) }' "$gen/union")
    "$@"
}
union_alone() { with_union rm -r "$export"; }
damaged "a union exists without its exports" SLP001 union_alone
torn_union() { with_union truncate -s -5 "$gen/union"; }
damaged "a union's record is torn" SLP001 torn_union
linked_union() { with_union mv "$gen/union" "$place/moved" && ln -s "$place/moved" "$gen/union"; }
damaged "a union's record is a link" SLP001 linked_union
union_of_a_stranger() { with_union chown 1234 "$gen/union"; }
damaged "a union's record is owned by another user" SLP001 union_of_a_stranger
no_union_manifest() { with_union true && rm "$union"; }
damaged "a union's manifest is missing" "SLP403 SLP001" no_union_manifest
cut_union_config() { with_union true && truncate -s 9 "$union_config"; }
damaged "a union's config is truncated" "SLP403 SLP001" cut_union_config
union_without_layer() { with_union rm "$layer"; }
damaged "a layer of a union is missing" SLP403 union_without_layer

# -- Links and other files where none are allowed
# ---------------------------------------------------------------------

# plant PATH: moves the file away and leaves a link to it, so that only the link is wrong.
plant() { mv "$1" "$place/moved" && ln -s "$place/moved" "$1"; }

link_format() { plant "$store/v1"; }
damaged "v1 is a link" "!SLP001 !SLP002" link_format
link_substore() { plant "$store/v1/u0"; }
damaged "the sub-store is a link" "SLP302 !SLP001 !SLP002" link_substore
link_generation() { plant "$gen"; }
damaged "the generation is a link" "SLP302 !SLP001 !SLP002" link_generation
link_blobs() { plant "$gen/blobs"; }
damaged "blobs is a link" "SLP302 !SLP001 !SLP002" link_blobs
link_pool() { plant "$pool"; }
damaged "blobs/sha256 is a link" "SLP302 !SLP001 !SLP002" link_pool
link_lease() { plant "$gen/lease"; }
damaged "the lease is a link" "SLP307 !SLP001 !SLP002" link_lease
link_index() { plant "$index"; }
damaged "index.json is a link" "SLP400 !SLP001" link_index
link_manifest() { plant "$manifest"; }
damaged "the manifest is a link" "SLP402 !SLP001" link_manifest
link_config() { plant "$config"; }
damaged "the config is a link" "SLP402 !SLP001" link_config
link_layer() { plant "$layer"; }
damaged "a layer is a link" "SLP403 !SLP001" link_layer
link_size() { ln -sf "$place/victim" "$gen/size" && echo precious >"$place/victim"; }
damaged "the remembered size is a link" SLP001 link_size

dangling() { ln -sfn gen-000009 "$store/v1/u0/current"; }
damaged "current leads nowhere" "SLP307 !SLP001 !SLP002" dangling
elsewhere() { cp -a "$gen" "$place/elsewhere" && ln -sfn "$place/elsewhere" "$store/v1/u0/current"; }
damaged "current leads out of the store" "SLP302 !SLP001 !SLP002" elsewhere
upwards() { ln -sfn ../u0/gen-000001 "$store/v1/u0/current"; }
damaged "current leads through .." "SLP302 !SLP001 !SLP002" upwards
current_is_a_file() { ln -sfn x "$store/v1/u0/current" && rm "$store/v1/u0/current" && echo gen-000001 >"$store/v1/u0/current"; }
damaged "current is a file" "SLP302 !SLP001 !SLP002" current_is_a_file
no_current() { rm "$store/v1/u0/current"; }
damaged "current is missing" "" no_current
generation_is_a_file() { rm -r "$gen" && echo text >"$gen"; }
damaged "the generation is a file" "!SLP001 !SLP002" generation_is_a_file
empty_generation() { rm -r "$gen" && mkdir "$gen"; }
damaged "the generation is empty" "!SLP001 !SLP002" empty_generation
no_exports() { rm -r "$gen/exports"; }
damaged "exports is missing" "SLP400 !SLP001" no_exports
exports_is_a_file() { rm -r "$gen/exports" && echo text >"$gen/exports"; }
damaged "exports is a file" "SLP400 !SLP001" exports_is_a_file
key_is_a_file() { rm -r "$key" && echo text >"$key"; }
damaged "the key's folder is a file" "SLP400 !SLP001 !SLP002" key_is_a_file
odd_names() {
    local name
    for name in . x -- '.....' $'new\nline' $'\xff\xfe' "$(printf '%0255d' 0)" main.0000.000.0000000000-0000000000000000 \
        main.fad58de7.000.zzzzzzzzzz-0000000000000000 main.fad58de7.000.-000000001-0000000000000000; do
        mkdir -p "$key/$name"
        echo '{' >"$key/$name/index.json"
    done
}
damaged "the key's folder holds odd names" SLP001 odd_names

no_lease() { rm "$gen/lease"; }
damaged "the lease is missing" "!SLP001 !SLP002" no_lease
lease_is_a_fifo() { rm "$gen/lease" && mkfifo "$gen/lease"; }
damaged "the lease is a FIFO" "SLP307 !SLP001 !SLP002" lease_is_a_fifo
lease_is_a_folder() { rm "$gen/lease" && mkdir "$gen/lease"; }
damaged "the lease is a folder" "SLP307 !SLP001 !SLP002" lease_is_a_folder
lease_of_a_stranger() { chown 1234 "$gen/lease"; }
damaged "the lease is owned by another user" "SLP307 !SLP001 !SLP002" lease_of_a_stranger
unreadable_lease() { chmod 000 "$gen/lease"; }
as_user "the user cannot read the lease" "SLP307 !SLP001 !SLP002" unreadable_lease

held_lease() {
    exec 9<"$gen/lease"
    flock --exclusive 9
    notes="SLP308 !SLP001 !SLP002"
    run shim "$1" docker build --tag app "$app" 9<&-
    # shellcheck disable=SC2086 # words
    expect_notes $notes
    exec 9<&-
    notes=SLP001
    clean "$1"
}
damaged "somebody holds the lease exclusively" "" held_lease

size_is_a_fifo() { rm -f "$gen/size" && mkfifo "$gen/size"; }
damaged "the remembered size is a FIFO" SLP001 size_is_a_fifo
size_is_nonsense() { printf '%s' '-1 99999999999999999999 x' >"$gen/size"; }
damaged "the remembered size is nonsense" SLP001 size_is_nonsense

# -- index.json -------------------------------------------------------------------------------------------------------

write_index() { echo "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"$1\",\"size\":${2:-100}}]}" >"$index"; }

empty_index() { : >"$index"; }
damaged "index.json is empty" "SLP400 !SLP001" empty_index
no_index() { rm "$index"; }
damaged "index.json is missing" "SLP400 !SLP001" no_index
torn_index() { truncate -s 100 "$index"; }
damaged "index.json is torn" "SLP401 !SLP001" torn_index
index_written_twice() { cat "$index" >>"$place/twice" && cat "$place/twice" >>"$index"; }
damaged "index.json has trailing text" "SLP401 !SLP001" index_written_twice
noise_index() { head -c 300 /dev/urandom >"$index"; }
damaged "index.json is noise" "SLP401 !SLP001" noise_index
zero_index() { head -c 300 /dev/zero >"$index"; }
damaged "index.json is zeros" "SLP401 !SLP001" zero_index
huge_index() { { cat "$index" && head -c 10000000 /dev/zero | tr '\0' ' '; } >"$index.new" && mv "$index.new" "$index"; }
damaged "index.json has 10 MB" "SLP401 !SLP001" huge_index
deep_index() { head -c 60000 /dev/zero | tr '\0' '[' >"$index"; }
damaged "index.json is 60000 brackets" "SLP401 !SLP001" deep_index
index_without_manifests() { echo '{"schemaVersion":2,"manifests":[]}' >"$index"; }
damaged "index.json names nothing" "SLP401 !SLP001" index_without_manifests
odd_index() { echo '[{"manifests":{"digest":7,"size":"x"}}]' >"$index"; }
damaged "index.json has another shape" "SLP401 !SLP001" odd_index
odd_size() { write_index "sha256:${manifest##*/}" -1; }
damaged "index.json gives a negative size" "!SLP001" odd_size
index_of_nothing() { write_index "sha256:$(printf '%064d' 7)"; }
damaged "index.json names a digest that does not exist" "SLP402 !SLP001" index_of_nothing
index_out_of_the_pool() { write_index "sha256:../../../../../../../../../../../../../../../../../../../etc/passwd"; }
damaged "index.json names a path" "SLP402 !SLP001" index_out_of_the_pool
index_of_another_kind() { write_index "sha512:${manifest##*/}" "$(stat -c %s "$manifest")"; }
damaged "index.json names a sha512" "SLP402 !SLP001" index_of_another_kind
index_of_a_layer() { write_index "sha256:${layer##*/}" "$(stat -c %s "$layer")"; }
damaged "index.json names a layer" "SLP402 !SLP001" index_of_a_layer
index_of_a_stranger() { chown 1234 "$index"; }
damaged "index.json is owned by another user" "SLP400 !SLP001" index_of_a_stranger
index_for_all() { chmod 666 "$index"; }
damaged "everybody can write to index.json" "SLP401 !SLP001" index_for_all
index_is_a_fifo() { rm "$index" && mkfifo "$index"; }
damaged "index.json is a FIFO" "SLP400 !SLP001" index_is_a_fifo
index_is_a_folder() { rm "$index" && mkdir "$index"; }
damaged "index.json is a folder" "SLP400 !SLP001" index_is_a_folder
unreadable_index() { chmod 000 "$index"; }
as_user "the user cannot read index.json" "SLP401 !SLP001" unreadable_index

future_index() { touch --date 2106-01-01 "$index"; }
damaged "index.json is from the future" SLP001 future_index
ancient_index() { touch --date 1901-01-01 "$index"; }
damaged "index.json is from 1901" SLP001 ancient_index

# another COUNT TIME [index]: more exports of the same variant, named as if started at TIME and later.
another() {
    local number name from=$2 names=()
    for ((number = 0; number < $1; number++)); do
        printf -v name '%s.%010x-%016x' "${export%.*}" $((from + number)) "$number"
        names+=("$name")
    done
    mkdir "${names[@]}"
    [[ -z ${3-} ]] || printf '%s\n' "${names[@]}" | xargs -I {} cp --preserve "$index" {}/
}
future_names() { another 3 1099511627700 && another 100 4294967296 index; }
damaged "exports have names with future times" SLP001 future_names
# As with such a clock, or after a hundred attempts at a failing build.
newer_failures() { another 100 "$(date +%s)"; }
damaged "a hundred failed builds are newer than the good one" SLP001 newer_failures
failures_of_the_future() { another 100 1099511627500; }
damaged "a hundred failed builds are from the future" SLP001 failures_of_the_future
many_exports() { another 2000 1700000000 index; }
damaged "2000 exports of one key" SLP001 many_exports

# -- The manifest and the config --------------------------------------------------------------------------------------

# blob FILE: puts it into the pool under its digest; sets digest and size.
blob() {
    digest=$(sha256sum "$1") digest=sha256:${digest%% *} size=$(stat -c %s "$1")
    install -m 444 "$1" "$pool/${digest#sha256:}"
}
# manifest_is FILE: makes it the export's manifest, with the right name.
manifest_is() { blob "$1" && write_index "$digest" "$size"; }
# config_is FILE: makes it the config of an otherwise sound manifest.
config_is() {
    blob "$1"
    jq -c --arg digest "$digest" --argjson size "$size" '.config.digest = $digest | .config.size = $size' "$manifest" >"$place/m"
    manifest_is "$place/m"
}
# change FILE: changes one byte and nothing else, not even the time.
change() {
    local time byte
    time=$(stat -c %y "$1")
    byte=$(tail -c 10 "$1" | head -c 1 | tr 'a-z0-9",:{}\0' 'b-za1-90;;;;;x')
    [[ $byte != $'\n' && -n $byte ]] || byte=x
    printf %s "$byte" | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") - 10)) conv=notrunc 2>/dev/null
    touch --date "$time" "$1"
}

# BuildKit itself does not compare these two with their digests: it would accept them.
wrong_manifest() { change "$manifest"; }
damaged "the manifest's content does not match its name" "SLP402 !SLP001" wrong_manifest
edited_manifest() {
    jq -c '.layers |= map(select(.annotations["buildkit/createdat"] == null))' "$manifest" >"$place/m"
    truncate -s "$(stat -c %s "$manifest")" "$place/m" && tr '\0' ' ' <"$place/m" >"$manifest"
}
damaged "the manifest was edited under its name" "SLP402 !SLP001" edited_manifest
wrong_config() { change "$config"; }
damaged "the config's content does not match its name" "SLP402 !SLP001" wrong_config
no_manifest() { rm "$manifest"; }
damaged "the manifest is missing" "SLP402 !SLP001" no_manifest
no_config() { rm "$config"; }
damaged "the config is missing" "SLP402 !SLP001" no_config
empty_manifest() { : >"$manifest"; }
damaged "the manifest is empty" "SLP402 !SLP001" empty_manifest
truncated_config() { truncate -s -1 "$config"; }
damaged "the config lacks a byte" "SLP402 !SLP001" truncated_config
longer_manifest() { echo >>"$manifest"; }
damaged "the manifest has an extra byte" "SLP402 !SLP001" longer_manifest
manifest_of_a_stranger() { chown 1234 "$manifest"; }
damaged "the manifest is owned by another user" "SLP402 !SLP001" manifest_of_a_stranger
manifest_is_a_fifo() { rm "$manifest" && mkfifo "$manifest"; }
damaged "the manifest is a FIFO" "SLP402 !SLP001" manifest_is_a_fifo
unreadable_config() { chmod 000 "$config"; }
as_user "the user cannot read the config" "SLP402 !SLP001" unreadable_config
large_manifest() { { cat "$manifest" && head -c 1100000 /dev/zero | tr '\0' ' '; } >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest has more than 1 MiB" "SLP402 !SLP001" large_manifest
# add_export FILE NUMBER: another export, newer than all before, whose manifest is FILE.
add_export() {
    blob "$1"
    local name
    name=$key/$(basename "$export" | sed -E 's/\.[0-9a-f]{10}-.*//').$(printf '%010x-%016x' $(($(date +%s) + $2)) "$2")
    mkdir "$name"
    echo "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"$digest\",\"size\":$size}]}" >"$name/index.json"
}
# Each is small enough by itself; after two of them a third one is not read any more, but a smaller one is.
many_large_manifests() {
    local number
    for number in 1 2 3; do
        { echo 'no JSON' && head -c 900000 /dev/zero | tr '\0' "$number"; } >"$place/m"
        add_export "$place/m" "$number"
    done
}
damaged "there are more manifests than may be read for one build" "SLP402 SLP404 SLP001" many_large_manifests
large_config() { { cat "$config" && head -c 1100000 /dev/zero | tr '\0' ' '; } >"$place/c" && config_is "$place/c"; }
damaged "the config has more than 1 MiB" "SLP402 !SLP001" large_config
deep_manifest() { head -c 100000 /dev/zero | tr '\0' '[' >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest is 100000 brackets" "SLP402 !SLP001" deep_manifest
deep_object() { for _ in {1..20000}; do printf '{"a":'; done >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest is 20000 braces" "SLP402 !SLP001" deep_object
text_manifest() { echo 'no JSON' >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest is text" "SLP402 !SLP001" text_manifest
manifest_without_layers() { jq -c 'del(.layers)' "$manifest" >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest has no layers" "SLP402 !SLP001" manifest_without_layers
manifest_without_config() { jq -c 'del(.config)' "$manifest" >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest has no config" "SLP402 !SLP001" manifest_without_config
manifest_of_odd_layers() { jq -c '.layers[1] = {"digest": ["x"], "size": {}}' "$manifest" >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest has a layer of another shape" "SLP402 !SLP001" manifest_of_odd_layers
manifest_of_a_path() { jq -c '.layers[1].digest = "sha256:../../lease"' "$manifest" >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest names a path for a layer" "SLP402 !SLP001" manifest_of_a_path
manifest_of_a_large_size() { jq -c '.layers[1].size = 1e300' "$manifest" >"$place/m" && manifest_is "$place/m"; }
damaged "the manifest gives a layer an impossible size" "!SLP001" manifest_of_a_large_size
text_config() { echo 'no JSON' >"$place/c" && config_is "$place/c"; }
damaged "the config is text under a correct name" "" text_config

# -- Layers -----------------------------------------------------------------------------------------------------------

no_layer() { rm "$layer"; }
damaged "a layer is missing" "SLP403 !SLP001" no_layer
truncated_layer() { truncate -s -1 "$layer"; }
damaged "a layer lacks a byte" "SLP403 !SLP001" truncated_layer
empty_layer() { : >"$layer"; }
damaged "a layer is empty" "SLP403 !SLP001" empty_layer
longer_layer() { echo >>"$layer"; }
damaged "a layer has an extra byte" "SLP403 !SLP001" longer_layer
layer_of_a_stranger() { chown 1234 "$layer"; }
damaged "a layer is owned by another user" "SLP403 !SLP001" layer_of_a_stranger
layer_is_a_fifo() { rm "$layer" && mkfifo "$layer"; }
damaged "a layer is a FIFO" "SLP403 !SLP001" layer_is_a_fifo
layer_is_a_folder() { rm "$layer" && mkdir "$layer"; }
damaged "a layer is a folder" "SLP403 !SLP001" layer_is_a_folder
unreadable_layer() { chmod 000 "$layer"; }
as_user "the user cannot read a layer" "SLP403 !SLP001" unreadable_layer
base_layer_missing() {
    find "$pool" -size +200k -delete
    expect_equal "$(find "$pool" -size +200k | wc -l)" 0
}
damaged "the base's layer is missing" "SLP403 !SLP001" base_layer_missing
# Pre-flight checks cannot find a layer with the right size and the wrong content: they would have to read all of it.
# BuildKit finds it, and the build fails (SECURITY.md).

# A second export with a missing layer must not prevent the use of the first.
no_layer_of_a_copy() {
    jq -c --arg digest "sha256:$(printf '%064d' 9)" '.layers[1].digest = $digest' "$manifest" >"$place/m"
    add_export "$place/m" 5
}
damaged "a damaged export does not hide a good one" "SLP403 SLP001" no_layer_of_a_copy

# -- Where the store is -----------------------------------------------------------------------------------------------

# hits [VARIABLE=VALUE...]: a build that exports, and one that imports.
hits() {
    run on a "$@" docker build --tag app "$app"
    expect_notes SLP002
    # An emptied engine works like a new one. Not a classic one: an engine that has used the base image exports it by
    # its manifest, which a classic one does not know.
    clean a
    run on a "$@" docker build --tag app "$app"
    expect_cached all
}
# unused NOTES [VARIABLE=VALUE...]: builds that run without a store.
unused() {
    local engine notes=$1
    shift
    for engine in a g; do
        run on "$engine" "$@" docker build --tag app "$app"
        # shellcheck disable=SC2086 # words
        expect_notes $notes !SLP001 !SLP002
    done
}
odd_paths() {
    local name
    # shellcheck disable=SC2016 # a dollar as it is
    for name in 'a,b' 'a"b' ',' '"' 'a b=c' "a'b\\c"'$d' 'dest=,"type=registry",' '-~#%41{}*'; do
        turn 3 || continue
        store=$place/$name/store
        hits
        expect [ -e "$store/v1/u0/current" ]
    done
    expect_equal "$(find . -mindepth 1 -maxdepth 1 -name 'type*' | wc -l)" 0
}
turn_case 3 "a store's path may contain commas, quotes, blanks and the like" odd_paths

long_path() {
    store=$place/$(printf '%0200d' 1)/$(printf '%0200d' 2)/$(printf '%0200d' 3)
    hits
    # Paths too long for docker's own files, or even for ours.
    local length
    for length in 3950 4050 4095; do
        store=$place
        while [[ ${#store} -lt $((length - 202)) ]]; do store+=/$(printf '%0200d' 1); done
        store+=/$(printf "%0$((length - ${#store} - 1))d" 2)
        run on a docker build --tag app "$app"
        run on g docker build --tag app "$app"
    done
    store=/$(printf '%0300d' 1)
    unused ''
}
turn_case 10 "a store's path may be long, and too long" long_path

impossible_paths() {
    local name
    for name in $'a\nb' $'a\tb' $'\xff\xfe' $'a\x7fb' $'a\x01'; do ! turn 2 || unused SLP300 SLIPWAY_STORE="$place/$name"; done
    expect_equal "$(find . -mindepth 1 -name 'a*' | wc -l)" 0 "folders made"
}
turn_case 5 "a store's path without UTF-8 or with control characters is not used" impossible_paths

# BuildKit's client sends the path in a header, and the header is refused: errors in every build, and no hits.
letters() { mkdir ä && cp -a "$master" ä/store && unused SLP300 SLIPWAY_STORE="$place/ä/store"; }
turn_case 10 "a store's path with letters beyond ASCII is not used" letters

unclean_path() {
    store=$place/x/../y//./store/
    hits
    expect [ -e y/store/v1/u0/current ]
    # A relative path is not accepted as a setting: the default is used.
    run on a SLIPWAY_STORE=relative/store docker build --tag app "$app"
    expect_notes SLP109
    expect_not [ -e relative ]
    mkdir real && ln -s real link
    store=$place/link
    hits
    expect [ -e real/v1/u0/current ]
}
turn_case 10 "a store's path is cleaned, and may be a link" unclean_path

system_paths() {
    local path
    for path in /proc/store /sys/store /dev/null /dev/null/store /proc/self/fd/0; do ! turn 2 || unused '' SLIPWAY_STORE="$path"; done
}
turn_case 5 "a store in a place where none can be" system_paths

# -- The project's repository -----------------------------------------------------------------------------------------

# The repository is only read. Whatever it contains, the build runs as without Slipway, and the next one hits.
repository() {
    local wanted
    cp -a "$app" app && rm -rf app/.git && mkdir -p app/.git/refs/heads app/.git/objects
    echo 'ref: refs/heads/main' >app/.git/HEAD
    printf '[remote "origin"]\n\turl = https://example.invalid/team/%s.git\n' "$(unique)" >app/.git/config
    echo .git >app/.dockerignore
    "$@"
    try direct a docker build --tag app app
    wanted=$code
    try on a docker build --tag app app
    expect_code "$wanted"
    [[ $wanted == 0 ]] || return 0
    expect_notes SLP002
    clean a
    run on a docker build --tag app app
    expect_cached all
    # Only names in our own format were created.
    find "$store" | LC_ALL=C grep -avE '^[]/a-zA-Z0-9._-]+$' && fail "odd names in the store"
    find "$store" -mindepth 1 -printf '%f\n' | awk 'length > 120 { exit 1 }'
    expect_equal "$(find "$store" -maxdepth 1 -mindepth 1)" "$store/v1"
}
branch() { printf 'ref: refs/heads/%b\n' "$1" >app/.git/HEAD; }
branches() {
    local name
    for name in feature/with/slashes '../../../../../etc/passwd' "$(printf '%0250d' 0)" '\xff\xfe\x80' 'a\nb' 'a\x00b' '' '.' '..' \
        '-x' 'a,b"c=d' ' ' 'ref: refs/heads/x' "$(printf '%09000d' 0)"; do
        turn 4 || continue
        await 60 at_rest # what still runs behind would write into it
        rm -rf app "$store"
        repository branch "$name"
    done
}
turn_case 2 "hostile names of branches" branches

no_head() { rm app/.git/HEAD; }
detached() { echo 0123456789012345678901234567890123456789 >app/.git/HEAD; }
noise_head() { head -c 5000 /dev/urandom >app/.git/HEAD; }
folder_head() { rm app/.git/HEAD && mkdir app/.git/HEAD; }
reftable() { echo 'ref: refs/heads/.invalid' >app/.git/HEAD && mkdir app/.git/reftable; }
heads() {
    local harm
    for harm in no_head detached noise_head folder_head reftable; do
        turn 3 || continue
        await 60 at_rest # what still runs behind would write into it
        rm -rf app "$store"
        repository "$harm"
    done
}
turn_case 3 "a HEAD that is missing, detached, noise or not a file" heads

long_config() { { cat app/.git/config && head -c 5000000 /dev/zero | tr '\0' '\n'; } >c && mv c app/.git/config; }
one_line_config() { head -c 200000 /dev/zero | tr '\0' '[' >app/.git/config; }
noise_config() { head -c 100000 /dev/urandom >app/.git/config; }
hostile_url() { printf '[remote "origin"]\n\turl = "https://user:secret@\\xff,dest=/x\\n../../..%s"\n' "$(printf '%04000d' 0)" >app/.git/config; }
configs() {
    local harm
    for harm in long_config one_line_config noise_config hostile_url; do
        turn 2 || continue
        await 60 at_rest # what still runs behind would write into it
        rm -rf app "$store"
        repository "$harm"
        if grep -rl secret "$store" "$home"; then fail "a secret was written down"; fi
    done
}
turn_case 5 "a .git/config that is large, noise or hostile" configs

# git itself, which buildx runs, hangs on these.
fifo_config() {
    repository mkdir x
    local file
    for file in config HEAD commondir; do
        rm -f "app/.git/$file"
        mkfifo "app/.git/$file"
        # Without records: by now the build may be known to need no import.
        run on a SLIPWAY_RECORD=off timeout 20 slipway explain --json -- docker build --tag app app
        expect jq -e .changed "$stdout"
    done
}
turn_case 3 "FIFOs in .git do not stop the shim" fifo_config

nowhere() { rm -rf app/.git && echo 'gitdir: /no/such/folder' >app/.git; }
itself() { rm -rf app/.git && echo 'gitdir: .git' >app/.git; }
text() { rm -rf app/.git && echo 'text' >app/.git; }
fifo() { rm -rf app/.git && mkfifo app/.git; }
loop() { rm -rf app/.git && ln -s .git app/.git; }
dangling_link() { rm -rf app/.git && ln -s /no/such/folder app/.git; }
zeros() { rm -rf app/.git && head -c 10000000 /dev/zero >app/.git; }
common_loop() { echo . >app/.git/commondir; }
common_nowhere() { echo /no/such/folder >app/.git/commondir; }
common_noise() { head -c 3000 /dev/urandom >app/.git/commondir; }
gits() {
    local harm
    for harm in nowhere itself text fifo loop dangling_link zeros common_loop common_nowhere common_noise; do
        turn 4 || continue
        await 60 at_rest # what still runs behind would write into it
        rm -rf app "$store"
        repository "$harm"
    done
}
turn_case 2 "a .git that leads nowhere or is not a repository" gits

both_unharmed() {
    local engine truth
    truth=$(cat "$work/damage/contents")
    for engine in a g; do unharmed "$engine"; done
}
test_case "after all of that the engines are unharmed" both_unharmed
