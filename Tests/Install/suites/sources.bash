#!/usr/bin/env bash
# From the sources, with and without swift, and from a package.

. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.bash"

make_checkout
fresh swift
from_checkout "$plain"; equal "no swift, no package: 1" $? 1
check "says how to get it" said swift.org/install
equal "and leaves nothing" "$(tree "$home")" ""
: >"$T/swift/broken"; from_checkout "$T/swift:$plain"; equal "a build that fails: 1" $? 1
check "shows what swift said" said "error: broken"
rm "$T/swift/broken"; from_checkout "$T/swift:$plain"; equal "builds and installs" $? 0
equal "the build command" "$(tail -n 1 "$T/swift/calls")" "build -c release --static-swift-stdlib"
from_checkout "$plain"; equal "without swift, what was built before is taken" $? 0
from_checkout "$plain" --uninstall; equal "sources: no trace" "$(tree "$home")" ""
arch=$(uname -m)
(cd "$T" && from_checkout "$T/swift:$plain" --package); equal "--package" $? 0
tarball=$T/slipway-0.1.0-linux-$arch.tar.gz
check "its name" test -f "$tarball"
sleep 1.1; touch "$checkout/LICENSE"
from_checkout "$T/swift:$plain" --package "$T/again.tar.gz"
check "the same bytes again" cmp "$tarball" "$T/again.tar.gz"
equal "what is in it" "$(tar -tzf "$tarball" | sed "s|^slipway-0.1.0-linux-$arch||" | tr '\n' ' ')" "/ /LICENSE /README.md /bin/ /bin/docker /bin/slipway /install.sh /installer/ $(cd "$sources" && printf '/%s ' installer/*.sh)/shims/ /shims/environment.conf /shims/help/ /shims/help/bash /shims/help/fish /shims/help/slipway.1 /shims/help/zsh /shims/slipway.fish /shims/slipway.sh "
mkdir "$T/unpacked"; tar -xzf "$tarball" -C "$T/unpacked"
env -i HOME="$home" PATH="$plain" "$T/unpacked/slipway-0.1.0-linux-$arch/install.sh" >"$T/out" 2>&1; equal "a package installs without swift" $? 0
reached_everywhere "package" "$home" "$home/.local"
env -i HOME="$home" PATH="$plain" "$home/.local/lib/slipway/install.sh" --uninstall >"$T/out" 2>&1; equal "and its copy uninstalls it" "$(tree "$home")" ""
mkdir "$T/alone"; cp "$sources/install.sh" "$T/alone/"
env -i HOME="$home" PATH="$plain" sh "$T/alone/install.sh" >"$T/out" 2>&1; equal "install.sh without its rooms: 1" $? 1
check "says where to run it" said "Slipway's sources or package"
equal "and leaves nothing" "$(tree "$home")" ""
