#!/usr/bin/env bash
# --demo with fakes.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

checkout_docker=$T/demo/shim
make_checkout
mkdir -p "$T/demo/docker" "$checkout/Scripts"
# The shim of the demo prints what a build prints, cached the second time. The real docker is an engine on the host.
cat >"$T/demo/shim" <<END
#!/bin/sh
# SLIPWAY-SHIM
echo "\$* host=\${DOCKER_HOST-} config=\${DOCKER_CONFIG-}" >>"$T/demo/builds"
[ ! -e "$T/demo/hang" ] || sleep 20
hit=; [ ! -d "\$SLIPWAY_STORE" ] && [ ! -e "$T/demo/warm" ] || [ -e "$T/demo/miss" ] || hit=1
mkdir -p "\$SLIPWAY_STORE/v1/u0/gen-000001/exports/k/i"; echo {} >"\$SLIPWAY_STORE/v1/u0/gen-000001/exports/k/i/index.json"
for n in 1 2 3 4; do echo "#\$((n + 4)) [\$n/4] RUN step \$n"; [ -z "\$hit" ] || echo "#\$((n + 4)) CACHED"; done
echo "#9 exporting"
END
cat >"$T/demo/real" <<END
#!/bin/sh
echo "\$*" >>"$T/demo/host"
case "\$*" in
version | "buildx version") [ -e "$T/demo/engine" ] ;;
info*) if [ -e "$T/demo/classic" ]; then echo '[["Backing Filesystem","extfs"]]'; else echo '[["driver-type","io.containerd.snapshotter.v1"]]'; fi ;;
*create*) [ -e "$T/demo/builder" ] || { echo "ERROR: cannot pull"; exit 1; } ;;
esac
END
cat >"$checkout/Scripts/engines" <<END
#!/bin/sh
echo "\$*" >>"$T/demo/engines"
case \$1 in
check) [ ! -e "$T/demo/no-engines" ] || { echo "cannot: no namespaces" >&2; exit 1; } ;;
start) echo "/run/\$2/docker.sock" ;;
env) printf "DOCKER_HOST='unix:///run/%s/docker.sock'\nDOCKER_CONFIG='$T/demo/%s config'\nENGINE_DOCKER='$T/demo/docker/docker'\n" "\$2" "\$2" ;;
esac
END
chmod 755 "$T/demo/shim" "$T/demo/real" "$checkout/Scripts/engines"
cp "$T/demo/real" "$T/demo/docker/docker"
demo() { rm -f "$T"/demo/{builds,host,engines}; from_checkout "$T/demo/docker:$T/swift:$plain" --demo; }
called() { grep -q -- "$2" "$T/demo/$1"; }

fresh demo
: >"$T/demo/engine"; : >"$T/demo/builder"
demo; equal "host engine: 0" $? 0
check "host engine: the table" grep -q '^  second, empty  *[0-9.]*  4 of 4$' "$T/out"
check "host engine: cold was cold" grep -q '^  first, cold  *[0-9.]*  0 of 4$' "$T/out"
check "host engine: the second builder is a new one" called builds 'buildx build --builder slipway-demo-.* --load'
check "host engine: the builder goes away" called host 'buildx rm --force slipway-demo-'
check "host engine: no private engines" test ! -e "$T/demo/engines"
check "host engine: nothing is pruned" not called host prune
check "it is installed" test -x "$home/.local/bin/slipway"
equal "nothing is left over" "$(left_over)" ""
equal "the user's store stays clean" "$(find "$home/.cache" 2>/dev/null)" ""
demo; check "the second time it is installed already" said "already installed"
: >"$T/demo/miss"; demo; equal "a miss: 1" $? 1; rm "$T/demo/miss"
: >"$T/demo/warm"; demo; equal "a first engine that is not cold: 1" $? 1; rm "$T/demo/warm"
for lack in "no engine" "classic" "no builder"; do
    rm -f "$T"/demo/{engine,builder,classic}
    case $lack in classic) : >"$T/demo/engine"; : >"$T/demo/classic" ;; "no builder") : >"$T/demo/engine" ;; esac
    demo; equal "$lack: private engines, 0" $? 0
    check "$lack: two engines" test "$(grep -c '^start demo-.* sid containerd' "$T/demo/engines")" = 2
    check "$lack: the second has its own address and settings" called builds 'host=unix:///run/demo-two-.* config=.*demo-two-.* config'
    check "$lack: both are stopped" called engines '^stop demo-one-[0-9]* demo-two-[0-9]*$'
done
: >"$T/demo/hang"
env -i HOME="$home" PATH="$T/demo/docker:$T/swift:$plain" TMPDIR="$T" setsid env --default-signal=INT sh "$checkout/install.sh" --demo >"$T/out" 2>&1 </dev/null & pid=$!
rm -f "$T/demo/builds" "$T/demo/engines"
for _ in {1..100}; do sleep 0.1; [[ -s $T/demo/builds ]] && break; done
group=$(ps -o pgid= -p $pid | tr -d ' '); kill -INT -- "-${group:-$pid}"; wait $pid; equal "Ctrl-C: 130" $? 130
check "Ctrl-C: engines are stopped" called engines '^stop demo-one-[0-9]* demo-two-[0-9]*$'
equal "Ctrl-C: nothing is left over" "$(left_over)" ""
rm "$T/demo/hang"
: >"$T/demo/no-engines"
rm -f "$T"/demo/{engine,builder,classic}
demo; equal "nothing to show it on: 1" $? 1
check "says what is missing" said "has no engine that answers"
check "says what is missing for private engines" said "cannot: no namespaces"
check "and how to get it" said "containerd-snapshotter"
install "$home" --uninstall
equal "demo: no trace" "$(tree "$home")" ""
