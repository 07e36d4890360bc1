# shellcheck shell=bash
#
# Debian's packages of any suite, without touching the machine's apt: sourced by scripts that unpack some into a folder.
#
# The archive's address, proxy and keys are the machine's own, found through apt; apt works in folders of its own.

# The source of the machine's main Debian archive.
archive() {
    # shellcheck disable=SC2016 # apt replaces $(REPO_URI)
    apt-get indextargets --format '$(REPO_URI)' \
        'Identifier: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' | sort -u | sed -n 1p
}

# private_apt FOLDER SUITE: sets the array "apt", options that make apt-get and apt-cache use that folder and the
# packages of that suite, and downloads its lists. Errors go to stderr.
private_apt() {
    local folder=$1 suite=$2 uri keys=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$folder"/{sources,lists/partial,cache/archives/partial}
    uri=$(archive) || true
    if [[ -z $uri ]]; then
        apt-get -qq update >&2 || true # a machine made from an image has no lists yet
        uri=$(archive) || true
    fi
    [[ -n $uri ]] || { echo "apt knows no archive of Debian here; see /etc/apt/sources.list*" >&2; return 1; }
    printf '%s\n' "Types: deb" "URIs: $uri" "Suites: $suite" "Components: main" >"$folder/sources/debian.sources"
    [[ ! -e $keys ]] || echo "Signed-By: $keys" >>"$folder/sources/debian.sources"
    : >"$folder/status" # packages installed on the machine do not count

    apt=(-q
        -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$folder/sources"
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Default-Release=
        -o Dir::State::Lists="$folder/lists" -o Dir::State::status="$folder/status" -o Dir::Cache="$folder/cache"
        -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin
        -o Acquire::Languages=none -o APT::Sandbox::User= -o APT::Update::Error-Mode=any)
    # (These caches are enabled because container images often disable them, and then each call takes seconds longer.
    # Without this mode apt only warns about lists that it cannot fetch, and then packages are missing.)
    apt-get "${apt[@]}" update >&2
}
