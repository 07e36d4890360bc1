# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, plugin: the shim under the name docker-buildx, in a plugin folder that docker looks through before
# the real one's. It is a link to the shim, as bin/docker is.

if [ "$scope" = user ]; then
    docker_plugins=$(absolute_or "${DOCKER_CONFIG-}" "${HOME-}/.docker")/cli-plugins
else
    docker_plugins=/usr/local/lib/docker/cli-plugins
fi
plugin=$docker_plugins/docker-buildx

# first_plugin [real]: the first docker-buildx in docker's own order; with "real", the first that is not ours. Where docker's
# config.json names more folders, slipway doctor knows them.
first_plugin() {
    for folder in "$docker_plugins" /usr/local/lib/docker/cli-plugins /usr/local/libexec/docker/cli-plugins \
        /usr/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins; do
        file=$folder/docker-buildx
        if ! [ -f "$file" ] || ! [ -x "$file" ]; then continue; fi
        if [ "${1-}" = real ] && is_shim "$file"; then continue; fi
        say "$file"
        return
    done
    return 1
}

# Sets plugin_state for the report. Where the plugin cannot stand first, nothing is changed.
place_plugin() {
    real_plugin=$(first_plugin real)
    if [ -z "$real_plugin" ]; then
        plugin_state="not put in place: there is no real docker-buildx for it to hand on to"
        return
    fi
    # Docker keeps secrets beside it, and makes the folder so.
    mask=$(umask)
    [ "$scope" = system ] || umask 077
    if put_link "$plugin" "$shims/docker"; then
        plugin_state="$plugin, before $real_plugin"
    else
        plugin_state="not put in place: $plugin is there. Move it to another of docker's plugin folders, such as
                  /usr/local/lib/docker/cli-plugins, and run this again"
    fi
    umask "$mask"
}

# One line for --check; adds to what is lacking where the plugin was put in place and another is found first.
report_plugin() {
    found=$(first_plugin)
    if [ -z "$found" ]; then
        say "  docker-buildx: none in docker's usual plugin folders"
    elif is_shim "$found"; then
        say "  docker-buildx: the shim, $found"
    else
        say "  docker-buildx: $found; compose and bake share nothing (install.sh --with-plugin)"
        if grep -qxF "link $plugin" "$manifest" 2>/dev/null; then say "  docker-buildx is $found" >>"$work/lacking"; fi
    fi
}
