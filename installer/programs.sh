# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, programs: where docker and slipway come from: those of the package that this lies in, or, in the
# sources, those that swift builds.

find_programs() { # sets programs: a folder with docker and slipway
    programs=$here/bin
    if [ ! -f "$programs/docker" ]; then
        programs=$here/.build/release
        if have swift && [ -f "$here/Package.swift" ]; then
            build
        elif [ -f "$programs/docker" ]; then
            say "no swift on PATH: using the programs that were built before, $programs"
        else
            warn "there are no built programs here, and no swift on PATH to build them. Either"
            warn "  - install Swift 6.3 or newer (https://www.swift.org/install/linux/), and run this again, or"
            warn "  - run ./install.sh --package on a machine with Swift; unpack the tarball here and run the install.sh in it."
            exit 1
        fi
    fi
    for file in docker slipway; do
        [ -n "$dry" ] || is_shim "$programs/$file" || die "$programs/$file does not contain the shim's marker: not installed"
    done
}

build() {
    if [ -n "$dry" ]; then
        say "would run swift build -c release --static-swift-stdlib"
        return
    fi
    say "building the release: swift build -c release --static-swift-stdlib (some minutes, the first time)"
    # What swift keeps for later stays in the sources, not in HOME: an uninstall could not know whose it is.
    if ! (cd -- "$here" && XDG_CACHE_HOME=$here/.build/cache XDG_DATA_HOME=$here/.build/data \
        swift build -c release --static-swift-stdlib) >"$work/build" 2>&1; then
        cat "$work/build" >&2
        die "the build failed; see swift's output above"
    fi
}

version_of() { "$1" version </dev/null 2>/dev/null | head -n 1; }
