#!/bin/bash
# Opens every bomb at full size, and runs every target on damaged copies of built inputs, examples and shared samples.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/run-fuzzers.sh SECONDS [SEED]     (seconds for each target; the seed is the day's by default)
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
seed=${2:-$(date +%Y%m%d)}
fuzz=.build/release/ovafs-fuzz

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in Examples/*.ova; do
    mkdir "$work/$(basename "$package")"
    tar -xf "$package" -C "$work/$(basename "$package")"
done
gzip --stdout Examples/lab-vm.ova >"$work/lab-vm.ova.gz"
xz --block-size=100KiB --stdout Examples/lab-vm.ova >"$work/lab-vm.ova.xz"
zstd --quiet --stdout Examples/lab-vm.ova >"$work/lab-vm.ova.zst"
zstd --quiet --no-check --stdout <Examples/lab-vm.ova >>"$work/lab-vm.ova.zst"
bzip2 -1 --stdout Examples/lab-vm.ova >"$work/lab-vm.ova.bz2"
folders=(Examples "$work")
if [ -d ../shared/corpus ]; then folders+=(../shared/corpus); fi

# samples PATTERN...: files of at most 1 MiB by name.
samples() {
    local pattern
    for pattern; do find "${folders[@]}" -follow -type f -size -1024k -name "$pattern" -print0; done | sort -z
}

status=0
for target in $("$fuzz" --list); do
    case $target in
    bombs)
        "$fuzz" bombs || status=1
        continue
        ;;
    tar | package | appliance) patterns=('*.ova' '*.tar') ;;
    envelope) patterns=('*.ovf' '*.OVF') ;;
    manifest) patterns=('*.mf') ;;
    certificate) patterns=('*.cert' '*.mf') ;;
    images) patterns=('*.vmdk' '*.img' '*.qcow2' '*.qcow' '*.vhd' '*.vhdx' '*.vdi' '*.hdd' '*.cloop') ;;
    gzip) patterns=('*.gz') ;;
    xz) patterns=('*.xz') ;;
    zstd) patterns=('*.zst') ;;
    bzip2) patterns=('*.bz2') ;;
    partitions | tree | services | settings | records | answers | commands) patterns=() ;;
    *)
        echo "$target: it is not known here which samples are for it" >&2
        status=1
        continue
        ;;
    esac
    mapfile -d '' -t files < <(samples "${patterns[@]}")
    code=0
    # Memory without bound is a finding, and so is a round that does not end.
    (ulimit -v 4000000 && exec timeout --signal=KILL $((seconds + 60)) \
        "$fuzz" "$target" "${files[@]}" --constructed --seconds "$seconds" --seed "$seed" --progress "$work/round") || code=$?
    if [ "$code" -ne 0 ]; then
        echo "$target: ended with $code; to repeat it:" >&2
        echo "  $fuzz $target --constructed --seed $seed --round $(cat "$work/round") ${files[*]@Q}" >&2
        status=1
    fi
done
exit "$status"
