#!/usr/bin/env bash
# The content of a release.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

version=$(sed -n 's/.*version = "\(.*\)"/\1/p' "$sources/Sources/Shim/Release.swift")
make_package "$version"
mkdir -p "$package/Scripts" "$package/Sources/Shim"
cp "$sources/Scripts/release" "$package/Scripts/"
cp "$sources/Package.swift" "$package/"
cp -r "$sources/features" "$package/"
cp "$sources/Sources/Shim/Release.swift" "$package/Sources/Shim/"
release() { env -i HOME="$T" PATH="$PATH" TMPDIR="$T" SOURCE_DATE_EPOCH=1790000000 DEBEMAIL=slipway@lists.debian.org "$package/Scripts/release" "$@" >"$T/out" 2>&1; }
quietly() { "$@" >"$T/out" 2>&1; }
machine=$(uname -m)
name=slipway-$version-linux-$machine

check "Scripts/release" release "$T/dist"
equal "what it writes" "$(ls -A "$T/dist")" "$(printf '%s\n' SHA256SUMS devcontainer-feature-slipway.tgz "$name.cdx.json" "$name.tar.gz" "slipway_${version}_$(dpkg --print-architecture).deb")"
check "SHA256SUMS is right" bash -c "cd '$T/dist' && sha256sum --check --quiet SHA256SUMS"
equal "and names all of it" "$(wc -l <"$T/dist/SHA256SUMS")" 4
# shellcheck disable=SC2016
check "the bill of materials names the tarball" quietly jq -e --arg digest "$(sha256sum <"$T/dist/$name.tar.gz" | cut -d ' ' -f 1)" \
    '.bomFormat == "CycloneDX" and .metadata.component.hashes[0].content == $digest' "$T/dist/$name.cdx.json"
equal "and what is linked in" "$(jq -r '.components[] | select(.version != "") | .name' "$T/dist/$name.cdx.json" | tr '\n' ' ')" "swift-argument-parser swift-runtime glibc "
equal "the Feature is what it is in the sources" "$(mkdir "$T/feature"; tar -xzf "$T/dist/devcontainer-feature-slipway.tgz" -C "$T/feature" && diff -r "$T/feature" "$sources/features/slipway" && stat -c %a "$T/feature/install.sh")" 755
check "once more" release "$T/again"
check "the same bytes" diff -r "$T/dist" "$T/again"

# What the other architecture's machine makes: all that decides is uname.
program "$T/arm/uname" "case \$* in -m) echo aarch64 ;; *) exec $(command -v uname) \"\$@\" ;; esac"
PATH=$T/arm:$PATH release "$T/arm64"
equal "arm64: the names" "$(ls -A "$T/arm64")" "$(printf '%s\n' SHA256SUMS devcontainer-feature-slipway.tgz "slipway-$version-linux-aarch64."{cdx.json,tar.gz} "slipway_${version}_arm64.deb")"
equal "arm64: the folder in the tarball" "$(tar -tzf "$T/arm64/slipway-$version-linux-aarch64.tar.gz" | head -n 1)" "slipway-$version-linux-aarch64/"
equal "arm64: the package's architecture" "$(dpkg-deb -f "$T/arm64/slipway_${version}_arm64.deb" Architecture)" arm64
check "arm64: SHA256SUMS is right" bash -c "cd '$T/arm64' && sha256sum --check --quiet SHA256SUMS"
equal "the workflow builds for both" "$(sed -nE 's/^ *- architecture: //p' "$sources/.github/workflows/release.yml" 2>/dev/null | tr '\n' ' ')" "x86_64 aarch64 "

# The Feature takes the tarball of its machine from several. These ones only say what they are.
if [[ $EUID == 0 ]]; then
    mkdir "$T/feature-of-both"
    cp "$sources/features/slipway/install.sh" "$T/feature-of-both/"
    for name_of in x86_64 aarch64; do
        program "$T/one/slipway-1-linux-$name_of/install.sh" "echo 'for $name_of: '\"\$*\"" 'exit 3'
        tar -czf "$T/feature-of-both/slipway-1-linux-$name_of.tar.gz" -C "$T/one" "slipway-1-linux-$name_of"
    done
    for name_of in x86_64 aarch64; do
        program "$T/arm/uname" "echo $name_of"
        equal "the Feature on $name_of" "$(PATH=$T/arm:$PATH sh "$T/feature-of-both/install.sh" 2>&1)" "for $name_of: --system --with-plugin"
    done
    program "$T/arm/uname" "echo riscv64"
    check "on another architecture it names what is missing" bash -c "PATH='$T/arm':\$PATH sh '$T/feature-of-both/install.sh' 2>&1 | grep -q 'no slipway-VERSION-linux-riscv64.tar.gz lies beside'"
else
    skip "the Feature is installed by root"
fi

make_package 9.9.9
equal "programs of another version than the sources are refused" "$(release "$T/other"; echo $?)" 1
check "  and that is said" said "of another version than the sources"

# From nothing to a hit: no compiler, no network, following the release's own instructions.
mkdir "$T/unpacked"
tar -xzf "$T/dist/$name.tar.gz" -C "$T/unpacked"
fresh reader
check "the tarball installs without compiler and network" quietly env -i HOME="$home" PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare -rn sh "$T/unpacked/$name/install.sh"
reached_everywhere "the tarball's shim" "$home" "$home/.local"
check "and goes" quietly env -i HOME="$home" PATH=/usr/sbin:/usr/bin:/sbin:/bin sh "$home/.local/lib/slipway/install.sh" --uninstall
equal "without a trace" "$(tree "$home")" ""

if [[ ${SLIPWAY_TESTS_ALL-} == 1 ]]; then
    python3 -m venv "$T/venv" && "$T/venv/bin/pip" -q --disable-pip-version-check install 'cyclonedx-python-lib[json-validation]'
    check "a validator of CycloneDX accepts it" "$T/venv/bin/python" -c '
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
print(problem)
sys.exit(problem is not None)' "$T/dist/$name.cdx.json"
fi
