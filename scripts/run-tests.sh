#!/bin/bash
# Builds all tests, runs them in two lanes side by side, tells again what failed, and fails if anything is left behind.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/run-tests.sh [options of swift build] [--filter REGULAR-EXPRESSION | --skip REGULAR-EXPRESSION]...
# With --filter or --skip: those tests alone, in one run. Each line of output begins with the name of its group.
set -euo pipefail
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
# No group takes this long on any machine; one that hangs ends the run.
minutes=45

build=()
chosen=()
while [ $# -gt 0 ]; do
    case $1 in
    --filter | --skip)
        chosen+=("$1" "${2:?$1 wants a regular expression}")
        shift
        ;;
    *) build+=("$1") ;;
    esac
    shift
done
# Not by `swift test`, of which there is one at a time for a folder of builds. Asked first: beside a build it would wait.
program=$("$swift" build --show-bin-path "${build[@]}")/ovafsPackageTests.xctest
"$swift" build --build-tests "${build[@]}"


# The longest comes first; it mostly waits for its services. What is named nowhere is in the last group.
many='EndToEnd/(MatrixTests|ThirdPartyDiskTests|MadeFolderTests|TrustTests|UnmountTests|WebTests|CompressedTests|BombTests)/'
options_of() {
    case $1 in
    chosen) printf '%s\n' "${chosen[@]}" ;;
    glance) printf '%s\n' --filter EndToEnd/Glance ;;
    units) printf '%s\n' --skip EndToEndTests ;;
    mounts) printf '%s\n' --filter "$many" ;;
    # One expression: of several, one counts.
    others) printf '%s\n' --filter EndToEndTests --skip "EndToEnd/Glance|$many" ;;
    esac
}
groups=(glance units mounts others)
if [ ${#chosen[@]} -gt 0 ]; then groups=(chosen); fi

# A copy of a mount in another namespace keeps its server alive, so each group has mounts that no other sees. Who may not
# have that runs one group after the other.
alone=()
lanes=1
if [ "$(id -u)" -eq 0 ]; then
    alone=(unshare --mount --propagation private)
    lanes=2
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/ovafs-tests.XXXXXX")
# Debug builds write down, a line a pair, which locks they take while they hold which.
locks=$folder/locks
: >"$locks"
chmod 666 "$locks"
export OVAFS_LOCK_ORDER=$locks
report=$(mktemp -d "${TMPDIR:-/tmp}/ovafs-tests-report.XXXXXX")
# Jobs have process groups of their own, and are ended with all that they started.
set -m
# shellcheck disable=SC2317 # The traps call it.
leave() {
    local job
    for job in $(jobs -p); do kill -TERM -- "-$job" 2>/dev/null || true; done
    wait
    # What is still mounted must not be walked into.
    rm -rf --one-file-system "$folder" "$report"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Runs one group, and leaves its exit code in the report.
run() {
    local options status=0
    mapfile -t options < <(options_of "$1")
    mkdir "$folder/$1"
    # shellcheck disable=SC2016 # The inner shell's own parameters.
    TMPDIR=$folder/$1 "${alone[@]}" bash -c '
        status=0
        timeout --foreground --kill-after=30 "$1" "$2" --testing-library swift-testing "${@:4}" || status=$?
        scripts/check-leftover-mounts.sh "$3" || status=1
        exit "$status"
        ' run "${minutes}m" "$program" "$folder/$1" "${options[@]}" 2>&1 </dev/null |
        sed -u "s/^/$1: /" | tee -a "$report/lines" || status=${PIPESTATUS[0]}
    echo "$status" >"$report/$1.status"
}

for group in "${groups[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$lanes" ]; do wait -n || true; done
    run "$group" &
done
wait

status=0
for group in "${groups[@]}"; do
    code=$(cat "$report/$group.status" 2>/dev/null || echo 'no')
    [ "$code" = 0 ] && continue
    status=1
    echo "$group: ended with $code"
    case $code in 124 | 137)
        echo "Stopped after $minutes minutes; begun and not ended:"
        sed -nE "s/^$group: [^ ]+ (Test .*) (started|passed after|failed after|skipped).*/\1/p" "$report/lines" |
            sort | uniq -u | tail -n 60
        ;;
    esac
done
# Each process checks its own order; here it is that of all of them together.
if [ ${#chosen[@]} -eq 0 ] && [ ! -s "$locks" ]; then
    echo 'No order of locks was written down.'
    status=1
fi
if ! tsort "$locks" >/dev/null; then
    echo 'The locks above are taken in a circle, by different processes.'
    status=1
fi
if [ "$status" -ne 0 ]; then
    # The end of a long log is what is looked at, and some failures print whole images.
    printf '\nWhat failed:\n'
    grep -aE '✘|[Ff]atal error|error: |^[a-z]+: (left |  /)' "$report/lines" | cut -c 1-600 | tail -n 60 || true
fi
exit "$status"
