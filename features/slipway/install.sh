#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Dev Container Feature "slipway": runs as root while the image is built, with the Feature's options in its environment.
# Installs from the tarball beside this file, without a network and without a compiler.
set -eu

fail() {
    echo "slipway: $*" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || fail "this Feature is installed by root"
store=${STORE:-/buildkit-cache}
version=${VERSION:-bundled}
here=$(cd -- "$(dirname -- "$0")" && pwd)
case $store in /*) ;; *) fail "store takes an absolute path, not $store" ;; esac
for value in "$store" "${REMOTE-}" "${PROFILE-}"; do
    case $value in *"
"*) fail "an option has more than one line" ;; esac
done
machine=$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$version" = bundled ]; then
    for tarball in "$here"/slipway-*-linux-"$machine".tar.gz; do :; done
    [ -f "$tarball" ] || fail "no slipway-VERSION-linux-$machine.tar.gz lies beside this Feature: put one there, or name version and releases"
else
    case $version in *[!A-Za-z0-9.+~-]*) fail "version is not one: $version" ;; esac
    [ -n "${RELEASES-}" ] || fail "version $version: name the folder of the release with the option releases"
    name=slipway-$version-linux-$machine.tar.gz
    tarball=$work/$name
    for file in "$name" SHA256SUMS; do
        if command -v curl >/dev/null 2>&1; then
            curl -fsSL --retry 3 -o "$work/$file" "${RELEASES%/}/$file"
        else
            wget -q -O "$work/$file" "${RELEASES%/}/$file"
        fi || fail "cannot download ${RELEASES%/}/$file"
    done
    (cd "$work" && grep -F "  $name" SHA256SUMS | sha256sum -c - >/dev/null 2>&1) || fail "$name is not what SHA256SUMS says"
fi

tar -xzf "$tarball" -C "$work"
plugin=--with-plugin
[ "${PLUGIN:-true}" = true ] || plugin=
# shellcheck disable=SC2086,SC2211
"$work"/slipway-*-linux-"$machine"/install.sh --system $plugin

# A new volume gets the image's directory with its mode: every user of the dev container may then have a part in it.
mkdir -p "$store"
/usr/local/bin/slipway store init --shared "$store"
{
    [ "$store" = /buildkit-cache ] || echo "store = $store"
    [ -z "${REMOTE-}" ] || echo "remote = $REMOTE"
    [ "${PROFILE:-off}" = off ] || echo "profile = $PROFILE"
} >"$work/settings"
if [ -s "$work/settings" ]; then
    mkdir -p /etc/slipway
    cat "$work/settings" >>/etc/slipway/slipway.conf
    chmod 644 /etc/slipway/slipway.conf
fi
