#!/bin/sh
# Installs the Debian packages that a task of this project needs and this machine lacks, and says which.
# SPDX-License-Identifier: Apache-2.0
#
# usage: scripts/install-dependencies.sh [build|test|check|bench|bench-check|soak|crash]...
# Says nothing when nothing is missing. Swift itself is not a Debian package and is only checked for.
set -eu

build_packages='libfuse3-dev fuse3 libdeflate-dev zlib1g-dev libzstd-dev liblzma-dev libbz2-dev libxml2-dev libcurl4-openssl-dev libyaml-dev pkg-config'
test_packages='nginx curl python3-minimal python3 xz-utils zstd bzip2 pigz qemu-utils gddrescue e2fsprogs fuse2fs gdisk attr jq libxml2-utils openssl fdisk util-linux mount file tar rsync diffutils man-db groff mandoc make procps bsdutils'
check_packages='shellcheck binutils'
bench_packages='nginx nbdkit qemu-block-extra fdisk file python3 xz-utils zstd qemu-utils qemu-system-common libvmdk-utils fio e2fsprogs fuse3 mount util-linux procps tar'
bench_check_packages='python3 valgrind binutils'
soak_packages='fuse3 python3 qemu-utils xz-utils zstd coreutils mount procps'
crash_packages='python3 qemu-utils fuse3 libc6-dev mount util-linux'

fail() {
    echo "install-dependencies: $*" >&2
    exit 1
}

wanted=
for task in "${@:-build}"; do
    case $task in
    build) wanted="$wanted $build_packages" ;;
    test) wanted="$wanted $build_packages $test_packages" ;;
    check) wanted="$wanted $build_packages $test_packages $check_packages" ;;
    bench) wanted="$wanted $build_packages $bench_packages" ;;
    bench-check) wanted="$wanted $build_packages $bench_check_packages" ;;
    soak) wanted="$wanted $soak_packages" ;;
    crash) wanted="$wanted $crash_packages" ;;
    *) fail "no such task: $task (build, test, check, bench, bench-check, soak or crash)" ;;
    esac
done

command -v "${SWIFT:-swift}" >/dev/null ||
    fail "Swift $(cat "$(dirname "$0")/../.swift-version") is needed: https://www.swift.org/install/linux"

if ! command -v dpkg-query >/dev/null; then
    echo "install-dependencies: not a Debian system; what is needed there is called:$wanted" >&2
    exit 0
fi

missing=
for package in $wanted; do
    case " $missing " in *" $package "*) continue ;; esac
    status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="${missing:+$missing }$package"
done
install_packages() {
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "not root and no sudo; as root, run: apt-get install $missing"
        as_root=sudo
    fi
    echo "Installing Debian packages: $missing"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # shellcheck disable=SC2086 # both are lists of words
    if ! { $as_root apt-get -qq update &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends install $missing; } \
        >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        fail "apt-get could not install: $missing"
    fi
}

[ -z "$missing" ] || install_packages

# OpenStack's image service is not installed, but unpacked for the tests alone.
case " $* " in
*' test '* | *' check '*) "$(dirname "$0")/glance-server" install || fail 'Glance and Keystone could not be unpacked' ;;
esac
