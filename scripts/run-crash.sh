#!/bin/bash
# Kills ovafs at each system call that changes a file, looks at what is left under final names, and prints a table.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/run-crash.sh OVAFS [--places N] [--seed N] [--only TEXT...]
# CONTRIBUTING.md, "Crash safety", says what is looked at. Mounts are made in a namespace of its own.
set -euo pipefail
ovafs=$(realpath -- "$1")
shift
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh crash
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$(command -v clang || command -v cc)" -O1 -std=c11 -Wall -Wextra -Werror Tests/Crash/*.c -o "$tools/kill-at"
namespace=(--mount)
if [ "$(id -u)" -ne 0 ]; then namespace+=(--user --map-root-user); fi
unshare "${namespace[@]}" python3 -B Tests/Crash/crash.py --ovafs "$ovafs" --kill-at "$tools/kill-at" "$@"
