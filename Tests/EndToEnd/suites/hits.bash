#!/usr/bin/env bash
# What a single shared builder would have cached is cached: replays the histories of several agents on new engines.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
need python3

# history OPTION...: counts the cached steps of builds on new engines, compared with an engine that keeps everything.
history() { run "$root/Benchmarks/hits" --bin "$work/bin" "$@"; }

# Each run has another history.
one_history() { history --seeds "$((10#$SLIPWAY_TESTS_SEED % 10 + 1))" --builds 20 --engines pruned --least 0.98; }
test_case "twenty builds of six agents on an emptied engine hit what one engine would" one_history 900

# If stages share a base, BuildKit's importer loses links of a manifest that is not prepared for it.
short_diamond() { history --seeds 7 --builds 15 --engines pruned --shape diamond --least 0.98; }
turn_case 10 "fifteen builds of diamond-shaped stages hit what one engine would" short_diamond 900

if [[ ${SLIPWAY_TESTS_ALL-} == 1 ]]; then
    histories() { history --seeds 1,2,3 --builds 120 --least 0.995; }
    test_case "three histories of 120 builds" histories 5400
    two_users() { history --seeds 1,2,3 --builds 120 --users 2 --least 0.995; }
    test_case "three histories of 120 builds by two users of one store" two_users 5400
    several_projects() { history --seeds 1,2,3 --builds 120 --projects 3 --least 0.995; }
    test_case "three histories of 120 builds in three projects on one base" several_projects 5400
    hosts() { history --seeds 1,2,3 --builds 120 --hosts 3 --engines pruned --least 0.99; }
    test_case "three histories of 120 builds on three hosts with a registry between them" hosts 5400
    classic_reader() { history --seeds 1,2,3 --builds 120 --reader sid:classic --least 0.995; }
    test_case "three histories of 120 builds, read by an engine with the classic store" classic_reader 5400
    kept() { history --seeds 1,2 --builds 60 --engines kept --least 0.995; }
    test_case "two histories of 60 builds on engines that keep their own" kept 3600
    diamond() { history --seeds 7,8 --builds 50 --shape diamond --least 0.98; }
    test_case "two histories of diamond-shaped stages" diamond 3600
fi
