#!/bin/sh
# Builds and runs all tests in a temporary folder of their own, and fails if a mount is left behind in it.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/run-tests.sh [options of swift build and swift test]
set -eu
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}

"$swift" build --build-tests "$@"

folder=$(mktemp -d "${TMPDIR:-/tmp}/ovafs-tests.XXXXXX")
# What is still mounted must not be walked into.
trap 'rm -rf --one-file-system "$folder"' EXIT
status=0
TMPDIR=$folder "$swift" test --skip-build "$@" || status=$?
scripts/check-leftover-mounts.sh "$folder" || status=1
exit "$status"
