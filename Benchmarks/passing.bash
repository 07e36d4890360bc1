# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# What passing a command through costs, compared with other wrappers around docker. Benchmarks/run reads this.

pass_through() {
    say "passing $rounds commands through each of seven ways"
    # Not "#!/usr/bin/env bash": that would add an exec for which bash is not to blame.
    printf '#!%s\nexec %q "$@"\n' "$(command -v bash)" "$real" >bash-exec
    chmod +x bash-exec

    local path=$temp/shim:$temp/real:/usr/local/bin:/usr/bin:/bin long=$temp/shim index
    for ((index = 0; index < 48; index++)); do
        mkdir -p "path/$index"
        long+=:$temp/path/$index
    done
    long+=:$temp/real
    mkdir -p {plain,named}/slipway
    printf '%s\n' '# What this host has agreed on.' "store = $temp/store" 'store.max-size = 40GB' >plain/slipway/slipway.conf
    printf '%s\n' '# What this host has agreed on.' "store = $temp/store" "docker = $real" >named/slipway/slipway.conf

    # Pinned to one CPU: moving between two costs more than what is measured.
    if command -v taskset >/dev/null && taskset -c 0 true 2>/dev/null; then pinned=(taskset -c 0); fi
    timed -w 50 "$rounds" \
        direct "$real" ps + \
        c ./c ps + \
        bash ./bash-exec ps + \
        shim PATH="$path" "$shim" ps + \
        settings PATH="$path" XDG_CONFIG_HOME="$temp/plain" "$shim" ps + \
        named PATH="$path" XDG_CONFIG_HOME="$temp/named" "$shim" ps + \
        path PATH="$long" "$shim" ps
    pinned=()

    local direct=${median[direct]} c=${median[c]} bash=${median[bash]} passed=${median[shim]}
    row 'pass-through / C that only execs' "$(calculate "($passed - $direct) / ($c - $direct)")" x '<=1.4' \
        direct="$direct" C="$c" shim="$passed" \
        from_least_x="$(calculate "(${least[shim]} - ${least[direct]}) / (${least[c]} - ${least[direct]})")"
    row 'pass-through / exec from bash' "$(calculate "($passed - $direct) / ($bash - $direct)")" x '<=0.5' \
        direct="$direct" bash="$bash" shim="$passed"
    local name
    for name in 'settings settings file' 'named docker in the settings' 'path 50 entries in PATH'; do
        row "pass-through, ${name#* } / without" \
            "$(calculate "(${median[${name%% *}]} - $direct) / ($passed - $direct)")" x - \
            with="${median[${name%% *}]}" without="$passed"
    done
    local most
    most=$(printf '%s\n' "${peak[shim]}" "${peak[settings]}" "${peak[named]}" "${peak[path]}" | sort -n | tail -n 1)
    row 'peak memory, pass-through' "$most" MB '<8' floor_MB="${peak[direct]}" C_MB="${peak[c]}" bash_MB="${peak[bash]}"
}

# The usual wrappers around docker, side by side, for three commands. docker is the stand-in: the real docker's own time
# would hide the differences.
side_by_side() {
    local words line command title mounts=() index ways
    # What such wrappers do: look at every argument, add some, and become docker.
    cat >bash-loop <<END
#!$(command -v bash)
words=() command=''
for word; do
    case \$word in
        -*) ;;
        *) [[ -n \$command ]] || command=\$word ;;
    esac
    words+=("\$word")
done
case \$command in
    build)
        words=(build --cache-from type=local,src=/cache --cache-to type=local,dest=/cache,mode=max "\${words[@]:1}")
        ;;
    run) words=(run --env PIP_CACHE_DIR=/cache "\${words[@]:1}") ;;
esac
exec $real "\${words[@]}"
END
    chmod +x bash-loop
    for ((index = 0; index < 10; index++)); do mounts+=(-v "$temp/used:/$index"); done
    export SLIPWAY_STORE=$temp/store/one
    pretending home
    while IFS='|' read -r title line; do
        read -ra command <<<"$line"
        [[ $line != run ]] || command=(run "${mounts[@]}" slipway/base:1 true)
        ways=(DOCKER_HOST="$docker_host" DOCKER_CONFIG="$docker_config")
        say "$title, five ways"
        timed -w 5 -p "$temp/prepare" "$((rounds / 10 > 20 ? rounds / 10 : 20))" \
            direct "${ways[@]}" "$real" "${command[@]}" + c "${ways[@]}" ./c "${command[@]}" + \
            bash "${ways[@]}" ./bash-exec "${command[@]}" + loop "${ways[@]}" ./bash-loop "${command[@]}" + \
            decide-one "${words[@]}" "${command[@]}"
        row "side by side: $title, shim / bash that loops" \
            "$(calculate "(${median[decide-one]} - ${median[direct]}) / (${median[loop]} - ${median[direct]})")" x - \
            direct="${median[direct]}" C="${median[c]}" bash_exec="${median[bash]}" bash_loop="${median[loop]}" \
            shim="${median[decide-one]}"
    done <<END
ps|ps
run with ten mounts|run
build|build -t bench-small small
END
}
