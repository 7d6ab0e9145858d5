#!/bin/sh
# Checks that a release binary needs only the shared libraries that we mean it to need.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/check-linkage.sh BINARY
set -eu
binary=$1
status=0

# The C library and the compiler's runtime; then one a C module of Sources/.
expected='libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1'
expected="$expected libfuse3.so.3 libdeflate.so.0 libxml2.so.2 libz.so.1 libzstd.so.1 liblzma.so.5 libbz2.so.1.0 libcurl.so.4 libyaml-0.so.2"

for library in $(readelf --dynamic --wide "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    case " $expected " in
    *" $library "*) ;;
    *)
        echo "linkage: $binary needs $library, which is not in the list of scripts/check-linkage.sh" >&2
        status=1
        ;;
    esac
done
if ldd "$binary" | grep 'not found' >&2; then
    echo "linkage: $binary does not find the libraries above" >&2
    status=1
fi
exit "$status"
