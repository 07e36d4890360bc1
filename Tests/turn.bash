# shellcheck shell=bash
#
# Samples: a suite tests some of its promises on many alike, of which one run tries some; --all (SLIPWAY_TESTS_ALL=1) tries all.
#   turn N   whether what comes next has its turn: one of N, and another one with the next seed
# Tests/seed gives the seed, so N runs one after another try all of them. SLIPWAY_TESTS_SEED=N repeats a run.

if [[ ! ${SLIPWAY_TESTS_SEED-} =~ ^[0-9]{1,9}$ ]]; then SLIPWAY_TESTS_SEED=$("$(dirname -- "${BASH_SOURCE[0]}")/seed"); fi
export SLIPWAY_TESTS_SEED
turns=0
# What is asked for by its name has its turn.
turn() {
    turns=$((turns + 1))
    [[ ${SLIPWAY_TESTS_ALL-} == 1 || -n ${SLIPWAY_ONLY-} ]] || (((turns + 10#$SLIPWAY_TESTS_SEED) % $1 == 0))
}
