// Snapshots and backing files of qcow2 images that qemu-img makes, against what qemu-img reads of them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct QCOWTests {
        /// In bytes; not whole clusters.
        private static let byteCount = 9 << 20 | 3 << 9

        private static func writeDisk(_ path: String) throws {
            try Fixtures.rawDisk(
                path, byteCount: byteCount,
                data: [0..<4_096, 70_000..<200_000, 3 << 20..<5 << 20, byteCount - 512..<byteCount])
        }

        /// An image, opened in this process.
        private static func open(_ path: String) throws -> OpenedImage {
            try OpenedImage(MemorySource(Array(try Data(contentsOf: URL(fileURLWithPath: path)))))
        }

        @Test(
            "D5: the snapshots inside of an image are what qemu-img reads of them",
            arguments: [
                "compat=0.10", "compat=1.1", "extended_l2=on", "cluster_size=512", "compression_type=zstd",
            ])
        func snapshots(options: String) throws {
            try withTestFolder { folder in
                let image = folder("image.qcow2")
                try Self.writeDisk(folder("disk.raw"))
                try run(
                    [
                        "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options,
                        folder("disk.raw"), image,
                    ])
                for number in 1...3 {
                    try run(["qemu-img", "snapshot", "-c", "state \(number)", image])
                    try run([
                        "qemu-io", "-c", "write -P \(number) \(number)M 300k", "-c",
                        "write -z \(number + 4)M 64k",
                        "-c", "discard \(number * 100)k 256k", image,
                    ])
                }
                let opened = try Self.open(image)
                try run(["qemu-img", "convert", "-O", "raw", image, folder("reference")])
                #expect(
                    opened.violations(
                        expected: Array(try Data(contentsOf: URL(fileURLWithPath: folder("reference")))))
                        == [])
                let snapshots = opened.image.snapshots
                #expect(
                    snapshots.map { String(decoding: $0.name, as: UTF8.self) } == [
                        "state 1", "state 2", "state 3",
                    ])
                #expect(snapshots.map { String(decoding: $0.identifier, as: UTF8.self) } == ["1", "2", "3"])
                let source = MemorySource(Array(try Data(contentsOf: URL(fileURLWithPath: image))))
                for (number, snapshot) in snapshots.enumerated() {
                    try run([
                        "qemu-img", "convert", "-l", "snapshot.name=state \(number + 1)", "-O", "raw", image,
                        folder("reference"),
                    ])
                    let cache = ClusterCache(byteLimit: 16 << 20)
                    let conformance = DiskImageConformance(
                        GuestDisk(snapshot.image, in: source, cache: cache, number: cache.makeDiskNumber()),
                        expected: Array(try Data(contentsOf: URL(fileURLWithPath: folder("reference")))),
                        clusterByteCount: 65_536)
                    #expect(conformance.violations() == [])
                    #expect(abs(snapshot.creationTime - Int64(Date().timeIntervalSince1970)) < 600)
                }
            }
        }

        @Test("D2: a qcow2 image reads with its backing files, which it names with their formats")
        func backingFiles() throws {
            try withTestFolder { folder in
                try Self.writeDisk(folder("base.raw"))
                try shell(
                    """
                    cd "$1"
                    qemu-img create -q -f qcow2 -b base.raw -F raw middle.qcow2
                    qemu-io -c 'write -P 5 1M 100k' -c 'write -z 4M 128k' middle.qcow2 >/dev/null
                    qemu-img create -q -f qcow2 -o extended_l2=on -b middle.qcow2 -F qcow2 top.qcow2 12M
                    qemu-io -c 'write -P 6 150k 10k' -c 'write -P 7 11M 4k' top.qcow2 >/dev/null
                    qemu-img convert -O raw top.qcow2 reference
                    """, folder.path)
                try run([try Ovafs.path(), "extract", folder("top.qcow2"), "-o", folder("copy")])
                try run(["cmp", folder("reference"), folder("copy")])
            }
        }

        @Test("D2: a backing file whose format is not stated is refused, but leniently")
        func unstated() throws {
            try withTestFolder { folder in
                try Self.writeDisk(folder("base.raw"))
                try shell(
                    """
                    cd "$1"
                    qemu-img create -q -f qcow2 -b base.raw -F raw top.qcow2
                    qemu-io -c 'write -P 5 1M 100k' top.qcow2 >/dev/null
                    qemu-img convert -O raw top.qcow2 reference
                    # The extension that states the format becomes one that nobody knows.
                    printf '\\x01\\x02\\x03\\x04' | dd of=top.qcow2 bs=1 seek=112 conv=notrunc status=none
                    """, folder.path)
                let refused = try Ovafs.attempt("extract", folder("top.qcow2"), "-o", folder("copy"))
                #expect(refused.exitCode != 0)
                #expect(refused.standardError.contains("does not say in which format its backing file"))
                try run([try Ovafs.path(), "extract", folder("top.qcow2"), "-o", folder("copy"), "--lenient"])
                try run(["cmp", folder("reference"), folder("copy")])
            }
        }
    }
}
