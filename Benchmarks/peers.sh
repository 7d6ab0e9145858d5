#!/bin/bash
# Compares ovafs with what a user would pick instead, side by side on this machine, and prints the table.
# SPDX-License-Identifier: Apache-2.0
#
# usage: Benchmarks/peers.sh [--size SIZE] [--repeat N] [--only WORKLOAD...] [--data DIR] [--keep]
#                            [--json FILE] [--markdown FILE]
# docs/BENCHMARKS.md says what is measured, and how to read it.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in
*' -h '* | *' --help '*) exec python3 -B Benchmarks/peers.py --help ;;
esac
if [ "$(id -u)" -ne 0 ]; then
    echo 'peers: run as root: it mounts, drops the page cache, and lets ovafs raise the read-ahead of its mounts' >&2
    exit 2
fi
if [ ! -c /dev/fuse ]; then
    echo 'peers: /dev/fuse is missing: load the fuse module, or give the container this device' >&2
    exit 2
fi

scripts/install-dependencies.sh bench
tools=$(mktemp -d)
runs=$tools/runs
: >"$runs"
child=

# The second line of defence: the program ends its own mounts and processes, unless it was killed.
leave() {
    trap '' INT TERM
    if [ -n "$child" ] && kill -0 "$child" 2>/dev/null; then
        kill -TERM "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    while IFS= read -r folder; do
        [ -d "$folder" ] || continue
        { findmnt --raw --noheadings --output TARGET | grep -F -- "$folder/" || true; } |
            while IFS= read -r mount_point; do umount --lazy "$mount_point" || true; done
        # A storage daemon outlives its mounts. The folder's name is this run's alone.
        pkill -TERM --full -- "$folder/" || true
        rm -rf --one-file-system "$folder"
    done <"$runs"
    rm -rf --one-file-system "$tools"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

log=$tools/build.log
echo 'Building ovafs ...' >&2
if ! "${SWIFT:-swift}" build --configuration release --static-swift-stdlib --product ovafs >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
compiler=$(command -v clang || command -v cc)
# shellcheck disable=SC2046 # pkg-config prints words
"$compiler" -O2 -std=c11 -Wall -Wextra -Werror $(pkg-config --cflags libdeflate) Benchmarks/limits/inflate.c \
    -o "$tools/inflate" $(pkg-config --libs libdeflate)

python3 -B Benchmarks/peers.py --ovafs "$PWD/.build/release/ovafs" --inflate "$tools/inflate" --run-list "$runs" "$@" &
child=$!
wait "$child"
