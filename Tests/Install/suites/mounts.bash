#!/usr/bin/env bash
# --uninstall if volumes are mounted in the data folders: data that others may use stays. In a mount namespace.

. "$(dirname -- "${BASH_SOURCE[0]}")/../namespace.bash"

shells=("sh")
! installed busybox || shells+=("busybox sh")
# The volume is on the same file system, so no device number gives it away.
for installer in "${shells[@]}"; do
    for place in "" /buildkit "/a b\\c"$'\t'd; do
        fresh "a user's"
        install "$home"
        volume=$T/volume
        rm -rf "$volume"
        mkdir -p "$volume/v1" "$home/.cache/slipway$place" "$home/.cache/slipway-other" "$home/.local/state/slipway"
        : >"$volume/v1/layer"
        mount --bind "$volume" "$home/.cache/slipway$place"
        mount --bind "$volume" "$home/.cache/slipway-other"
        install "$home" --uninstall --dry-run
        check "$installer: --dry-run tells that it stays" said "shared with others: $home/.cache/slipway"
        install "$home" --uninstall; equal "$installer: uninstalls with a volume at slipway${place@Q}" $? 0
        check "what is in the volume stays" test -f "$volume/v1/layer"
        check "and is told" said "shared with others: $home/.cache/slipway"
        check "the rest goes" test ! -e "$home/.local/state/slipway" -a ! -e "$home/.local/lib/slipway"
        umount "$home/.cache/slipway$place"
        install "$home" --uninstall
        check "unmounted, it goes" test ! -e "$home/.cache/slipway" -a -f "$volume/v1/layer"
        umount "$home/.cache/slipway-other"
    done
done
