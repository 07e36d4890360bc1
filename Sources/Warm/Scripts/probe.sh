#!/bin/sh
# Runs in a container that has a view: tries what tools do to their caches, as this user, and looks whether any of it reaches the
# layers below, which are mounted at LAYERS/1, LAYERS/2 and so on.
#
#     sh -c "$(cat probe.sh)" slipway VIEW LAYERS
#
# Prints "begun", then "good", or "bad" and what is wrong.
set -u
view=$1 layers=$2
echo begun
bad() { echo "bad $*"; exit 1; }

below() { find "$layers" -exec stat -c '%n %f %u %g %s %Y' {} + | sort; }
before=$(below) || bad "the layers cannot be read"

lower=
for directory in "$view"/*/*/; do
    [ -d "$directory" ] && lower=${directory%/} && break
done
[ -n "$lower" ] || bad "the view shows nothing"
echo probe >"$lower/.slipway-probe" || bad "a new file in a directory from below"
[ "$(cat "$lower/.slipway-probe")" = probe ] || bad "what was written cannot be read"
rm -r "$lower" || bad "removing a directory from below"
[ ! -e "$lower" ] || bad "a directory that was removed is still there"
mkdir "$lower" || bad "making a directory anew"
echo probe >"$lower/file" || bad "a file in it"
[ "$(ls -A "$lower")" = file ] || bad "what was removed is back"
[ "$(below)" = "$before" ] || bad "the layers have changed"
echo good
