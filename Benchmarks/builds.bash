# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What builds cost. Benchmarks/run reads this.

# -- Deciding about a build --------------------------------------------------------------------------------------------

# Turns a store with one export into one with many: each has its own manifest, so that four can be imported.
multiply() {
    local store=$1 count=$2 first manifest digest size index sum copy stamp
    first=$(dirname "$store"/v1/u*/gen-*/exports/*/*/index.json)
    digest=$(sed -n 's/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/p' "$first/index.json")
    manifest=$(echo "$store"/v1/u*/gen-*/blobs/sha256/"$digest")
    size=$(stat --format %s "$manifest")
    stamp=$(date +%s)
    for ((index = 1; index < count; index++)); do
        { cat "$manifest"; printf "%${index}s" ''; } >another
        sum=$(sha256sum another | head -c 64)
        mv another "$(dirname "$manifest")/$sum"
        copy=${first%-*}-$(printf %016x "$index")
        mkdir "$copy"
        cp -P "$first/blobs" "$first/oci-layout" "$copy/"
        sed "s/$digest/$sum/; s/\"size\":$size\b/\"size\":$((size + index))/" "$first/index.json" >"$copy/index.json"
        touch -d "@$((stamp - 60 * index))" "$copy/index.json"
    done
}

decisions() {
    local words state imports expected builds=$((rounds / 10 > 20 ? rounds / 10 : 20)) options=()
    say 'filling a store, 20 s'
    export SLIPWAY_STORE=$temp/store/one
    built through home small
    cold_home=$seconds
    cp -a store/one store/many
    multiply store/many 200

    pretending home
    for state in none:0 one:1 many:1; do
        expected=${state#*:} state=${state%:*}
        export SLIPWAY_STORE=$temp/store/$state
        arguments home small >words
        imports=$(grep -c -- '--cache-from' words) || true
        { [[ $imports == "$expected" ]] && grep -q -- '--cache-to' words; } ||
            { cat words >&2; die "the store '$state' gives $imports imports, not $expected"; }
        options+=(+ "decide-$state" SLIPWAY_STORE="$SLIPWAY_STORE" "${words[@]}" build -t bench-small small)
    done
    say "deciding $builds times about a build, in each of three stores"
    timed -w 5 -p "$temp/prepare" "$builds" \
        direct "$real" build -t bench-small small + \
        ask "$launch" ask "${docker_host#unix://}" "${options[@]}"

    local what most=0 time
    for state in 'none an empty store' 'one a store of 1 export' 'many a store of 200 exports'; do
        what=${state#* } time=${median[decide-${state%% *}]}
        row "build decision, $what" "$(calculate "$time - ${median[direct]}")" ms '<15' \
            direct="${median[direct]}" shim="$time"
        row "of that, not waiting for the engine" "$(calculate "$time - ${median[ask]}")" ms '<2' \
            ask="${median[ask]}" shim="$time" \
            from_least="$(calculate "${least[decide-${state%% *}]} - ${least[ask]}")"
        most=$(printf '%s\n' "$most" "${peak[decide-${state%% *}]}" | sort -n | tail -n 1)
    done
    row 'peak memory, build decision' "$most" MB '<8' floor_MB="${peak[direct]}"
}

# -- Builds ------------------------------------------------------------------------------------------------------------

small_builds() {
    local steps=5 home_through home_past second_through words
    export SLIPWAY_STORE=$temp/store/one
    ./prepare decide-one # the stand-in breaks the promises of a build
    through home; home_through=("${words[@]}" build -t bench-small small)
    past home; home_past=("${words[@]}" build -t bench-small small)
    through second; second_through=("${words[@]}" build -t bench-small small)

    built through second small
    [[ $(cached_steps) == "$steps" ]] || { cat log >&2; die "only $(cached_steps) of $steps steps were cached"; }
    say 'rebuilding what is cached, at home and on an engine that is emptied each time'
    timed -w 2 -p "$temp/prepare" -e "$temp/log" 21 home-past "${home_past[@]}" + home-through "${home_through[@]}"
    row 'cached rebuild at home / without the shim' "$(calculate "${median[home-through]} / ${median[home-past]}")" x \
        '<=1.3' without="${median[home-past]}" shim="${median[home-through]}" "$(from_least home-through home-past)"

    timed -w 1 -p "$temp/prepare" -e "$temp/log" 11 \
        home-past "${home_past[@]}" + home-through "${home_through[@]}" + second-through "${second_through[@]}" + \
        second-small-hand "$temp/by-hand"
    local second=${median[second-through]}
    row 'second engine, all cached / rebuild at home' "$(calculate "$second / ${median[home-through]}")" x '<=1.3' \
        home="${median[home-through]}" second="$second" "$(from_least second-through home-through)"
    row 'second engine, all cached / same without shim' "$(calculate "$second / ${median[home-past]}")" x - \
        home="${median[home-past]}" second="$second" "$(from_least second-through home-past)"
    row 'second engine, all cached / flags by hand' "$(calculate "$second / ${median[second-small-hand]}")" x - \
        hand="${median[second-small-hand]}" shim="$second" "$(from_least second-through second-small-hand)"

    say 'building cold, 20 s'
    past second
    timed -p "$temp/prepare" -e "$temp/log" 1 second-cold "${words[@]}" build -t bench-small small
    # This also proves that an emptied engine is empty.
    awk "BEGIN { exit ${median[second-cold]} >= 20000 ? 0 : 1 }" || die 'the second engine was not empty'
    row 'cold / second engine, all cached' "$(calculate "${median[second-cold]} / $second")" x '>=10' \
        cold="${median[second-cold]}" second="$second" cold_through_shim="$((cold_home * 1000))"
}

# What import and export cost a fully cached build, by its number of layers: BuildKit's cost is per layer.
layer_costs() {
    local count words lines number ours kind
    export SLIPWAY_STORE=$temp/store/layers
    for count in 5 15 30 60; do
        lines=()
        for ((number = 2; number <= count; number++)); do lines+=("RUN echo $count $number >/$number"); done
        rm -rf layers layers-exported
        project layers 'FROM slipway/base:1' "${lines[@]}" 'COPY greeting /'
        say "rebuilding $count cached layers"
        built through home layers
        until_rested
        through home; ours=("${words[@]}")
        past home
        env "${words[@]}" build -t bench-layers --cache-to "type=local,dest=$temp/layers-exported,mode=max" layers >log 2>&1
        timed -w 1 -p "$temp/prepare" -e "$temp/log" 5 \
            plain "${words[@]}" build -t bench-layers layers + \
            import "${words[@]}" build -t bench-layers --cache-from "type=local,src=$temp/layers-exported" layers + \
            export "${words[@]}" build -t bench-layers \
            --cache-to "type=local,dest=$temp/layers-exported-anew,mode=max" layers + \
            both "${words[@]}" build -t bench-layers --cache-from "type=local,src=$temp/layers-exported" \
            --cache-to "type=local,dest=$temp/layers-exported-anew,mode=max" layers + \
            rested-shim "${ours[@]}" build -t bench-layers layers
        for kind in import export both; do
            row "$count cached layers, $kind by hand / plain" "$(calculate "${median[$kind]} / ${median[plain]}")" x - \
                plain="${median[plain]}" "$kind=${median[$kind]}"
        done
        row "$count cached layers at home / without the shim" \
            "$(calculate "${median[rested-shim]} / ${median[plain]}")" x '<=1.08' \
            without="${median[plain]}" shim="${median[rested-shim]}" "$(from_least rested-shim plain)"
        through second; ours=("${words[@]}")
        past second
        timed -w 1 -p "$temp/prepare" -e "$temp/log" 5 \
            second-import "${words[@]}" build -t bench-layers --cache-from "type=local,src=$temp/layers-exported" layers + \
            second-shim "${ours[@]}" build -t bench-layers layers
        row "$count layers on the second engine / import by hand" \
            "$(calculate "${median[second-shim]} / ${median[second-import]}")" x '<=1.1' \
            hand="${median[second-import]}" shim="${median[second-shim]}" "$(from_least second-shim second-import)"
        rm -rf layers-exported layers-exported-anew
    done
}

# What exporting costs a fully cached rebuild, by compression. The default reuses the image's blobs; every other one
# makes its own. Not estargz: with it dockerd 28.5 dies in the middle of the export.
export_costs() {
    local compression attributes without
    past home
    timed 1 home-without "${words[@]}" build -t bench-large large
    without=${median[home-without]}
    for compression in default gzip zstd uncompressed; do
        attributes=,compression=$compression,force-compression=true
        [[ $compression != default ]] || attributes=''
        say "exporting 1 GB of layers, compression $compression"
        rm -rf exported
        timed -e "$temp/log" 1 home-export "${words[@]}" build -t bench-large \
            --cache-to "type=local,dest=$temp/exported,mode=max$attributes" large
        row "exporting 1 GB of layers, compression $compression" \
            "$(calculate "(${median[home-export]} - $without) / 1000")" s - \
            without="$without" with="${median[home-export]}" written_MB="$(du -s -B1000000 exported | cut -f1)"
    done
    rm -rf exported
}

large_builds() {
    local free second_through words
    free=$(df --output=avail -B1M "$temp" | tail -n 1)
    if [[ $free -lt 9000 ]]; then
        say "1 GB of layers: not measured, $free MB free in $temp and 9000 needed; set TMPDIR"
        failed=1
        return
    fi
    export SLIPWAY_STORE=$temp/store/large
    project large 'FROM slipway/base:1' \
        'RUN dd if=/dev/urandom of=/1 bs=1M count=350' 'RUN dd if=/dev/urandom of=/2 bs=1M count=350' \
        'RUN dd if=/dev/urandom of=/3 bs=1M count=350'
    say 'building 1 GB of layers'
    built through home large
    export_costs
    past home # frees space
    env "${words[@]}" rmi -f bench-large >log 2>&1
    env "${words[@]}" builder prune -af >>log 2>&1

    built through second large
    [[ $(cached_steps) == 3 ]] || { cat log >&2; die "only $(cached_steps) of 3 steps were cached"; }
    through second; second_through=("${words[@]}" build -t bench-large large)
    say 'bringing them to the emptied engine, five times each way'
    timed -p "$temp/prepare" -e "$temp/log" 5 \
        second-large-hand "$temp/by-hand" + second-large-shim "${second_through[@]}"
    row '1 GB on the second engine / flags by hand' \
        "$(calculate "${median[second-large-shim]} / ${median[second-large-hand]}")" x '<=1.2' \
        hand="${median[second-large-hand]}" shim="${median[second-large-shim]}" \
        "$(from_least second-large-shim second-large-hand)"
}

# What it costs a build to examine and record its context.
large_tree() {
    local words folder file recorded
    command -v git >/dev/null || { say 'a large tree: not measured without git'; failed=1; return; }
    say 'building in a tree of 50 000 files and 2 GB that git does not know'
    export SLIPWAY_STORE=$temp/store/tree
    mkdir -p tree/src/{0..99}
    for folder in tree/src/*; do
        for ((file = 0; file < 500; file++)); do echo "$folder $file" >"$folder/$file"; done
    done
    printf '%s\n' 'FROM slipway/base:1' 'COPY src /src' 'RUN sleep 2' 'RUN ls -R /src | wc -l' >tree/Dockerfile
    truncate -s 2G tree/blob
    git -C tree init --quiet
    git -C tree add src Dockerfile
    git -C tree -c user.name=bench -c user.email=bench@example.invalid commit --quiet --message=tree
    built through home tree
    through home
    timed -w 1 -e "$temp/log" "$((rounds < 200 ? 3 : 7))" \
        tree-without SLIPWAY_RECORD=off SLIPWAY_MODES=off "${words[@]}" build --no-cache -t bench-tree tree + \
        tree-with "${words[@]}" build --no-cache -t bench-tree tree
    sleep 12 # the last record
    recorded=$(find "$temp/store/tree" -name context -size +100k | wc -l)
    [[ $recorded -gt 0 ]] || die 'no large tree was recorded'
    row 'build in a large tree / without records' "$(calculate "${median[tree-with]} / ${median[tree-without]}")" x '<=1.02' \
        without="${median[tree-without]}" with="${median[tree-with]}" "$(from_least tree-with tree-without)"
}
