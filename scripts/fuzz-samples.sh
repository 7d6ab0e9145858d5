#!/bin/bash
# Prints the files of at most 1 MiB that a fuzz target starts from, each with a NUL behind it: examples and shared samples.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/fuzz-samples.sh FOLDER TARGET      (what is unpacked or compressed goes into FOLDER, the first time)
set -euo pipefail
cd "$(dirname "$0")/.."
work=$1
target=$2

if [ ! -d "$work/samples" ]; then
    mkdir -p "$work/samples"
    for package in Examples/*.ova; do
        mkdir "$work/samples/$(basename "$package")"
        tar -xf "$package" -C "$work/samples/$(basename "$package")"
    done
    gzip --stdout Examples/lab-vm.ova >"$work/samples/lab-vm.ova.gz"
    xz --block-size=100KiB --stdout Examples/lab-vm.ova >"$work/samples/lab-vm.ova.xz"
    zstd --quiet --stdout Examples/lab-vm.ova >"$work/samples/lab-vm.ova.zst"
    zstd --quiet --no-check --stdout <Examples/lab-vm.ova >>"$work/samples/lab-vm.ova.zst"
    bzip2 -1 --stdout Examples/lab-vm.ova >"$work/samples/lab-vm.ova.bz2"
fi

case $target in
tar | package | appliance) patterns=('*.ova' '*.tar') ;;
envelope) patterns=('*.ovf' '*.OVF') ;;
manifest) patterns=('*.mf') ;;
certificate) patterns=('*.cert' '*.mf') ;;
images | disk) patterns=('*.vmdk' '*.img' '*.qcow2' '*.qcow' '*.vhd' '*.vhdx' '*.vdi' '*.hdd' '*.cloop') ;;
gzip) patterns=('*.gz') ;;
xz) patterns=('*.xz') ;;
zstd) patterns=('*.zst') ;;
bzip2) patterns=('*.bz2') ;;
chain | partitions | tree | services | catalogue | settings | records | answers | commands) exit ;;
*)
    echo "$target: it is not known here which samples are for it" >&2
    exit 1
    ;;
esac
folders=(Examples "$work/samples")
if [ -d ../shared/corpus ]; then folders+=(../shared/corpus); fi
for pattern in "${patterns[@]}"; do
    find "${folders[@]}" -follow -type f -size -1024k -name "$pattern" -print0
done | sort -z
