# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, deb: Debian's package of the programs. It holds files only, no maintainer scripts: what dpkg has put in
# place it takes away again. The same programs give the same bytes.

# shellcheck source=help.sh
. "$rooms/help.sh"

deb_architecture() {
    case $(uname -m) in
    x86_64) say amd64 ;;
    aarch64) say arm64 ;;
    *) dpkg --print-architecture ;;
    esac
}

# deb_text TEMPLATE WORD PATH: a template of shims/, which says who takes it away again.
deb_text() {
    mkdir -p "$root/${3%/*}"
    fill "$1" "$2" "$work/text"
    sed -e 's/install\.sh fills in the folder; "install\.sh --uninstall" takes this file away again/part of the package slipway/' \
        -e 's/install\.sh fills in the folder and takes the file away again/part of the package slipway/' \
        "$work/text" >"$root/$3"
}

make_deb() {
    check_programs
    have dpkg-deb || die "--package deb needs dpkg-deb (Debian: apt-get install dpkg)"
    architecture=$(deb_architecture)
    : "${package_file:=slipway_${version}_$architecture.deb}"
    root=$work/deb
    # The folder that is put first on PATH holds the shim and the admin program, and nothing else.
    shims=/usr/lib/slipway/shims
    mkdir -p "$root/DEBIAN" "$root$shims" "$root/usr/bin" "$root/etc/slipway" "$root/usr/share/lintian/overrides" \
        "$root/usr/share/doc/slipway" "$root/usr/lib/environment.d"
    cp -- "$programs/docker" "$root$shims/docker" || exit 1
    cp -- "$programs/slipway" "$root/usr/bin/slipway" || exit 1
    ln -s ../../../bin/slipway "$root$shims/slipway"
    deb_text slipway.sh "$shims" etc/profile.d/zz-slipway.sh
    deb_text slipway.fish "$shims" usr/share/fish/vendor_conf.d/slipway.fish
    deb_text environment.conf "$shims" usr/lib/environment.d/60-slipway.conf
    deb_text help/slipway.1 "$shims" usr/share/man/man1/slipway.1
    deb_text help/bash "$shims" usr/share/bash-completion/completions/slipway
    deb_text help/zsh "$shims" usr/share/zsh/vendor-completions/_slipway
    deb_text help/fish "$shims" usr/share/fish/vendor_completions.d/slipway.fish
    gzip -9 -n "$root/usr/share/man/man1/slipway.1" || exit 1

    cat >"$root/etc/slipway/slipway.conf" <<'END'
# Settings of Slipway for all users of this machine, a line each: NAME = VALUE.
# "slipway settings" lists all of them, with what is in force and where from.
#
# store = /buildkit-cache
# remote = registry.example.com/team/cache
END
    cat >"$root/usr/share/lintian/overrides/slipway" <<'END'
# The shim runs before every docker command: started as a static program it costs half a millisecond, and needs no library.
slipway: statically-linked-binary
END
    {
        say "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
        say "Upstream-Name: Slipway"
        say ""
        say "Files: *"
        say "Copyright: 2026 the authors of Slipway"
        say "License: Apache-2.0"
        say " On Debian systems the full text of this license is in"
        say " /usr/share/common-licenses/Apache-2.0."
    } >"$root/usr/share/doc/slipway/copyright"
    maintainer="${DEBFULLNAME:-Slipway} <${DEBEMAIL:-slipway@$(hostname -f 2>/dev/null || say localhost)}>"
    {
        say "slipway ($version) unstable; urgency=medium"
        say ""
        say "  * See CHANGELOG.md of the sources."
        say ""
        say " -- $maintainer  $(date -u -d "@$epoch" '+%a, %d %b %Y %H:%M:%S +0000')"
    } >"$work/changelog"
    gzip -9 -n <"$work/changelog" >"$root/usr/share/doc/slipway/changelog.gz" || exit 1
    printf '%s\n' /etc/profile.d/zz-slipway.sh /etc/slipway/slipway.conf >"$root/DEBIAN/conffiles"
    {
        say "Package: slipway"
        say "Version: $version"
        say "Architecture: $architecture"
        say "Maintainer: $maintainer"
        say "Installed-Size: $(du -sk "$root" | cut -f 1)"
        say "Recommends: docker-cli | docker.io | docker-ce-cli, docker-buildx | docker-buildx-plugin"
        say "Section: utils"
        say "Priority: optional"
        say "Description: shares Docker's build cache between engines and hosts"
        say " A small static docker that comes before the real one on PATH. It reads the"
        say " command line, adds the options that let builds share one local store, and"
        say " becomes the real docker by exec. No daemon, no change to a Dockerfile."
        say " ."
        say " The program slipway explains what was done, and why a step was not cached."
    } >"$root/DEBIAN/control"
    (cd -- "$root" && find usr -type f -exec md5sum {} + | sort -k 2) >"$work/md5sums"
    cp -- "$work/md5sums" "$root/DEBIAN/md5sums"

    find "$root" -type d -exec chmod 755 {} +
    find "$root" -type f -exec chmod 644 {} +
    chmod 755 "$root$shims/docker" "$root/usr/bin/slipway"
    SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Zxz --build "$root" "$work/slipway.deb" >"$work/said" 2>&1 || {
        cat "$work/said" >&2
        exit 1
    }
    replace "$work/slipway.deb" "$package_file" 644 || die "cannot write $package_file"
    say "made $package_file ($(wc -c <"$package_file") bytes); to install: sudo dpkg -i $package_file"
}
