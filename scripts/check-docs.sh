#!/bin/sh
# Checks that documents and code name the same things: promises and their tests, codes of findings, options.
# SPDX-License-Identifier: Apache-2.0
#
# usage: check-docs.sh [PROGRAM]   with the program, the options of its help are compared with the manual, too
set -eu
program=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
status=0
complain() {
    echo "docs: $*" >&2
    status=1
}

# Each promise of SEMANTICS.md is named by a test, and each number that a test names is a promise.
promises=$(sed -n 's/^- \*\*\([A-Z][0-9]*\)\*\*.*/\1/p' docs/SEMANTICS.md)
tested=$(grep -rhoE '"([TMFPOCXDWG][0-9]+ )*[TMFPOCXDWG][0-9]+: ' Tests/EndToEndTests | grep -oE '[TMFPOCXDWG][0-9]+' | sort -u)
for promise in $promises; do
    echo "$tested" | grep -qx "$promise" || complain "no test of Tests/EndToEndTests names $promise of docs/SEMANTICS.md"
done
for number in $tested; do
    echo "$promises" | grep -qx "$number" || complain "a test names $number, which docs/SEMANTICS.md does not promise"
done

# Each code of a finding is explained.
codes=$(sed -n 's/^ *case [A-Za-z]* = "\([a-z-]*\)"$/\1/p' Sources/OVFPackage/Findings/PackageWarning.swift)
for code in $codes; do
    grep -qxF "### \`$code\`" docs/FINDINGS.md || complain "docs/FINDINGS.md does not explain the finding $code"
done

# Each test that docs/SECURITY.md names is one: of that suite, not only in a file that is called like it.
# A function belongs to the type that is declared around it, which is indented one step less.
tests=$(find Tests -name '*.swift' -exec awk '
    {
        match($0, /^ */)
        indent = RLENGTH
        line = $0
        while (sub(/^ *(@[A-Za-z]+(\([^()]*(\([^()]*\)[^()]*)*\))?|private|fileprivate|final|package|static) +/, "", line)) { }
        sub(/^ +/, "", line)
        split(line, word, /[ (<:{]+/)
        sub(/.*\./, "", word[2])
        if (word[1] ~ /^(struct|class|enum|extension)$/) { owner[indent] = word[2]; print word[2] }
        if (word[1] == "func") print owner[indent - 4] "." word[2]
    }' {} + | sort -u)
named=$(sed -nE '/^\| (attack|promise|fault) \|/,/^$/p' docs/SECURITY.md | awk -F ' \\| ' '$NF !~ /^test|^---/ { print $NF }' |
    awk '{
        suite = ""
        while (match($0, /`[^`]*`|"[^"]*"/)) {
            name = substr($0, RSTART + 1, RLENGTH - 2)
            isQuoted = substr($0, RSTART, 1) == "\""
            $0 = substr($0, RSTART + RLENGTH)
            # The folder of a suite, where two have one name.
            if (substr($0, 1, 2) == ": ") continue
            if (name ~ /^make /) continue
            if (isQuoted) { print "bomb " name; continue }
            if (name ~ /^[A-Z]/) { suite = name; sub(/\..*/, "", suite); print "test " name }
            else print "test " suite "." name
        }
    }')
while read -r kind name; do
    case $kind in
    # What follows from the first words, where the document leaves the others out.
    bomb) grep -rqF "Bomb(\"${name%…}" Tests/TestSupport/Bombs || complain "docs/SECURITY.md names the bomb \"$name\", which is not there" ;;
    test) echo "$tests" | grep -qxF "$name" || complain "docs/SECURITY.md names the test $name, which is not there" ;;
    esac
done <<END
$named
END

# Each mount option is in the manual, and completions offer it.
options=$(sed -n 's/^ *case ("\([a-z_]*\)", .*/\1/p' Sources/ovafs/Mounting/MountOptions.swift | sort -u)
for option in $options; do
    grep -q "\(Cm\|,\) *$option\b" docs/ovafs.1 || complain "docs/ovafs.1 does not have the mount option $option"
    grep -q "(\"$option\"" Sources/ovafs/Mounting/MountOptions+Names.swift || [ "$option" = noexec ] ||
        complain "Sources/ovafs/Mounting/MountOptions+Names.swift does not offer the mount option $option"
done

# The synopsis of each command has the options that its help has, and no others.
for command in ${program:+mount unmount info extract verify images upload}; do
    synopsis=$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' docs/ovafs.1 |
        awk -v name=".Cm $command" '/^\.Nm/ { on = 0 } $0 == name { on = 1 } on')
    # Each as `-s/--long`, one of them empty where it has only the other.
    help=$("$program" "$command" --help) || complain "$program has no command $command"
    offered=$(echo "$help" |
        sed -nE 's|^  (-[A-Za-z]), (--[a-z-]+).*|\1/\2|p; s|^  (--[a-z-]+).*|/\1|p; s|^  (-[A-Za-z]) .*|\1/|p' |
        sed '/\/--help$/d; /\/--version$/d')
    for option in $offered; do
        found=no
        for name in ${option%%/*} ${option#*/}; do
            ! echo "$synopsis" | grep -qE -e "Fl ${name#-}( |\$)" || found=yes
        done
        [ "$found" = yes ] || complain "the synopsis of $command in docs/ovafs.1 lacks ${option#/}"
    done
    for name in $(echo "$synopsis" | grep -oE 'Fl [A-Za-z-]+' | sed 's/^Fl /-/'); do
        echo "$offered" | tr / '\n' | grep -qxF -e "$name" || complain "docs/ovafs.1 has $name, and $command has not"
    done
done

# The word for each disk format is in their page; the page has those of VMDK descriptors as one. A disk without a file is none.
formats=$(grep -rhoE 'DiskFormat\("[A-Za-z0-9-]+"\)' Sources | sed 's/.*"\(.*\)".*/\1/')
for format in $formats; do
    case $format in
    none) ;;
    vmdk-*) grep -q '^\.It Li vmdk- Ns Ar type$' docs/ovafs-formats.5 ;;
    *) grep -qE "^\.It Li (.* )?$format( |\$)" docs/ovafs-formats.5 ;;
    esac || complain "docs/ovafs-formats.5 does not have the format $format"
done

# Files are no longer than CONTRIBUTING.md says.
long=$(find Sources Fuzz Benchmarks/Cases -name '*.swift' -exec awk 'FNR == 251 { print FILENAME }' {} +
    find Tests -name '*.swift' -exec awk 'FNR == 401 { print FILENAME }' {} +)
for file in $long; do complain "$file is longer than CONTRIBUTING.md allows"; done

# The options that commands share with mount are those about formats; their page has them, and none that is no mount option.
# How long a server is waited for is not about formats, and --header of info only has the name of one.
page=$(sed -n '/^\.Sh OPTIONS/,/^\.Sh LIMITS/s/^\.It Cm \([a-z_]*\).*/\1/p' docs/ovafs-formats.5)
for option in $page; do
    echo "$options" | grep -qx "$option" || complain "docs/ovafs-formats.5 has $option, which is no mount option"
done
for option in ${program:+$("$program" info --help | sed -n 's/^  --\([a-z-]*\).*/\1/p' | tr - _)}; do
    case $option in timeout | header | os_cloud) continue ;; esac
    ! echo "$options" | grep -qx "$option" || echo "$page" | grep -qx "$option" ||
        complain "docs/ovafs-formats.5 lacks the option $option, which info has, too"
done

# The manual pages are what mandoc and groff take for well-formed.
mandoc -Tlint -Wwarning docs/*.[158] || status=1
exit "$status"
