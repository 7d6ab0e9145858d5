#!/bin/sh
# Builds the cases of the in-process benchmarks and holds them against the thresholds that are checked in.
# SPDX-License-Identifier: Apache-2.0
#
# usage: Benchmarks/check.sh [--update] [--only CASE...]
set -eu
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh bench-check
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo 'Building the cases ...' >&2
if ! "${SWIFT:-swift}" build --package-path Benchmarks --configuration release --product run-case \
    >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    exit 1
fi
compiler=$(command -v clang || command -v cc)
"$compiler" -O2 -std=c11 -Wall -Wextra -Werror -shared -fPIC -fno-builtin \
    Benchmarks/limits/count-allocations.c -o "$folder/count-allocations.so"
# Valgrind 3.19 gives up on the debug information that Swift 6 writes.
strip -o "$folder/run-case" Benchmarks/.build/release/run-case
python3 -B Benchmarks/check.py --program "$folder/run-case" \
    --counter "$folder/count-allocations.so" "$@"
