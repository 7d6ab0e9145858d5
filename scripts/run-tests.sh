#!/bin/sh
# Builds and runs all tests in a folder of their own, repeats what failed, and fails if a mount is left behind.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/run-tests.sh [options of swift build and swift test]
set -eu
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
# No test takes this long on any machine; one that hangs ends the run.
minutes=45

"$swift" build --build-tests "$@"

folder=$(mktemp -d "${TMPDIR:-/tmp}/ovafs-tests.XXXXXX")
report=$(mktemp "${TMPDIR:-/tmp}/ovafs-tests-report.XXXXXX")
# What is still mounted must not be walked into.
trap 'rm -rf --one-file-system "$folder"; rm -f "$report" "$report.status"' EXIT

# The status of a pipe is that of its last command, so that of the tests goes through a file.
run() {
    {
        status=0
        TMPDIR=$folder timeout --kill-after=30 "${minutes}m" "$swift" test --skip-build "$@" 2>&1 || status=$?
        echo "$status" >> "$report.status"
    } | tee -a "$report"
}

# The real mounts come after the rest: beside it, each of their tests would wait for a thread again and again.
case " $* " in
*' --filter '* | *' --skip '*) run "$@" ;;
*)
    run "$@" --skip EndToEndTests
    run "$@" --filter EndToEndTests
    ;;
esac

status=0
grep -qvx 0 "$report.status" && status=1
if [ "$status" -ne 0 ]; then
    # The end of a long log is what is looked at, and some failures print whole images.
    printf '\nWhat failed:\n'
    grep -aE '✘|[Ff]atal error|error: ' "$report" | cut -c 1-600 | tail -n 60
    if grep -qx -e 124 -e 137 "$report.status"; then
        echo "Stopped after $minutes minutes; begun and not ended:"
        sed -nE 's/^[^ ]+ (Test .*) (started|passed after|failed after|skipped).*/\1/p' "$report" | sort | uniq -u | tail -n 60
    fi
fi
scripts/check-leftover-mounts.sh "$folder" || status=1
exit "$status"
