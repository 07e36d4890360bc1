#!/usr/bin/env bash
# --with-plugin: the shim as docker's plugin docker-buildx, either before the real one or not installed. In a mount
# namespace, so that docker's own plugin folders are throw-away ones.

. "$(dirname -- "${BASH_SOURCE[0]}")/../namespace.bash"

mkdir -p "$T/ns/local/bin" "$T/ns/etc" /usr/libexec
cp -a /etc/. "$T/ns/etc/"
mount --bind "$T/ns/etc" /etc
mount --bind "$T/ns/local" /usr/local
mount -t tmpfs none /usr/libexec
[[ ! -d /usr/lib/docker ]] || mount -t tmpfs none /usr/lib/docker

fresh user
install "$home" --with-plugin; equal "no real plugin: installs all the same" $? 0
check "and says why" said "there is no real docker-buildx"
equal "and makes no folder" "$(find "$home" -name .docker)" ""
install "$home" --uninstall; equal "no trace" "$(tree "$home")" ""

program /usr/libexec/docker/cli-plugins/docker-buildx 'echo the real buildx'
before=$(tree "$home")
install "$home" --with-plugin --dry-run; equal "--dry-run" $? 0
equal "--dry-run changes nothing" "$(tree "$home")" "$before"
install "$home" --with-plugin; equal "installs" $? 0
plugin=$home/.docker/cli-plugins/docker-buildx
equal "a link to the shim" "$(readlink "$plugin")" "$home/.local/lib/slipway/shims/docker"
equal "a folder as docker makes it" "$(stat -c %a "$home/.docker")" 700
check "says before which one" said "docker-buildx   $plugin, before /usr/libexec/docker/cli-plugins/docker-buildx"
install "$home" --check; equal "--check" $? 0
check "--check shows it" said "docker-buildx: the shim, $plugin"
tree "$home" >"$T/once"
install "$home"; equal "once more, without the option: stays" "$(tree "$home")" "$(cat "$T/once")"
install "$home" --with-plugin; equal "once more, with it: stays" "$(tree "$home")" "$(cat "$T/once")"
check "and says so" said "Already installed"

rm "$plugin"; program "$plugin" 'echo another'
install "$home" --check; equal "--check where another stands first" $? 1
check "--check says which" said "docker-buildx: $plugin; compose and bake share nothing"
rm "$plugin"
install "$home" --with-plugin
install "$home" --uninstall; equal "--uninstall: no trace" "$(tree "$home")" "$before"

mkdir -p "$home/.docker"; echo '{}' >"$home/.docker/config.json"
with=(DOCKER_CONFIG="$home/.docker")
before=$(tree "$home")
install "$home" --with-plugin
install "$home" --uninstall; equal "what docker has there stays" "$(tree "$home")" "$before"
with=()

program "$plugin" 'echo the user'
before=$(tree "$home")
install "$home" --with-plugin; equal "the name is taken: installs all the same" $? 0
check "says what to do" said "not put in place: $plugin is there"
equal "and is left" "$("$plugin")" "the user"
install "$home" --uninstall; equal "and after --uninstall" "$(tree "$home")" "$before"

install "$home" --system --with-plugin; equal "--system" $? 0
equal "--system: the link" "$(readlink /usr/local/lib/docker/cli-plugins/docker-buildx)" /usr/local/lib/slipway/shims/docker
check "--system: others may look" test -x /usr/local/lib/docker/cli-plugins -a "$(stat -c %a /usr/local/lib/docker)" = 755
install "$home" --system --uninstall; equal "--system: no trace" "$(find /usr/local -mindepth 1)" /usr/local/bin
install "$home" --with-plugin --check; equal "only with an install" $? 2
