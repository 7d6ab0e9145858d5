#!/bin/sh
# Fails when a mount, a loop device or a process of ours is left behind in a folder, and takes the mounts away.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/check-leftover-mounts.sh FOLDER
set -eu
folder=$(cd "$1" && pwd -P)
status=0

# Innermost first: the kernel lists mounts in the order in which they were made.
mounts=$(awk -v folder="$folder/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo | tac)
if [ -n "$mounts" ]; then
    echo "left mounted:" >&2
    echo "$mounts" | while IFS= read -r mount_point; do
        # mountinfo writes spaces and the like as octal escapes.
        mount_point=$(printf '%b' "$(printf '%s' "$mount_point" | sed 's/\\\([0-7]\{3\}\)/\\0\1/g')")
        echo "  $mount_point" >&2
        umount --lazy "$mount_point" 2>/dev/null || fusermount3 -u -z "$mount_point" || true
    done
    status=1
fi

for backing_file in /sys/block/loop*/loop/backing_file; do
    [ -r "$backing_file" ] || continue
    case $(cat "$backing_file") in
    "$folder"/*)
        echo "left attached: $(cat "$backing_file") on ${backing_file%/loop/backing_file}" >&2
        status=1
        ;;
    esac
done

for command_line in /proc/[0-9]*/cmdline; do
    # A process may end before its command line is read; the shell's own word of that is not wanted either.
    words=$( (tr '\0' ' ' <"$command_line") 2>/dev/null || true)
    case $words in
    *ovafs*" $folder/"*)
        process=${command_line#/proc/}
        echo "left running: process ${process%/cmdline}: $words" >&2
        status=1
        ;;
    esac
done
exit "$status"
