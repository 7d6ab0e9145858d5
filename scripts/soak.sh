#!/bin/bash
# Reads four mounts at random for half an hour while faults are injected, and fails on whatever is not as it should be.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/soak.sh [--minutes N] [--readers N] [--size MIB] [--seed N] [--report DIR] [--ovafs PROGRAM]
#                        [--self-test | --prove | --sabotage KIND]
# Runs the release binary, which has to be there, or PROGRAM. docs/SOAK.md says what is done, and what passes.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in
*' -h '* | *' --help '*) exec python3 -B Soak/soak.py --help ;;
*' --self-test '*)
    scripts/install-dependencies.sh soak
    exec python3 -B Soak/soak.py --ovafs .build/release/ovafs "$@"
    ;;
esac
case " $* " in
*' --ovafs'[\ =]*) ;;
*)
    if [ ! -x .build/release/ovafs ]; then
        echo 'soak: .build/release/ovafs is missing: run make build, or name a program with --ovafs' >&2
        exit 2
    fi
    set -- --ovafs .build/release/ovafs "$@"
    ;;
esac
if [ ! -c /dev/fuse ]; then
    echo 'soak: /dev/fuse is missing: load the fuse module, or give the container this device' >&2
    exit 2
fi
scripts/install-dependencies.sh soak

# Its disks and mounts are in here, so that all of them are known even when the program is killed.
folder=$(mktemp -d "${TMPDIR:-/tmp}/ovafs-soak.XXXXXX")
child=

# The second line of defence: the program ends its own mounts and processes, unless it was killed.
leave() {
    trap '' INT TERM HUP
    if [ -n "$child" ] && kill -0 "$child" 2>/dev/null; then
        kill -TERM "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    # A server that was stopped would never end. The folder's name is this run's alone.
    pkill -CONT --full -- "$folder/" || true
    scripts/check-leftover-mounts.sh "$folder" || true
    pkill -KILL --full -- "$folder/" || true
    rm -rf --one-file-system "$folder"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

TMPDIR=$folder python3 -B Soak/soak.py "$@" &
child=$!
wait "$child"
