#!/bin/sh
# Checks what the formatter leaves alone in Swift files: first lines, width of comments, reasons of what is not checked.
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
    # The comment right above a line says why it is safe.
    /^ *\/\// { if (/SAFETY: ./) isExplained = 1; next }
    /@unchecked Sendable|nonisolated\(unsafe\)|unowned\(unsafe\)|@preconcurrency/ && !isExplained {
        report("what the compiler cannot check has no SAFETY: line above it")
    }
    { isExplained = 0 }
    END { exit found }'
find Package.swift Sources Tests Fuzz Benchmarks/Benchmarks Benchmarks/Cases -name '*.swift' -exec awk "$check" {} +
