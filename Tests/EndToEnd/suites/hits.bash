#!/usr/bin/env bash
# What one shared builder would have cached is cached: histories of several agents, told again on engines that are empty.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
need python3
engine a sid containerd
engine b sid containerd

# history ENGINE OPTION...: counts the cached steps of builds on that engine, against those of one that keeps all.
history() {
    local reader=$1
    forget a "$reader"
    mkdir engines
    cp "$work/engines/a" engines/ideal
    cp "$work/engines/$reader" engines/reader0
    [[ $reader == b ]] || cp "$work/engines/b" engines/writer
    run "$root/Benchmarks/hits" --bin "$work/bin" --engines engines "${@:2}"
}

one_history() { history b --seeds 1 --builds 30 --least 0.98; }
test_case "thirty builds of six agents on an empty engine hit what one engine would" one_history 900

# Three histories of an hour in full; what they share with the short one is only that they are told the same way.
if [[ ${SLIPWAY_TESTS_ALL-} == 1 ]]; then
    engine g sid classic
    histories() { history b --seeds 1,2,3 --builds 120 --least 0.995; }
    test_case "three histories of 120 builds" histories 5400
    two_users() { history b --seeds 1,2,3 --builds 120 --users 2 --least 0.995; }
    test_case "three histories of 120 builds by two users of one store" two_users 5400
    several_projects() { history b --seeds 1,2,3 --builds 120 --projects 3 --least 0.995; }
    test_case "three histories of 120 builds in three projects on one base" several_projects 5400
    classic_reader() { history g --seeds 1,2,3 --builds 120 --reader sid:classic --least 0.995; }
    test_case "three histories of 120 builds, read by an engine with the classic store" classic_reader 5400
    diamond() { history b --seeds 7,8 --builds 50 --shape diamond --least 0.98; }
    test_case "two histories of a diamond of stages" diamond 3600
fi
