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
# zsh has no folder for completions of a user's own: it learns of ours by this.
_slipway_completions=${_slipway_shims%/lib/slipway/shims}/share/zsh/site-functions
if [ -n "${ZSH_VERSION-}" ] && [ -r "$_slipway_completions/_slipway" ]; then
    case :${FPATH-}: in *:"$_slipway_completions":*) ;; *) FPATH=$_slipway_completions${FPATH:+:$FPATH} ;; esac
fi
unset _slipway_shims _slipway_completions
