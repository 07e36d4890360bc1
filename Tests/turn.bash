# shellcheck shell=bash
#
# Samples: a suite tests some of its promises on many alike, of which one run tries some; --all (SLIPWAY_TESTS_ALL=1) tries all.
#   sized FULL SAMPLE   how often something is repeated, in full and in a sample
#   turn N   whether what comes next has its turn: one of N, at most ten, and another one with the next seed
# Tests/seed gives the seed, so N runs one after another try all of them. SLIPWAY_TESTS_SEED=N repeats a run.

if [[ ! ${SLIPWAY_TESTS_SEED-} =~ ^[0-9]{1,9}$ ]]; then SLIPWAY_TESTS_SEED=$("$(dirname -- "${BASH_SOURCE[0]}")/seed"); fi
export SLIPWAY_TESTS_SEED
turns=0
sized() { if [[ ${SLIPWAY_TESTS_ALL-} == 1 ]]; then echo "$1"; else echo "$2"; fi; }
# Below something that has one turn in so many runs itself, the rows go on by one each time that it comes.
turn_of=${SLIPWAY_TESTS_TURN_OF:-1}
# What is asked for by its name has its turn.
turn() {
    turns=$((turns + 1))
    if (($1 * turn_of > 10)); then
        echo "! turn $1 in what has one turn of $turn_of: more than ten runs until all have had theirs" >&2
        exit 1
    fi
    [[ ${SLIPWAY_TESTS_ALL-} == 1 || -n ${SLIPWAY_ONLY-} ]] || (((turns + 10#$SLIPWAY_TESTS_SEED / turn_of) % $1 == 0))
}
