# Slipway: puts the folder of its docker shim first on PATH, once. For fish; starts no process.
# install.sh fills in the folder; "install.sh --uninstall" takes this file away again.
set -l slipway_shims @SHIMS@
if test (count $PATH) -gt 0; and test "$PATH[1]" != "$slipway_shims"
    set -l slipway_path $slipway_shims
    for slipway_entry in $PATH
        test "$slipway_entry" = "$slipway_shims"; or set slipway_path $slipway_path $slipway_entry
    end
    set -gx PATH $slipway_path
    set -e slipway_entry
end
