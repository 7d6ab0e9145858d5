// `ovafs extract` to devices: SEMANTICS X4 and X9.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct ExtractDeviceTests {
        @Test(
            "X4: a block device is overwritten only with --force, when it is not in use, and when the disk fits",
            .enabled(if: EndToEnd.isRoot, "loop devices need root"))
        func device() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let ovafs = try Ovafs.path()
                let size = StandardPackage.secondByteCount
                try withLoopDevice("large", byteCount: 8 << 20, in: folder) { device in
                    let extract = [ovafs, "extract", package.path, "vmdisk2", "-o", device]
                    #expect(try attempt(extract).exitCode == 2)
                    try shell("cmp --bytes=\(size) \"$1\" <(tr '\\0' '\\377' < /dev/zero)", device)

                    // Holes are zeros on a device, too, and what lies behind the disk stays.
                    try run(extract + ["--force"])
                    try run(["cmp", "--bytes=\(size)", device, package.secondReference])
                    let rest = (8 << 20) - size
                    try shell(
                        "cmp --bytes=\(rest) <(tail --bytes=\(rest) \"$1\") <(tr '\\0' '\\377' < /dev/zero)",
                        device)

                    try run(["mkfs.ext4", "-q", "-F", device])
                    let point = try folder.makeFolder("point")
                    try run(["mount", "-o", "ro,noload", device, point])
                    defer { _ = try? run(["umount", point]) }
                    let before = try Fixtures.digest(device)
                    let mounted = try attempt(extract + ["--force"])
                    #expect(mounted.exitCode == 2)
                    #expect(mounted.standardError.contains("in use"))
                    #expect(try Fixtures.digest(device) == before)
                }
                try withLoopDevice("small", byteCount: size - 512, in: folder) { device in
                    let before = try Fixtures.digest(device)
                    let result = try attempt(
                        [ovafs, "extract", package.path, "vmdisk2", "-o", device, "--force"])
                    #expect(result.exitCode == 2)
                    #expect(result.standardError.contains("\(size)"))
                    #expect(try Fixtures.digest(device) == before)
                }
            }
        }

        @Test(
            "X9: a device that takes less than it says is exit code 1, and what it holds is said",
            .enabled(if: EndToEnd.isRoot, "loop devices need root"))
        func deviceError() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("small")
                try run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", point])
                defer { _ = try? run(["umount", point]) }
                // Writes are taken into memory, and fail when they come to what backs the device.
                try run(["truncate", "--size=64M", point + "/device"])
                let device = try run(["losetup", "--find", "--show", point + "/device"]).text
                defer { _ = try? run(["losetup", "--detach", device]) }
                let result = try Ovafs.attempt("extract", package.path, "vmdisk2", "-o", device, "--force")
                #expect(result.exitCode == 1, "\(result.standardError)")
                #expect(result.standardError.contains("overwritten in part"))
            }
        }

        @Test(
            "X7: a signal leaves a device overwritten in part, and a message says so",
            .enabled(if: EndToEnd.isRoot, "loop devices need root"))
        func interruptedDevice() throws {
            try withTestFolder { folder in
                try shell("head --bytes=200M /dev/zero | tr '\\0' x > big.img", in: folder.url)
                try run(["truncate", "--size=201M", folder("device")])
                let device = try run(["losetup", "--find", "--show", folder("device")]).text
                defer { _ = try? run(["losetup", "--detach", device]) }
                let result = try attempt(
                    [
                        "bash", "-c",
                        """
                        set -m
                        "$1" extract big.img --threads 1 --force -o "$2" &
                        for attempt in {1..3000}; do
                            [ "$(head --bytes=1 "$2" | tr '\\0' -)" != x ] || break
                            sleep 0.01
                        done
                        kill -STOP %1; kill -INT %1; kill -CONT %1
                        wait %1
                        """, "bash", try Ovafs.path(), device,
                    ], in: folder.url)
                #expect(result.exitCode == 130, "\(result.standardError)")
                #expect(result.standardError.contains("overwritten in part"))
            }
        }
    }
}
