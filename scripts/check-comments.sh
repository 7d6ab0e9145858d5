#!/bin/sh
# Checks what the formatter leaves alone in Swift files: their first two lines, and how wide comments are.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."

# shellcheck disable=SC2016 # awk's own variables
check='
    function report(what) {
        print FILENAME ":" FNR ": " what > "/dev/stderr"
        found = 1
    }
    # The first line of a manifest of packages is for the tool.
    FNR == 1 { start = /^\/\/ swift-tools-version/ ? 2 : 1 }
    FNR == start && !/^\/\/ .*[.?]$/ { report("the first line is no sentence that says what the file holds") }
    FNR == start + 1 && $0 != "// SPDX-License-Identifier: Apache-2.0" { report("the second line is not the licence") }
    /^ *\/\// && length > 128 { report("a comment of more than 128 columns") }
    END { exit found }'
find Package.swift Sources Tests Fuzz Benchmarks/Benchmarks Benchmarks/Cases -name '*.swift' -exec awk "$check" {} +
