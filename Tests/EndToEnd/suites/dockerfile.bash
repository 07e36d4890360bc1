#!/usr/bin/env bash
# The sources' Dockerfile: a release with nothing but docker. The image of Swift that it builds on is made here of this machine's own
# toolchain, so no container registry is needed. It compiles everything once more, so only with SLIPWAY_TESTS_ALL=1.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
# shellcheck source=Tests/EndToEnd/newcomer/lib.bash
. "$root/Tests/EndToEnd/newcomer/lib.bash"

argument() {
    # A digest keeps the builder the same; whoever wants another one names it.
    expect grep -qE '^ARG SWIFT=swift:[0-9.]+-[a-z]+@sha256:[0-9a-f]{64}$' "$root/Dockerfile"
    # shellcheck disable=SC2016 # the Dockerfile expands it
    expect grep -qxF 'FROM ${SWIFT} AS build' "$root/Dockerfile"
    expect grep -qF -- '--build-arg SWIFT=' "$root/RELEASING.md"
}
test_case "the image of Swift is an argument with a digest, and the releaser's page names it" argument
[[ ${SLIPWAY_TESTS_ALL-} == 1 ]] || exit 0

need wget
engine a sid containerd
limit=3600

# What the official image has: a small Debian, the packages that the toolchain and its linker use, git, and the toolchain itself without
# its editor services, debugger and documentation. The one dependency is what git would fetch.
swift_image() {
    local home=$work place=$work/swift-image
    "$root/Tests/EndToEnd/sandbox/base" a
    dependency "$place/dependency"
    cat >"$place/Dockerfile" <<END
FROM slipway/debian:1
RUN apt-get -q update && apt-get -q install -y --no-install-recommends ${swift_packages[*]}
COPY --from=toolchain bin/swift bin/swiftc bin/swift-driver bin/swift-frontend bin/swift-autolink-extract bin/swift-build bin/swift-package /usr/bin/
COPY --from=toolchain bin/swift-plugin-server bin/clang bin/clang-[0-9]* bin/clang++ bin/lld bin/ld.lld bin/llvm-ar /usr/bin/
COPY --from=toolchain lib/swift /usr/lib/swift
COPY --from=toolchain lib/swift_static /usr/lib/swift_static
COPY --from=toolchain lib/clang /usr/lib/clang
COPY --from=toolchain libexec/swift /usr/libexec/swift
COPY --from=toolchain share/swift /usr/share/swift
COPY --from=toolchain share/pm /usr/share/pm
COPY dependency/ /dependency/
RUN git config --system url./dependency/.insteadOf https://github.com/ && git config --system safe.directory '*'
END
    direct a docker buildx build -q --network=host --build-context "toolchain=$(toolchain)" \
        --output type=image,name=machine/swift:1,compression=uncompressed "$place"
}

builds() {
    local out=$place/dist name
    (swift_image)
    # The sources as git has them, and nothing of this machine's own build.
    mkdir sources
    (cd "$root" && git -c safe.directory='*' ls-files -z | xargs -0 cp -P --parents -t "$place/sources")
    cd sources
    run direct a docker build --network=none --build-arg SWIFT=machine/swift:1 --build-arg SOURCE_DATE_EPOCH=1790000000 --output="$out" .
    cd "$out"
    name=slipway-$("$work/bin/slipway" version | sed 's/^slipway //')-linux-$(uname -m)
    run sha256sum --check SHA256SUMS
    for file in "$name.tar.gz" "$name.cdx.json" devcontainer-feature-slipway.tgz slipway_*.deb; do expect test -s "$file"; done
    # They install without Swift, and run.
    mkdir "$place/unpacked" "$place/reader"
    tar -xzf "$name.tar.gz" -C "$place/unpacked"
    run env -i HOME="$place/reader" PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare -rn sh "$place/unpacked/$name/install.sh"
    run env -i "$place/reader/.local/bin/slipway" version
    expect_equal "slipway ${name#slipway-}" "$(head -n 1 "$stdout")-linux-$(uname -m)"
    dpkg-deb -x slipway_*.deb "$place/deb"
    expect cmp "$place/deb/usr/lib/slipway/shims/docker" "$place/unpacked/$name/bin/docker"
    direct a docker rmi --force machine/swift:1 >/dev/null
}
test_case "docker build --output writes the release's files, and they install without Swift" builds 3600
