#!/bin/bash
# Opens every bomb at full size, and runs every target on damaged copies of built inputs, examples and shared samples.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/run-fuzzers.sh SECONDS [SEED]     (seconds for each target; the seed is the day's by default)
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
seed=${2:-$(date +%Y%m%d)}
fuzz=.build/release/ovafs-fuzz

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0
for target in $("$fuzz" --list); do
    if [ "$target" = bombs ]; then
        "$fuzz" bombs || status=1
        continue
    fi
    scripts/fuzz-samples.sh "$work" "$target" >"$work/files" || {
        status=1
        continue
    }
    mapfile -d '' -t files <"$work/files"
    code=0
    # Memory without bound is a finding, and so is a round that does not end.
    (ulimit -v 4000000 && exec timeout --signal=KILL $((seconds + 60)) \
        "$fuzz" "$target" "${files[@]}" --constructed --seconds "$seconds" --seed "$seed" --progress "$work/round") || code=$?
    if [ "$code" -ne 0 ]; then
        echo "$target: ended with $code; to repeat it:" >&2
        echo "  $fuzz $target --constructed --seed $seed --round $(cat "$work/round") ${files[*]@Q}" >&2
        status=1
    fi
done
exit "$status"
