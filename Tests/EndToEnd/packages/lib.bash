# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.bash has root, work, place and SLIPWAY_ENGINES_RUN
#
# Shared by the suites about packages for containers, in addition to lib.bash. Each suite has its own package indexes,
# which count downloads, and engines with two images whose tools use these indexes.
#
#   serve_packages                    starts the indexes; $indexes is their folder: see the file "indexes"
#   package_engine NAME SUITE STORE   like `engine`, with the images tools:old and tools:new: see the file "image"
#   on_host                           an array of docker options for containers that need the indexes
#   with_pip, with_uv, with_npm, with_yarn   shell commands for such a container: each installs warmed packages and tests them
#   pip_late, npm_late                       the same for packages that are not warmed
#
#   downloading N|some COMMAND...     runs it; it must succeed and download N package files, index pages not counted
#   ours ENGINE [KIND]                the names of Slipway's volumes there: cache, cache-layer, cache-view, cache-shared
#   files_of ENGINE VOLUME            where the volume's files are on this machine
#   sums ENGINE                       owners, modes, times and contents of all layers and generations
#   no_view_stays ENGINE              waits until views that nobody uses are gone, at most 10 s
#   publish ENGINE TOOLS [LABEL=VALUE...]   publishes a generation as `warm` does, with an empty layer; labels may be changed

# shellcheck disable=SC2034
on_host=(--network host)
# shellcheck disable=SC2034,SC2016 # for the suites; for the containers' shells
with_pip='pip install --quiet --target /tmp/pip slw-tree slw-source
    origins=$(PYTHONPATH=/tmp/pip python3 -c "import slw_leaf, slw_source; print(slw_leaf.ORIGIN, slw_source.ORIGIN)")
    test "$origins" = "index index"' \
with_uv='uv pip install --quiet --target /tmp/uv slw-tree slw-source
    test "$(PYTHONPATH=/tmp/uv python3 -c "import slw_leaf, slw_source; print(slw_leaf.ORIGIN)")" = index' \
with_npm='cp -r /project /tmp/npm; cd /tmp/npm; npm ci --silent
    test "$(node -p "require(\"slw-leaf\").ORIGIN")" = index' \
with_yarn='mkdir /tmp/yarn; cd /tmp/yarn; echo {} >package.json; yarn add --silent slw-tree@1.0.0
    test "$(node -p "require(\"slw-leaf\").ORIGIN")" = index' \
pip_late='pip install --quiet --target "$(mktemp -d)" slw-late slw-late-source' \
npm_late='cd "$(mktemp -d)"; echo {} >package.json; npm install --silent slw-late'

serve_packages() {
    need python3
    need openssl
    indexes=$work/indexes-$suite
    # It ends with this script.
    "$root/Tests/EndToEnd/packages/indexes" "$indexes" >"$work/indexes.log" 2>&1 </dev/null &
    local server=$!
    until [[ -e $indexes/environment ]]; do
        kill -0 "$server" 2>/dev/null || { sed 's/^/    # /' "$work/indexes.log"; exit 1; }
        sleep 0.05
    done
}

package_engine() {
    python3 -m pip --version >/dev/null 2>&1 || need pip3 python3-pip
    engine "$@"
    local tag context=$work/tools-$suite
    if [[ ! -e $work/engines/$1.tools ]]; then
        echo "# engine $1: images with Python and Node"
        if ! "$root/Tests/EndToEnd/packages/image" "$1" </dev/null >"$work/image.log" 2>&1; then
            failed=$((failed + 1))
            echo "not ok - $suite: engine $1 has the images"
            sed 's/^/    # /' "$work/image.log"
            exit 1
        fi
        : >"$work/engines/$1.tools"
    fi
    rm -rf "$context"
    mkdir "$context"
    cp -r "$indexes/ca.pem" "$indexes/project" "$context"
    for tag in old new; do
        printf '%s\n' "FROM slipway/packages:$tag" 'COPY ca.pem /ca.pem' 'COPY project /project' >"$context/Dockerfile"
        sed 's/^/ENV /' "$indexes/environment" >>"$context/Dockerfile"
        (home=$work place=$work/build; direct "$1" docker build --quiet --tag "tools:$tag" "$context") >"$work/image.log" 2>&1 ||
            { sed 's/^/    # /' "$work/image.log"; exit 1; }
    done
}

downloading() {
    local before wanted=$1 got
    shift
    before=$(wc -l <"$indexes/requests")
    run "$@"
    # A builder whose warm was killed may still be requesting its slow file.
    got=$(tail -n "+$((before + 1))" "$indexes/requests" | sed -nE '/slw_slow/!{/^(file|tarball) /p}')
    note "downloaded: ${got:-nothing}"
    if [[ $wanted == some ]]; then
        expect [ -n "$got" ]
    else
        expect_equal "$(grep -c . <<<"$got" || true)" "$wanted" "downloaded files"
    fi
}

ours() {
    api "$1" GET volumes | jq -r --arg type "${2-}" '.Volumes // [] | .[] | select(.Labels.app == "slipway") |
        select($type == "" or .Labels.type == $type).Name' | sort
}

files_of() { echo "$SLIPWAY_ENGINES_RUN/$1/data/volumes/$2/_data"; }

sums() {
    local volume
    for volume in $(ours "$1" cache; ours "$1" cache-layer); do
        echo "$volume"
        (
            cd "$(files_of "$1" "$volume")" || fail "no files of $volume"
            find . -printf '%P %y %m %U %G %s %T@ %l\n' | sort
            find . -type f -exec sha256sum {} + | sort -k 2
        )
    done
}

has_no_view() { [[ -z $(ours "$1" cache-view) ]]; }
no_view_stays() { await 60 has_no_view "$1"; }

publish() {
    local name=$1 tools=$2 layer now label
    shift 2
    layer=slipway-layer-$(unique | head -c 16)
    now=$(date +%s%3N)
    direct "$name" docker volume create --label app=slipway --label type=cache-layer --label slipway.created="$now" "$layer"
    local -A labels=([app]=slipway [type]=cache [slipway.created]=$now [slipway.engine]=x [slipway.digest]=sha256:0
        [slipway.layers]=$layer [slipway.tools]=$tools [slipway.view]=yes
        [slipway.volumes]=$SLIPWAY_ENGINES_RUN/$name/data/volumes)
    for label; do labels[${label%%=*}]=${label#*=}; done
    local options=()
    for label in "${!labels[@]}"; do options+=(--label "$label=${labels[$label]}"); done
    direct "$name" docker volume create "${options[@]}" "slipway-generation-$now-$(unique | head -c 12)"
    (
        cd "$(files_of "$name" "$layer")" || fail "no files of $layer"
        touch .slipway
        for label in ${tools//,/ }; do install -d -m 777 "$label"; done
    )
}
