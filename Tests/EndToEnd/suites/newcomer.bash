#!/usr/bin/env bash
# A newcomer: from nothing to a hit on a second engine, with the number of commands that they type and the seconds that these take. The
# dev container's way is in devcontainer.bash; Tests/newcomer runs both. It takes minutes, so only with SLIPWAY_TESTS_ALL=1.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.bash"
# shellcheck source=Tests/EndToEnd/newcomer/lib.bash
. "$root/Tests/EndToEnd/newcomer/lib.bash"
[[ ${SLIPWAY_TESTS_ALL-} == 1 ]] || exit 0
need wget
engine a sid containerd
engine b sid containerd

# What a release has; the programs are those that are tested.
version=$("$work/bin/slipway" version)
version=${version#slipway }
mkdir -p "$work/package/bin" "$work/release"
cp "$work"/bin/{docker,slipway} "$work/package/bin/"
cp -r "$root"/{shims,installer,install.sh,LICENSE,README.md} "$work/package/"
(
    cd "$work/release"
    export SOURCE_DATE_EPOCH=1790000000
    sh "$work/package/install.sh" --package tarball
    sh "$work/package/install.sh" --package deb
) >/dev/null

# bare NAME: a machine with docker and two engines, and a project of the user's
bare() {
    machine "$1"
    with_docker "$1" a b
    project "$1/home/dev/app"
    cp "$work"/release/* "$1/home/dev/"
    inside "$1" chown -R dev:dev /home/dev
    expect_not inside "$1" sh -c 'command -v swift'
    forget a b
    begins "$1"
}
# Both builds are docker's own, and the second is on an engine that has never seen the image.
hits() {
    types dev 'cd app && docker build -t app .'
    expect_cached none
    types dev 'cd app && docker -H unix:///run/second.sock build -t app .'
    expect_cached all
    reached "$1"
    run inside "$here" runuser --login dev --command 'slipway log'
}

tarball() {
    bare one
    types dev 'tar -xzf slipway-*.tar.gz'
    types dev 'slipway-*/install.sh'
    hits "a release's tarball, without Swift"
    run inside one runuser --login dev --command '.local/lib/slipway/install.sh --uninstall'
    expect_equal "$(inside one find /home/dev -name '*slipway*' -not -path '/home/dev/slipway*')" "" "what an uninstall leaves"
}
test_case "from a tarball to a hit on a second engine" tarball 600

package() {
    bare one
    types root 'dpkg -i /home/dev/slipway_*.deb'
    hits "a release's .deb, without Swift"
    run inside one dpkg -P slipway
}
test_case "from Debian's package to a hit on a second engine" package 600

# No docker at all: the demo brings engines of its own.
from_sources() {
    machine one
    mkdir -p one/opt/swift/usr one/root/slipway
    sockets=("$(toolchain)" opt/swift/usr)
    (cd "$root" && git -c safe.directory='*' ls-files -z | xargs -0 cp -P --parents -t "$place/one/root/slipway")
    dependency one/opt/dependency
    # shellcheck disable=SC2016 # the machine's shell expands it
    echo 'PATH=/opt/swift/usr/bin:$PATH' >>one/root/.profile
    inside one apt-get -q update >&2
    inside one apt-get -q install -y --no-install-recommends "${swift_packages[@]}" >&2
    inside one git config --system url./opt/dependency/.insteadOf https://github.com/
    inside one git config --system safe.directory '*'
    begins one
    types root 'cd slipway && ./install.sh --demo'
    expect_said "it took every step from the store"
    reached "the sources, with Swift"
}
test_case "from the sources to a hit on a second engine, with the README's first command" from_sources 3600

figures
