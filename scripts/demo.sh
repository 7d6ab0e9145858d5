#!/bin/bash
# Shows ovafs at work: builds it, mounts an example, copies a disk out and compares its digest with the reference.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh build
if [ ! -c /dev/fuse ]; then
    echo 'demo: /dev/fuse is missing: load the fuse module, or give the container this device' >&2
    exit 1
fi

echo 'Building ovafs ...'
log=$(mktemp)
if ! "${SWIFT:-swift}" build --configuration release --static-swift-stdlib --product ovafs >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
# shellcheck disable=SC2034 # used in what run evaluates
ovafs=$PWD/.build/release/ovafs

folder=$(mktemp -d)
mount_point=$folder/web-server
mkdir "$mount_point"
leave() {
    if mountpoint -q "$mount_point"; then umount "$mount_point" 2>/dev/null || fusermount3 -u "$mount_point"; fi
    rm -rf --one-file-system "$folder"
}
trap leave EXIT
trap 'exit 130' INT TERM

# run SHOWN [DONE]: shows a command as it would be typed, then runs it, with the paths of this run.
run() {
    printf '\n$ %s\n' "$1"
    eval "${2:-$1}"
}

# shellcheck disable=SC2016 # run expands its second argument
run 'ovafs mount Examples/web-server.ova web-server' '"$ovafs" mount Examples/web-server.ova "$mount_point"'
cd "$folder"
run 'ls -lsh web-server'
run 'ls -R web-server/.ova'
run 'cp --sparse=auto web-server/web-server-disk1.raw .'
run 'sha256sum web-server-disk1.raw'

wanted=$(sed -n 's|  web-server/web-server-disk1.raw$||p' "$OLDPWD/Examples/SHA256SUMS")
copied=$(sha256sum <web-server-disk1.raw | cut -d' ' -f1)
if [ -z "$wanted" ] || [ "$copied" != "$wanted" ]; then
    echo "demo: the reference is ${wanted:-missing}: THE COPY IS WRONG" >&2
    exit 1
fi
echo "$wanted  the disk before it was packed (Examples/SHA256SUMS): the same"

# shellcheck disable=SC2016 # likewise
run 'umount web-server' 'umount "$mount_point" 2>/dev/null || fusermount3 -u "$mount_point"'
