#!/bin/bash
# Compares ovafs with its peers on a disk behind a web server, at several round trips, and prints the table.
# SPDX-License-Identifier: Apache-2.0
#
# usage: Benchmarks/remote.sh [--repeat N] [--round-trips MS...] [--only WORK...] [--data DIR] [--json FILE]
# docs/BENCHMARKS.md says what is measured, and how to read it.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in
*' -h '* | *' --help '*) exec python3 -B Benchmarks/remote.py --help ;;
esac
if [ "$(id -u)" -ne 0 ]; then
    echo 'remote: run as root: it mounts, and a guest file system on a loop device' >&2
    exit 2
fi

scripts/install-dependencies.sh bench
tools=$(mktemp -d)
trap 'rm -rf --one-file-system "$tools"' EXIT
"${SWIFT:-swift}" build --configuration release --static-swift-stdlib --product ovafs >&2
"$(command -v clang || command -v cc)" -O2 -std=c11 -Wall -Wextra -Werror Benchmarks/network/relay.c -o "$tools/relay"
python3 -B Benchmarks/remote.py --ovafs "$PWD/.build/release/ovafs" --relay "$tools/relay" "$@"
