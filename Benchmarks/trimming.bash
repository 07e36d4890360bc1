# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What trimming costs. Benchmarks/run reads this.

# large_store DIR BLOBS: a store with one key for each hundred blobs, a fifth of which nothing reaches. Trimming checks
# layers but does not read them, so their names need not be their digests. It does read the cache configs, so those are
# as BuildKit writes them.
large_store() {
    local store=$1 blobs=$2 home pool key layer layers name config manifest place size chain records
    local type=application/vnd.oci.image.layer.v1.tar+gzip
    home=$store/v1/u$EUID/gen-000001 pool=$home/blobs/sha256
    mkdir -p "$pool" "$home/exports"
    : >"$home/lease"
    ln -s gen-000001 "${home%/*}/current"
    for ((key = 0; key < blobs / 100; key++)); do
        layers='' chain='' records=''
        for ((layer = 0; layer < 98; layer++)); do
            printf -v name '%032x%032x' "$key" "$layer"
            printf x >"$pool/$name"
            ((layer < 78)) || continue
            layers+=",{\"mediaType\":\"$type\",\"digest\":\"sha256:$name\",\"size\":1}"
            chain+=",{\"blob\":\"sha256:$name\",\"parent\":$((layer - 1))}"
            records+=",{\"layers\":[{\"layer\":$layer,\"createdAt\":\"2026-11-28T10:00:00Z\"}],"
            records+="\"digest\":\"sha256:$name\",\"inputs\":[[{\"link\":$layer}]]}"
        done
        printf '{"layers":[%s],"records":[{"digest":"sha256:%064x"}%s]}' "${chain#,}" "$key" "$records" >blob
        config=$(sha256sum blob) config=${config%% *}
        size=$(stat --format %s blob)
        mv blob "$pool/$config"
        printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"%s",' \
            application/vnd.buildkit.cacheconfig.v0 >blob
        printf '"digest":"sha256:%s","size":%s},"layers":[%s]}' "$config" "$size" "${layers#,}" >>blob
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
        sync # wait until the disk is idle again
        sleep 1
        timed 1 mark "$slipway" trim --dry-run --store "$temp/trimmed" + trim "$slipway" trim --store "$temp/trimmed" + \
            half "$slipway" trim --max-size "$((blobs * 350))B" --store "$temp/trimmed"
        [[ $(readlink "trimmed/v1/u$EUID/current") == gen-000003 ]] || die 'trimming has switched nothing'
        seconds[$blobs]=$(calculate "${median[trim]} / 1000")
        row "trim, $blobs blobs in $((blobs / 100)) keys" "${seconds[$blobs]}" s "$([[ $blobs == 100000 ]] && echo '<5' || echo -)" \
            mark_s="$(calculate "${median[mark]} / 1000")" half_s="$(calculate "${median[half]} / 1000")"
    done
    row 'peak memory, trim' "${peak[trim]}" MB '<200'
    row 'trim, ten times the blobs' "$(calculate "${seconds[100000]} / ${seconds[10000]}")" x -
    rm -rf trimmed
}

# How long a build waits for trimming: not at all; the difference comes from sharing the processor.
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
