#!/bin/bash
# Runs the unit tests, and some on real mounts, with the sanitizers of threads, addresses and undefined behaviour.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/run-sanitizers.sh [thread|address]...      (both without arguments)
# OVAFS_SANITIZE_FILTER chooses tests as `--filter` of swift test does.
# address has undefined behaviour with it: that of the wrappers in Sources/C*/shim.h, which are compiled into Swift's objects.
set -euo pipefail
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
tools=$(dirname "$(readlink -f "$(command -v "$swift")")")
# No run takes this long on any machine; one that hangs ends.
minutes=60
# On real mounts: answers from the cache, waiting reads, many readers, copies, a server that is told to end.
mounts='EndToEnd/(FileTests|AdviceTests|SlowSourceTests|ExtractTests|UnmountTests)'

# A trap is reported by the sanitizer; Swift's own report of it takes minutes for a program of this size.
export SWIFT_BACKTRACE=enable=no
# Servers in the background have no standard error, so reports go to files.
reports=$(mktemp -d "${TMPDIR:-/tmp}/ovafs-sanitize.XXXXXX")
trap 'rm -rf --one-file-system "$reports"' EXIT
mkdir "$reports/tests"

# libfuse ends its threads while they read, which the sanitizer survives only where it ignores nothing in libraries; what Swift's
# compiler sets is that it does.
TSAN_OPTIONS="suppressions=$PWD/scripts/sanitizers/thread.supp:log_path=$reports/report:exitcode=66:history_size=4"
TSAN_OPTIONS+=":ignore_noninstrumented_modules=0:ignore_interceptors_accesses=0"
export TSAN_OPTIONS
# What a Swift program has at its end, and the objects that a C library keeps for each thread, are no leaks.
export ASAN_OPTIONS="log_path=$reports/report:detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=1"
export UBSAN_OPTIONS="log_path=$reports/report:print_stacktrace=1"

# A server in its sandbox could not write them.
export OVAFS_TEST_OPTIONS=sandbox=off

status=0
if [ $# -gt 0 ]; then kinds=("$@"); else kinds=(thread address); fi
for kind in "${kinds[@]}"; do
    folder=.build/sanitize-$kind
    mkdir -p "$folder"
    case $kind in
    thread)
        "$tools/clang" -O1 -Wall -Wextra -Werror -fPIC -c scripts/sanitizers/mutex.c -o "$folder/mutex.o"
        flags=(-Xswiftc -sanitize=thread -Xlinker "$PWD/$folder/mutex.o")
        ;;
    address) flags=(-Xswiftc -sanitize=address -Xswiftc -Xcc -Xswiftc -fsanitize=undefined) ;;
    *)
        echo "run-sanitizers: no such sanitizer: $kind (thread or address)" >&2
        exit 2
        ;;
    esac
    started=$SECONDS
    "$swift" build --build-tests --scratch-path "$folder" "${flags[@]}" > "$reports/log" 2>&1 || {
        # The linker has a line for each symbol of the runtime that it does not export.
        grep -v 'ld.gold: warning: Cannot export' "$reports/log" | tail -n 40 >&2
        exit 1
    }
    built=$SECONDS
    run() {
        TMPDIR=$reports/tests timeout --kill-after=30 "${minutes}m" \
            "$folder/debug/ovafsPackageTests.xctest" --testing-library swift-testing "$@" \
            > "$reports/log" 2>&1 || {
            status=1
            echo "$kind: tests failed: $*"
            grep -aE '✘|[Ff]atal error|error: ' "$reports/log" | cut -c 1-600 | tail -n 40 || true
        }
        grep -a 'Test run with' "$reports/log" || status=1
    }
    if [ -n "${OVAFS_SANITIZE_FILTER-}" ]; then
        run --filter "$OVAFS_SANITIZE_FILTER"
    else
        run --skip EndToEndTests
        run --filter "$mounts"
    fi
    echo "$kind: built in $((built - started)) s, ran in $((SECONDS - built)) s"
    found=0
    for report in "$reports"/report.*; do
        [ -s "$report" ] || continue
        found=1
        status=1
        echo "--- $kind: $report"
        head -c 20000 "$report"
    done
    rm -f "$reports"/report.*
    [ "$found" -eq 0 ] && echo "$kind: no report"
done
scripts/check-leftover-mounts.sh "$reports/tests" || status=1
exit "$status"
