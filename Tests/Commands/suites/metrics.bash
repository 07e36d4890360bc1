# shellcheck shell=bash disable=SC2154
# `slipway metrics` as monitoring systems read it, and `slipway log --follow`.

need prometheus_client python3-prometheus-client
check "prometheus_client is there" "$python" -c "import prometheus_client"
now=$(date +%s)
home=$T/metrics
journal "$home" "$(command_line "$now" build true SLP001 SLP002)" "$(command_line "$now" build false SLP205)" \
    "$(command_line "$now" 'evil\"}\n1' false SLP101)" "$(command_line "$now" remote false SLP913)"
ledger "$home" "$(build_line "$now" r 1500 2000 c)" "$(build_line "$now" r c c 250)"

# read_back FORMAT NAME [LABEL=VALUE]...: the sample's value according to a third-party parser
read_back() {
    at "$home" metrics --format "$1" | "$python" -c '
import sys
if sys.argv[1] == "openmetrics":
    from prometheus_client.openmetrics.parser import text_fd_to_metric_families
else:
    from prometheus_client.parser import text_fd_to_metric_families
wanted = dict(word.split("=") for word in sys.argv[3:])
for family in text_fd_to_metric_families(sys.stdin):
    for sample in family.samples:
        if sample.name == sys.argv[2] and wanted.items() <= sample.labels.items():
            print(family.type, float(sample.value))
' "${@:1}"
}
for format in openmetrics prometheus; do
    equal "$format: cached steps are counted" "$(read_back $format slipway_steps_cached_total)" "counter 3.0"
    equal "$format: seconds saved" "$(read_back $format slipway_saved_seconds_total user=$EUID)" "counter 3.5"
    equal "$format: builds" "$(read_back $format slipway_commands_total command=build)" "counter 2.0"
    equal "$format: a kind that is none is another" "$(read_back $format slipway_commands_total command=other)" "counter 1.0"
    equal "$format: misses by cause" "$(read_back $format slipway_builds_missed_total cause=unknown)" "counter 2.0"
    equal "$format: the registry's failures" "$(read_back $format slipway_remote_errors_total code=SLP913)" "counter 1.0"
done
equal "the version" "$(read_back openmetrics slipway_info)" "info 1.0"

mv "$home/.local/state/slipway/journal.jsonl" "$home/.local/state/slipway/journal.1.jsonl"
journal "$home" "$(command_line "$now" build true SLP001)"
equal "counters go on in a new journal" "$(read_back openmetrics slipway_commands_total command=build)" "counter 3.0"
rm "$home"/.local/state/slipway/*.jsonl
equal "and without the old one" "$(read_back openmetrics slipway_commands_total command=build)" "counter 3.0"

mkdir "$T/collector"
ln -s "$T/elsewhere" "$T/collector/slipway.prom"
check "--output writes a file" at "$home" metrics --format prometheus --output "$T/collector/slipway.prom"
equal "that all may read, in a link's place" "$(stat -c '%F %a' "$T/collector/slipway.prom")" "regular file 644"
equal "and nothing beside it" "$(ls "$T/collector") $(ls "$T/elsewhere" 2>/dev/null)" "slipway.prom "
check "a folder that is not there is an error" not at "$home" metrics --output "$T/nowhere/slipway.prom"
# Unpacked and not installed: Debian's package would start a server.
promtool=$(command -v promtool)
if [[ -z $promtool && ${SLIPWAY_TESTS_ALL-} == 1 ]]; then
    mkdir "$T/prometheus"
    (cd "$T/prometheus" && { apt-get -qq download prometheus || { apt-get -qq update && apt-get -qq download prometheus; }; } && dpkg -x prometheus_*.deb .) \
        >/dev/null 2>&1 </dev/null
    promtool=$T/prometheus/usr/bin/promtool
fi
if [[ -n $promtool ]]; then
    check "promtool finds nothing to complain about" bash -c "'$promtool' check metrics <'$T/collector/slipway.prom'"
fi

# -- slipway log --follow

home=$T/follow
journal "$home" "$(command_line "$now" build true SLP001)" "$(command_line "$now" run false SLP101)"
env -i HOME="$home" "$slipway" log --follow --json --last 1 >"$T/followed" &
follower=$!
lines() { for _ in {1..100}; do [[ $(wc -l <"$T/followed") -lt $1 ]] || return 0; sleep 0.1; done; cat "$T/followed"; return 1; }
check "log --follow begins with the last entries" lines 1
journal "$home" "$(command_line "$now" bake true SLP002)"
check "and shows a new one" lines 2
mv "$home/.local/state/slipway/journal.jsonl" "$home/.local/state/slipway/journal.1.jsonl"
journal "$home" "$(command_line "$now" compose true SLP002)"
check "also of a new journal" lines 3
check "it goes on" kill -0 "$follower"
kill "$follower"
wait "$follower" 2>/dev/null
equal "each once" "$(jq -r .command "$T/followed" | tr '\n' ' ')" "run bake compose "
