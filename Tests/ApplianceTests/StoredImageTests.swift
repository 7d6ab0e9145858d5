// Tests of disks as image services could have them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("A disk as an image service could have it")
struct StoredImageTests {
    private static func image(
        _ bytes: [UInt8], named name: String
    ) throws -> (format: String?, container: String, bytes: [UInt8]) {
        let appliance = try TestPackage.open(MemorySource(bytes), named: name)
        let image = try appliance.storedImage(ofDisk: 0)
        return (
            image.diskFormat, image.containerFormat, try image.bytes.bytes(Int(image.bytes.byteCount), at: 0)
        )
    }

    @Test("formats have the service's words, and the bytes are the file's")
    func formats() throws {
        let qcow2 = QCOWBuilder(QCOWClusterContent.mixed(8)).build().bytes
        let qcow = QCOWBuilder(QCOWClusterContent.mixed(8)).with { $0.version = 1 }.build().bytes
        var disc = [UInt8](repeating: 0, count: 65_536)
        disc.replaceSubrange(32_769..<32_774, with: "CD001".utf8)
        let cases: [([UInt8], String, String?)] = [
            (qcow2, "d.qcow2", "qcow2"), (qcow, "d.qcow", nil), (disc, "d.iso", "iso"),
            ([UInt8](repeating: 0, count: 65_536), "d.raw", "raw"),
            ([UInt8](repeating: 0, count: 512), "d.raw", "raw"),
            (TestPackage.smallImage.bytes, "d.vmdk", "vmdk"),
        ]
        for (bytes, name, format) in cases {
            let image = try Self.image(bytes, named: name)
            #expect(image.format == format && image.container == "bare", "\(name)")
            #expect(image.bytes == bytes)
        }
        let compressed = GzipCompressor.compress(qcow2)
        let image = try Self.image(compressed, named: "d.qcow2.gz")
        #expect(image.format == "qcow2" && image.container == "compressed" && image.bytes == compressed)
    }

    @Test("a disk without a file is none")
    func withoutFile() throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("empty", capacity: 1 << 20)
        let empty = try TestPackage(descriptor).open()
        #expect(throws: StoredImage.Refusal.self) { try empty.storedImage(ofDisk: 0) }
    }

    @Test("what was read in order is checked by the manifest", arguments: [true, false])
    func manifest(isRight: Bool) throws {
        var package = TestPackage.simple()
        package.addManifest(wrong: isRight ? [] : ["disk.vmdk"])
        let image = try package.open().storedImage(ofDisk: 0)
        // What was not checked is not right.
        #expect(throws: ReadError.self) { try image.check() }
        var offset: UInt64 = 0
        while offset < image.bytes.byteCount {
            let count = min(1_000, image.bytes.byteCount - offset)
            _ = try image.bytes.bytes(Int(count), at: offset)
            offset += count
        }
        let result = Result { try image.check() }
        #expect((try? result.get()) == nil ? !isRight : isRight)
    }

    @Test("properties are those of the disk, and of the machine")
    func properties() throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("first", file: "disk1.vmdk")
        descriptor.addDisk("second", file: "disk2.vmdk", isAttached: false)
        let image = TestPackage.smallImage.bytes
        let appliance = try TestPackage(descriptor, ("disk1.vmdk", image), ("disk2.vmdk", image)).open()
        func value(_ name: String, _ disk: Int) -> String? {
            appliance.imageProperties(ofDisk: disk).first { $0.name == name }?.value
        }
        #expect(appliance.rootDiskIndex == 0)
        #expect(value("hw_disk_bus", 0) == "scsi" && value("hw_disk_bus", 1) == nil)
        #expect(value("vmware_disktype", 0) == "streamOptimized")
        #expect(value("vmware_disktype", 1) == "streamOptimized")
        let root = String(decoding: GlanceProperties(of: appliance).text, as: UTF8.self)
        #expect(
            root == appliance.imageProperties(ofDisk: 0).map { "\($0.name)=\($0.value)\n" }.joined())
        // An image by itself tells what it knows.
        let alone = try TestPackage.open(MemorySource(image), named: "d.vmdk")
        #expect(alone.imageProperties(ofDisk: 0).contains { $0.name == "vmware_disktype" })
        #expect(GlanceProperties(of: alone).text.isEmpty)
    }
}
