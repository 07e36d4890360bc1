# Slipway: puts the folder of its docker shim first on PATH, once. For sh, dash, bash, zsh and ksh; starts no process.
# install.sh fills in the folder; "install.sh --uninstall" takes this file away again.
# shellcheck shell=sh
_slipway_shims=@SHIMS@
case ${PATH-} in
'' | "$_slipway_shims" | "$_slipway_shims":*) ;; # no PATH at all: the shell's own default is better than only us
*)
    _slipway_path=:$PATH:
    while :; do
        case $_slipway_path in
        *:"$_slipway_shims":*) _slipway_path=${_slipway_path%%:"$_slipway_shims":*}:${_slipway_path#*:"$_slipway_shims":} ;;
        *) break ;;
        esac
    done
    PATH=$_slipway_shims${_slipway_path%:}
    export PATH
    unset _slipway_path
    ;;
esac
unset _slipway_shims
