#!/bin/sh
# Checks that each target imports only what docs/ARCHITECTURE.md allows: arrows point down, one importer a library.
# SPDX-License-Identifier: Apache-2.0
#
# Whether an import is declared in Package.swift is checked by the build; which arrows may exist at all, here.
set -eu
cd "$(dirname "$0")/.."

# target: the targets of this package that it may import
allowed='
ByteSources: CLinux
Codecs: ByteSources CBzip2 CDeflate CLZMA CZlib CZstd
CompressedSources: ByteSources Codecs
DiskImages: ByteSources Codecs
OVFPackage: ByteSources CXML2
Partitions: ByteSources
RemoteSources: ByteSources CCurl CLinux CYAML
FileTree: ByteSources
Appliance: ByteSources CompressedSources DiskImages OVFPackage Partitions FileTree CLinux
Catalogue: Appliance RemoteSources FileTree ByteSources
FuseServer: ByteSources FileTree CFuse
ovafs: ByteSources DiskImages OVFPackage RemoteSources FileTree Appliance Catalogue FuseServer CLinux
'

status=0
complain() {
    echo "imports: $*" >&2
    status=1
}

# The modules that a target imports, one a line.
imports_of() {
    find "Sources/$1" -name '*.swift' -exec sed -nE \
        's/^[[:space:]]*(@[A-Za-z_]+(\([^)]*\))?[[:space:]]+)*((public|package|internal|fileprivate|private)[[:space:]]+)?import[[:space:]]+((struct|class|enum|protocol|func|var|let|typealias)[[:space:]]+)?([A-Za-z_0-9]+).*/\7/p' \
        {} + | sort -u
}

targets=$(find Sources -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
for target in $targets; do
    [ ! -f "Sources/$target/module.modulemap" ] || continue
    if ! printf '%s' "$allowed" | grep -q "^$target:"; then
        complain "$target is not in the table of scripts/check-imports.sh and docs/ARCHITECTURE.md"
        continue
    fi
    rule=$(printf '%s' "$allowed" | sed -n "s/^$target: *//p")
    for module in $(imports_of "$target"); do
        # Modules of other packages are Package.swift's business.
        [ -d "Sources/$module" ] || continue
        case " $rule " in
        *" $module "*) ;;
        *) complain "$target must not import $module" ;;
        esac
    done
done

# CLinux is no library: it is what the importer hides of the C library, which every target has.
for library in $targets; do
    [ -f "Sources/$library/module.modulemap" ] || continue
    importers=
    for target in $targets; do
        if imports_of "$target" | grep -qx "$library"; then importers="${importers:+$importers }$target"; fi
    done
    case $importers in
    '') complain "no target imports $library" ;;
    *' '*) [ "$library" = CLinux ] || complain "more than one target imports $library: $importers" ;;
    esac
done
exit "$status"
