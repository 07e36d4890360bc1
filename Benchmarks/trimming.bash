# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What trimming costs. Benchmarks/run reads this.

# large_store DIR BLOBS: a store with a key for each hundred blobs, a fifth of which nothing reaches. Layers are looked at and
# not read by trimming, so their names need not be their digests.
large_store() {
    local store=$1 blobs=$2 home pool key layer layers name config manifest place size
    home=$store/v1/u$EUID/gen-000001 pool=$home/blobs/sha256
    mkdir -p "$pool" "$home/exports"
    : >"$home/lease"
    ln -s gen-000001 "${home%/*}/current"
    for ((key = 0; key < blobs / 100; key++)); do
        layers=''
        for ((layer = 0; layer < 98; layer++)); do
            printf -v name '%032x%032x' "$key" "$layer"
            printf x >"$pool/$name"
            ((layer >= 78)) || layers+=",{\"digest\":\"sha256:$name\",\"size\":1}"
        done
        printf '{"key":%s}' "$key" >blob
        config=$(sha256sum blob) config=${config%% *}
        size=$(stat --format %s blob)
        mv blob "$pool/$config"
        printf '{"config":{"digest":"sha256:%s","size":%s},"layers":[%s]}' "$config" "$size" "${layers#,}" >blob
        manifest=$(sha256sum blob) manifest=${manifest%% *}
        size=$(stat --format %s blob)
        mv blob "$pool/$manifest"
        printf -v place '%s/exports/key-%016x/main.fad58de7.000.%010x-%016x' "$home" "$key" "$key" "$key"
        mkdir -p "$place/ingest"
        ln -s ../../../blobs "$place/blobs"
        printf '{"manifests":[{"digest":"sha256:%s","size":%s}]}' "$manifest" "$size" >"$place/index.json"
    done
}

trimming() {
    local blobs
    local -A seconds=()
    for blobs in 10000 30000 100000; do
        say "trimming a store of $blobs blobs"
        rm -rf trimmed
        large_store "$temp/trimmed" "$blobs"
        sync # the disk is not still at the making of it
        sleep 1
        timed 1 mark "$slipway" trim --dry-run --store "$temp/trimmed" + trim "$slipway" trim --store "$temp/trimmed"
        [[ $(readlink "trimmed/v1/u$EUID/current") == gen-000002 ]] || die 'trimming has switched nothing'
        seconds[$blobs]=$(calculate "${median[trim]} / 1000")
        row "trim, $blobs blobs in $((blobs / 100)) keys" "${seconds[$blobs]}" s "$([[ $blobs == 100000 ]] && echo '<5' || echo -)" \
            mark_s="$(calculate "${median[mark]} / 1000")"
    done
    row 'peak memory, trim' "${peak[trim]}" MB '<200'
    row 'trim, ten times the blobs' "$(calculate "${seconds[100000]} / ${seconds[10000]}")" x -
    rm -rf trimmed
}

# What a build waits for trimming: nothing; what is left is that both use the processor.
beside_trimming() {
    local words looping
    export SLIPWAY_STORE=$temp/store/one
    through home
    say 'rebuilding what is cached, with the store being trimmed over and over'
    timed -w 1 -p "$temp/prepare" -e "$temp/log" 11 home-alone "${words[@]}" build -t bench-small small
    local alone=${median[home-alone]}
    while [[ ! -e stop ]]; do "$slipway" trim --keep 1 --store "$SLIPWAY_STORE" >>trims 2>&1; done &
    looping=$!
    timed -w 1 -p "$temp/prepare" -e "$temp/log" 11 home-beside "${words[@]}" build -t bench-small small
    touch stop
    wait "$looping"
    row 'cached rebuild beside trimming / alone' "$(calculate "${median[home-beside]} / $alone")" x - \
        alone="$alone" beside="${median[home-beside]}" added="$(calculate "${median[home-beside]} - $alone")" \
        trims="$(grep -c 'exports, ' trims)"
}
