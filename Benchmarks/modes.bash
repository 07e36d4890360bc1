# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What examining the modes of tracked files costs. Benchmarks/run reads this.

# tracked FILES: a repository tracked/FILES with this many files, a hundred per directory, and a Dockerfile.
tracked() {
    local folder=tracked/$1 number
    mkdir -p "$folder"
    git -C "$folder" init --quiet
    git -C "$folder" remote add origin "https://git.example/tracked-$1.git"
    for ((number = 0; number < $1; number++)); do
        ((number % 100)) || mkdir -p "$folder/src/$((number / 100))"
        echo "$number" >"$folder/src/$((number / 100))/$number"
    done
    echo 'FROM scratch' >"$folder/Dockerfile"
    git -C "$folder" add .
    git -C "$folder" -c user.name=bench -c user.email=bench@example.invalid commit --quiet --message=tracked
}

mode_surveys() {
    local words builds=$((rounds / 10 > 20 ? rounds / 10 : 20))
    command -v git >/dev/null || { say 'modes: not measured without git'; failed=1; return; }
    say 'looking at the modes of 5,000 and of 100,000 files'
    tracked 5000
    tracked 100000
    timed -w 1 7 git "$(command -v git)" -C tracked/100000 status --porcelain + modes "$slipway" modes tracked/100000
    row 'slipway modes, 100,000 files' "$(calculate "${median[modes]} / 1000")" s - \
        least_s="$(calculate "${least[modes]} / 1000")" git_status_s="$(calculate "${median[git]} / 1000")"
    export SLIPWAY_STORE=$temp/store/none
    pretending home
    timed -w 5 -p "$temp/prepare" "$builds" \
        decide-none-off SLIPWAY_MODES=off "${words[@]}" build tracked/5000 + \
        decide-none "${words[@]}" build tracked/5000
    row 'looking at modes in a build, 5,000 files' "$(calculate "${median[decide-none]} - ${median[decide-none-off]}")" ms '<=5' \
        off="${median[decide-none-off]}" from_least="$(calculate "${least[decide-none]} - ${least[decide-none-off]}")"
    decisions_in_trees "$builds"
}

# What deciding about a build costs in a large tree, for each index format of git, compared with a tree of ten files.
decisions_in_trees() {
    local builds=$1 version words
    say 'deciding on builds in trees of 10 and of 100,000 files'
    tracked 10
    pretending home
    for version in 2 4; do
        git -C tracked/100000 update-index --index-version "$version"
        timed -w 5 -p "$temp/prepare" "$builds" \
            decide-none-few "${words[@]}" build tracked/10 + decide-none-many "${words[@]}" build tracked/100000
        row "deciding on a build, 100,000 files / 10, index v$version" \
            "$(calculate "${median[decide-none-many]} / ${median[decide-none-few]}")" x - \
            few="${median[decide-none-few]}" many="${median[decide-none-many]}" "$(from_least decide-none-many decide-none-few)"
        row "deciding on a build, 100,000 files - 10, index v$version" \
            "$(calculate "${median[decide-none-many]} - ${median[decide-none-few]}")" ms '<=10' \
            from_least="$(calculate "${least[decide-none-many]} - ${least[decide-none-few]}")"
    done
}
