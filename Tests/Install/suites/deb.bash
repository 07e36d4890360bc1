#!/usr/bin/env bash
# Debian's package: made, installed, upgraded and purged by dpkg in a separate root, which looks as before afterwards.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

deb() { # deb VERSION FILE: a package of that version
    make_package "$1"
    env -i HOME="$T" PATH="$default_path" TMPDIR="$T" SOURCE_DATE_EPOCH=1790000000 DEBEMAIL=slipway@lists.debian.org \
        sh "$package/install.sh" --package deb "$2" >"$T/out" 2>&1
}
check "--package deb makes a package" deb 0.1.0 "$T/one.deb"
check "another version" deb 0.2.0 "$T/two.deb"
check "the same bytes again" deb 0.2.0 "$T/again.deb"
check "  they are the same" cmp "$T/two.deb" "$T/again.deb"
equal "name and version" "$(dpkg-deb -f "$T/two.deb" Package Version | tr '\n' ' ')" "Package: slipway Version: 0.2.0 "
(cd "$T" && mkdir named && cd named && env -i HOME="$T" PATH="$default_path" TMPDIR="$T" sh "$package/install.sh" --package deb >"$T/out" 2>&1)
equal "by its name" "$(ls "$T/named")" "slipway_0.2.0_$(dpkg --print-architecture).deb"
equal "no program of ours runs at install time" "$(dpkg-deb -I "$T/two.deb" | grep -cE ' (pre|post)(inst|rm)$')" 0
install "$T" --package deb a b; equal "two files: bad usage" $? 2

if [[ $EUID != 0 ]]; then
    skip "dpkg in a root of its own needs root"
    exit
fi

# A root with dpkg, bash and what they need, from this machine's own files, so that no second Debian has to be
# downloaded.
root=$T/root
mkdir -p "$root"/{tmp,proc,dev,var/lib/dpkg/{info,updates,triggers},var/log,etc,usr/{bin,sbin,lib,lib64}}
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
copy() { # copy PROGRAM...: with its libraries
    local file
    for file in "$@" $(ldd "$@" 2>/dev/null | grep -o '/[^ ]*' | grep -v ':$' | sort -u); do
        [[ -e $root/$(readlink -f "${file%/*}")/${file##*/} ]] || cp -L "$file" "$root/$(readlink -f "${file%/*}")/"
    done
}
while IFS= read -r folder; do mkdir -p "$root/$folder"; done < <(ldd /usr/bin/dpkg | grep -o '/[^ ]*' | xargs -n 1 dirname | xargs -n 1 readlink -f | sort -u)
copy /usr/bin/{dpkg,dpkg-deb,dpkg-split,dpkg-query,tar,rm,bash,xz,diff,env} /usr/sbin/{ldconfig,start-stop-daemon}
ln -s bash "$root/usr/bin/sh"
: >"$root/var/lib/dpkg/status"
: >"$root/var/lib/dpkg/available"
echo root:x:0:0:root:/:/bin/sh >"$root/etc/passwd" # dpkg would remove a folder that is empty afterwards
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ DEBIAN_FRONTEND=noninteractive chroot "$root" "$@" >"$T/out" 2>&1 </dev/null; }
places() { tree "$root" etc usr; }
cp "$T"/{one,two}.deb "$root/tmp/"
in_root dpkg -i /tmp/one.deb
before_purge=$(in_root dpkg -P slipway; places)
check "dpkg -i" in_root dpkg -i /tmp/one.deb
# shellcheck disable=SC2016
check "a login shell runs the shim" in_root bash -c '. /etc/profile.d/zz-slipway.sh; [[ $(command -v docker) == /usr/lib/slipway/shims/docker ]] && docker'
check "  which is this one" said "shim 0.1.0"
check "slipway is on everybody's PATH" in_root slipway
echo "store = /buildkit-cache" >>"$root/etc/slipway/slipway.conf"
check "an upgrade" in_root dpkg -i /tmp/two.deb
# shellcheck disable=SC2016
check "  is one" in_root dpkg-query -W -f '${Version}' slipway
check "  to this version" said 0.2.0
equal "and keeps the settings" "$(tail -n 1 "$root/etc/slipway/slipway.conf")" "store = /buildkit-cache"
check "files are whole" in_root dpkg -V slipway
check "dpkg -r" in_root dpkg -r slipway
equal "keeps the settings, too" "$(tail -n 1 "$root/etc/slipway/slipway.conf")" "store = /buildkit-cache"
check "dpkg -P" in_root dpkg -P slipway
equal "leaves no trace" "$(places)" "$before_purge"
equal "of any folder" "$(find "$root" -path "$root/tmp" -prune -o -name '*slipway*' -print)" ""

# The rules of Debian's own checker, on the real programs. It takes its time, so only where all tests are asked for.
[[ ${SLIPWAY_TESTS_ALL-} == 1 ]] || exit 0
if ! installed lintian; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends lintian >/dev/null 2>&1 </dev/null
fi
cp "$sources"/.build/release/{docker,slipway} "$package/bin/"
check "the real programs are packed" env SOURCE_DATE_EPOCH=1790000000 DEBEMAIL=slipway@lists.debian.org sh "$package/install.sh" --package deb "$T/real.deb"
lintian --allow-root --no-tag-display-limit "$T/real.deb" >"$T/out" 2>&1
check "lintian looks at it" installed lintian
equal "lintian finds no error" "$(grep '^E: ' "$T/out")" ""
