# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, demo: installs, builds an example on one engine, then on a second, empty one, and shows what each
# build took. Engines, image and store of the demo go away with it; the install stays.

# shellcheck source=setup.sh
. "$rooms/setup.sh"

engines=$here/Scripts/engines
private=   # names of private engines, if the demo runs on such
builder=   # else the second builder beside the host's engine
project=$work/project
store=$work/store

end_demo() {
    if [ -n "$builder" ]; then
        "$real" buildx rm --force "$builder" >/dev/null 2>&1
        "$real" image rm --force slipway-demo >/dev/null 2>&1
    fi
    # shellcheck disable=SC2086 # names without blanks
    [ -z "$private" ] || "$engines" stop $private >/dev/null 2>&1
}
clean_up=end_demo

# What asks an engine may wait for ever.
bounded() { if have timeout; then timeout 120 "$@"; else "$@"; fi; }

lacks() { # lacks WHAT: one line to show in the end
    say "  - $*" >>"$work/lacks"
    return 1
}

# The host's own engine, if it answers and keeps its images in containerd: then it can export. A second, empty builder is
# made beside it by buildx, which needs an image that the engine has or may pull.
host_engine() {
    real=$(first_docker "$PATH:$root_path" real) || lacks "no docker on PATH" || return
    bounded "$real" version >/dev/null 2>&1 || lacks "$real has no engine that answers" || return
    case $(bounded "$real" info --format '{{json .DriverStatus}}' 2>/dev/null) in
    *io.containerd.snapshotter.v1*) ;;
    *) lacks "the host's engine keeps its images in the classic store and cannot export a build cache" || return ;;
    esac
    bounded "$real" buildx version >/dev/null 2>&1 || lacks "the host's docker has no buildx" || return
    say "the host's engine can export; making a second, empty builder beside it"
    builder=slipway-demo-$$
    if ! bounded "$real" buildx create --driver docker-container --name "$builder" --bootstrap >"$work/builder" 2>&1; then
        "$real" buildx rm --force "$builder" >/dev/null 2>&1
        builder=
        lacks "a second builder could not be made beside the host's engine: $(tail -n 1 "$work/builder")"
    fi
}

private_engines() {
    [ -x "$engines" ] || lacks "private engines are set up by Scripts/engines, which is in Slipway's sources only" || return
    "$engines" check >"$work/check" 2>&1 || lacks "$(tail -n 1 "$work/check")" || return
    say "starting two private, empty engines from Debian's packages (fetched once, then kept in .engines)"
    for name in "demo-one-$$" "demo-two-$$"; do
        private="$private $name"
        # What it says goes to stderr: fetching takes its time.
        "$engines" start "$name" sid containerd >/dev/null || lacks "a private engine did not start; see above" || return
    done
}

# The file of a program; some shells have these built in.
program() (
    IFS=:
    for folder in $PATH; do
        if [ -x "$folder/$1" ] && [ -f "$folder/$1" ]; then
            say "$folder/$1"
            exit 0
        fi
    done
    exit 1
)

# The example: a small root made of this machine's own tools, so that no registry is needed, and four steps of real work.
make_project() {
    mkdir -p "$project/root/bin" "$project/root/tmp" "$project/app"
    for tool in sh awk gzip sha256sum sort; do
        file=$(program "$tool") || die "the demo needs $tool"
        cp -L -- "$file" "$project/root/bin/$tool" || exit 1
        ldd "$file" >>"$work/ldd" 2>/dev/null
    done
    tr -s '[:space:]' '\n' <"$work/ldd" | grep '^/' | sort -u >"$work/libraries"
    while IFS= read -r file; do
        mkdir -p "$project/root${file%/*}"
        cp -L -- "$file" "$project/root$file" || exit 1
    done <"$work/libraries"
    # So that the first build is cold on a host's engine, too, whatever it has built before.
    say "$$ $(date +%s)" >"$project/root/tmp/demo"
    cat >"$project/app/words.awk" <<'END'
BEGIN { srand(7); for (n = 0; n < 1500000; n++) printf "%d %d\n", int(rand() * 1000000), n % 977 }
END
    cat >"$project/Dockerfile" <<'END'
FROM scratch
COPY root/ /
RUN awk 'BEGIN { for (n = 0; n < 6000000; n++) s = (s * 31 + n) % 1000003; print s }' > /tmp/sum
COPY app/ /app/
RUN awk -f /app/words.awk > /tmp/words && sha256sum < /tmp/words > /app/words.sum
RUN sort -n /tmp/words | gzip -9 > /app/words.gz
RUN awk '{ count[$2] += $1 } END { for (k in count) print k, count[k] }' /tmp/words | sort -n > /app/totals
END
}

# docker_on ENGINE ARGUMENT...: docker as a user types it, with the engine's own behind it; "host" is the host's engine.
# Whatever is set up on this machine, the demo is one of the defaults, with a store of its own.
docker_on() (
    if [ "$1" = host ]; then
        ENGINE_DOCKER=$real
    else
        settings=$("$engines" env "$1") || exit
        eval "$settings"
        export DOCKER_HOST DOCKER_CONFIG
        unset DOCKER_CONTEXT BUILDX_BUILDER BUILDX_CONFIG
    fi
    shift
    unset SLIPWAY
    cd -- "$project" && exec env PATH="$shims:$PATH" SLIPWAY_DOCKER="$ENGINE_DOCKER" SLIPWAY_STORE="$store" SLIPWAY_BUILD_CACHE=on \
        SLIPWAY_STORE_MIN_FREE=100MB SLIPWAY_TRACE=1 XDG_STATE_HOME="$work/state" XDG_CONFIG_HOME="$work/config" docker "$@"
)

# build_on LABEL ENGINE WORD...: one build through the shim; adds a line to the table. Sets steps and cached, as BuildKit
# tells them.
build_on() {
    label=$1
    shift
    log=$work/build.log
    say "  $label ..."
    read -r began _ </proc/uptime
    if ! docker_on "$@" --progress=plain -t slipway-demo . >"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        die "the build on the ${label%%,*} engine failed; see the end of its output above"
    fi
    read -r ended _ </proc/uptime
    sed -n 's/^#\([0-9]*\) \[[^]]*[0-9]\/[0-9]*\] \(RUN\|COPY\|ADD\) .*/\1/p' "$log" | sort -u >"$work/steps"
    sed -n 's/^#\([0-9]*\) CACHED.*/\1/p' "$log" | sort -u >"$work/cached"
    steps=$(wc -l <"$work/steps")
    cached=$(comm -12 "$work/steps" "$work/cached" | wc -l)
    printf '  %-18s  %7.1f  %s of %s\n' "$label" "$(awk "BEGIN { print $ended - $began }")" "$cached" "$steps" >>"$work/results"
}

must_be_cold() { [ "$cached" -eq 0 ] || die "the first engine already had $cached steps cached: a comparison would be meaningless"; }

demo() {
    set_up
    if [ "$changes" -gt 0 ]; then report_setup; else say "already installed: $(version_of "$prefix/bin/slipway")"; fi
    say ""
    : >"$work/lacks"
    if ! host_engine && ! private_engines; then
        warn "the demo needs two engines, and there are none:"
        cat "$work/lacks" >&2
        warn "Any one of these helps:"
        warn "  - a Docker engine with the containerd image store: {\"features\": {\"containerd-snapshotter\": true}} in"
        warn "    /etc/docker/daemon.json, then restart it; and docker-buildx"
        warn "  - run this from Slipway's sources as root on Debian 12: it sets up two private engines by itself"
        exit 1
    fi
    make_project
    say "building one Dockerfile on both; they share nothing but Slipway's store"
    if [ -n "$builder" ]; then
        build_on "first, cold" host build
        must_be_cold
        build_on "second, empty" host buildx build --builder "$builder" --load
    else
        # shellcheck disable=SC2086 # names without blanks
        set -- $private
        build_on "first, cold" "$1" build
        must_be_cold
        build_on "second, empty" "$2" build
    fi
    say ""
    printf '  %-18s  %7s  %s\n' engine seconds "steps cached"
    cat "$work/results"
    say ""
    exports=$(find "$store" -path '*/exports/*' -name index.json 2>/dev/null | wc -l)
    size=$(du -sk "$store" 2>/dev/null | awk '{ printf "%.1f MB", $1 * 1024 / 1000000 }')
    say "  seconds: the whole docker build, with its export to the store and its import from it"
    say "  in the store, which goes away with the demo: $exports exports, ${size:-0 MB}"
    say ""
    if [ "$steps" -eq 0 ] || [ "$cached" -lt "$steps" ]; then
        grep -a -i slipway "$log" | head -n 20 >&2
        die "the second engine did not take every step from the store; see the shim's output above"
    fi
    say "The second engine had never seen this image: it took every step from the store."
    [ -z "$builder" ] || say "The host's engine keeps the demo's layers in its own build cache until it needs the space."
}
