# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, package: a tarball of the programs, this install.sh and its rooms, which installs without Swift.
# The same programs give the same bytes.

# shellcheck source=programs.sh
. "$rooms/programs.sh"

# Sets version, and sees to it that the programs run where nothing else is installed.
check_programs() {
    find_programs
    version=$(version_of "$programs/slipway")
    version=${version#slipway }
    case $version in '' | *[!A-Za-z0-9.+~-]*) die "$programs/slipway version does not begin with \"slipway VERSION\"" ;; esac
    for file in docker slipway; do
        if have ldd && ldd "$programs/$file" 2>/dev/null | grep -q '=>'; then die "$programs/$file is not static"; fi
    done
    # Order, owner and time of what is packed are fixed.
    epoch=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null)}
    # What a package was unpacked from has the time that its files have.
    : "${epoch:=$(stat -c %Y -- "$here/install.sh")}"
}

make_package() {
    check_programs
    tar --version 2>/dev/null | grep -q 'GNU tar' || die "--package needs GNU tar (Debian: apt-get install tar)"
    name=slipway-$version-linux-$(uname -m)
    : "${package_file:=$name.tar.gz}"
    root=$work/package/$name
    mkdir -p "$root/bin" "$root/installer" "$root/shims/help"
    cp -- "$programs/docker" "$programs/slipway" "$root/bin/" || exit 1
    cp -- "$here/shims/slipway.sh" "$here/shims/slipway.fish" "$here/shims/environment.conf" "$root/shims/" || exit 1
    cp -- "$here"/shims/help/* "$root/shims/help/" || exit 1
    cp -- "$rooms"/*.sh "$root/installer/" || exit 1
    cp -- "$here/install.sh" "$root/" || exit 1
    for file in LICENSE README.md; do
        if [ -f "$here/$file" ]; then cp -- "$here/$file" "$root/"; else warn "there is no $file to put into the package"; fi
    done
    find "$root" -type d -exec chmod 755 {} +
    find "$root" -type f -exec chmod 644 {} +
    chmod 755 "$root/bin/docker" "$root/bin/slipway" "$root/install.sh"

    tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$epoch" \
        -C "$work/package" -cf "$work/package.tar" "$name" || exit 1
    gzip -9 -n "$work/package.tar" || exit 1
    replace "$work/package.tar.gz" "$package_file" 644 || die "cannot write $package_file"
    say "made $package_file ($(wc -c <"$package_file") bytes); to install: unpack it and run $name/install.sh"
}
