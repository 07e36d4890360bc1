# shellcheck shell=bash
# Used in place of lib.bash by a suite that mounts: the suite runs again in a mount namespace of its own, or is
# skipped if that is impossible.

if [[ -z ${INSTALL_TEST_NAMESPACE-} ]] && [[ $EUID == 0 ]] && unshare --mount true 2>/dev/null; then
    INSTALL_TEST_NAMESPACE=1 exec unshare --mount bash "$0"
fi
# shellcheck source=Tests/Install/lib.bash
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.bash"
if [[ -z ${INSTALL_TEST_NAMESPACE-} ]]; then
    skip "not root, or no mount namespaces"
    exit
fi
