// Tests of what the header of a disk image says by itself, and what is read for it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance

@Suite("info --header")
struct HeaderSummaryTests {
    private static func summary(
        _ source: any ByteSource, named name: String = "disk.img", lenient: Bool = false
    ) throws(ApplianceError) -> HeaderSummary {
        try HeaderSummary(
            of: .file(source, name: Array(name.utf8), modificationTime: 0), lenient: lenient)
    }

    @Test("one read of 64 KiB tells a VMDK's format and size")
    func vmdk() throws {
        for (image, format) in [
            (StreamOptimizedBuilder(GrainContent.mixed(200)).build(), "vmdk-streamOptimized"),
            (MonolithicSparseBuilder(GrainContent.mixed(200)).build(), "vmdk-monolithicSparse"),
        ] {
            let counted = CountingSource(MemorySource(image.bytes))
            let summary = try Self.summary(counted)
            #expect(summary.format == format)
            #expect(summary.virtualSize == UInt64(image.guest.count))
            #expect(summary.storedSize == UInt64(image.bytes.count))
            #expect(counted.readCount == 1)
            #expect(counted.bytesRead == 64 << 10)
            // The same as opening it says.
            let opened = try TestPackage.open(MemorySource(image.bytes), named: "disk.img").disks[0]
            #expect(opened.formatName == format)
            #expect(opened.source?.byteCount == summary.virtualSize)
        }
    }

    @Test("one read of 64 KiB tells the size of qcow of each version", arguments: [1, 2, 3] as [UInt32])
    func qcow(version: UInt32) throws {
        var builder = QCOWBuilder(QCOWClusterContent.mixed(12))
        builder.version = version
        let image = builder.build()
        let counted = CountingSource(MemorySource(image.bytes))
        let summary = try Self.summary(counted)
        #expect(summary.format == (version == 1 ? "qcow" : "qcow2"))
        #expect(summary.virtualSize == UInt64(image.guest.count))
        #expect(counted.readCount == 1)
    }

    @Test(
        "the start and the last sector tell the size of a VHD",
        arguments: [.fixed, .dynamic, .differencing] as [VHDBuilder.Kind])
    func vhd(kind: VHDBuilder.Kind) throws {
        let disk = VHDBuilder(kind, Array(repeating: .whole, count: 40)).build()
        let counted = CountingSource(MemorySource(disk.bytes))
        let summary = try Self.summary(counted)
        #expect(summary.format == "vhd-\(kind)")
        #expect(summary.virtualSize == UInt64(disk.guest.count))
        #expect(counted.bytesRead <= 64 << 10 + 3 * 512)
    }

    @Test("two reads more tell the size of a VHDX, which is behind its region table")
    func vhdx() throws {
        var differencing = VHDXBuilder([.part, .zero])
        differencing.parent = [
            ("relative_path", "parent.vhdx"), ("parent_linkage", "{04030201-0605-0807-090a-0b0c0d0e0f10}"),
        ]
        for (builder, format) in [
            (VHDXBuilder([.whole, .absent]), "vhdx-dynamic"),
            (VHDXBuilder([.whole]).with { $0.isFixed = true }, "vhdx-fixed"),
            (differencing, "vhdx-differencing"),
        ] {
            let disk = builder.build()
            let counted = CountingSource(MemorySource(disk.bytes))
            let summary = try Self.summary(counted)
            #expect(summary.format == format)
            #expect(summary.virtualSize == UInt64(disk.guest.count))
            #expect(counted.readCount == 3)
            #expect(counted.bytesRead == (64 + 256 + 68) << 10)
        }
    }

    @Test("a VHDX that is cut, damaged or was not closed says no size, and why")
    func vhdxWithoutSize() throws {
        let sound = VHDXBuilder([.whole]).build()
        var damaged = sound.bytes
        for offset in [192 << 10, 256 << 10] { damaged[offset + 20] ^= 1 }
        var logged = sound
        var log = VHDXLogWriter()
        log.append(logged.takePages([VHDXBuilder.metadataOffset]), tail: 0)
        logged.setLog(log)
        for (bytes, words) in [
            (Array(sound.bytes.prefix(64 << 10)), "VHDX header 1"),
            (Array(sound.bytes.prefix(300 << 10)), "region"), (damaged, "region table"),
            (logged.bytes, "log is replayed"),
        ] {
            let error = try #require(throws: ApplianceError.self) { try Self.summary(MemorySource(bytes)) }
            #expect(error.description.contains(words), "\(error)")
            #expect(error.kind == .damaged)
        }
    }

    @Test("bytes without a mark are a raw disk, after a look at the last sector")
    func raw() throws {
        let counted = CountingSource(MemorySource([UInt8](repeating: 3, count: 1_000_001)))
        let summary = try Self.summary(counted)
        #expect(summary.format == "raw")
        #expect(summary.virtualSize == 1_000_448)
        #expect(counted.readCount == 2)
        #expect(counted.bytesRead == 64 << 10 + 512)
        #expect(throws: ApplianceError.self) { try Self.summary(counted, named: "disk.vmdk") }
        #expect(try Self.summary(counted, named: "disk.vmdk", lenient: true).format == "raw")
        #expect(try Self.summary(MemorySource([])).virtualSize == 0)
    }

    @Test(
        "a file called an OVA that is neither an archive nor an image is refused in the same words as when opened"
    )
    func noArchive() throws {
        let noise = MemorySource([UInt8](repeating: 0x33, count: 5_000))
        for name in ["x.ova", "x.OVA"] {
            let said = try #require(throws: ApplianceError.self) { try Self.summary(noise, named: name) }
            let opened = try #require(throws: ApplianceError.self) {
                try TestPackage.open(noise, named: name)
            }
            #expect(said.description == opened.description)
        }
    }

    @Test("archives, compressed files and damaged headers are refused, and say what they are")
    func refused() throws {
        let image = TestPackage.smallImage.bytes
        var damaged = image
        damaged[4] = 9
        for (bytes, words) in [
            (TestPackage.simple().archive, "is an archive"), (GzipCompressor.compress(image), "gzip"),
            (damaged, "version 9"),
        ] {
            let error = try #require(throws: ApplianceError.self) { try Self.summary(MemorySource(bytes)) }
            #expect(error.description.contains(words), "\(error)")
            #expect(error.kind == .damaged)
        }
    }

    @Test("its JSON has the fields of docs/INFO.md")
    func document() throws {
        let json = try Self.summary(MemorySource(TestPackage.smallImage.bytes)).json()
        #expect(try JSONPaths.all(of: json) == (try InfoDocument()).fields["The header"])
    }
}
