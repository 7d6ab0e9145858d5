// What is a raw disk, of what has no format's mark.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance

@Suite("Content without a mark")
struct RawClaimTests {
    private static let vmdkFormat =
        "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
    private static let page = Array("<!DOCTYPE html><html><body>404 Not Found</body></html>".utf8)

    /// A package with one disk, whose error is returned; nil where it is decoded.
    private func error(
        of bytes: [UInt8], named name: String, capacity: Int?, format: String?, lenient: Bool = false
    ) throws -> DiskSummary {
        var descriptor = TestDescriptor()
        descriptor.addDisk(
            "disk1", file: name, capacity: capacity, attributes: format.map { "ovf:format=\"\($0)\"" } ?? "")
        let appliance = try TestPackage(descriptor, (name, bytes)).open(lenient: lenient)
        return try #require(ApplianceSummary(of: appliance).disks.first)
    }

    /// A VMDK of 20 grains whose magic lost a bit.
    private static var damagedVMDK: [UInt8] {
        var bytes = TestPackage.smallImage.bytes
        bytes[0] ^= 1
        return bytes
    }

    struct Refused: Sendable {
        let bytes: [UInt8]
        let name: String
        let capacity: Int?
        let format: String?
        let reason: String
    }

    private static let refused: [Refused] = [
        Refused(
            bytes: damagedVMDK, name: "disk.vmdk", capacity: 163_840, format: vmdkFormat,
            reason: "a capacity of 163840 bytes"),
        Refused(
            bytes: damagedVMDK, name: "disk", capacity: nil, format: vmdkFormat, reason: "the format http"),
        Refused(
            bytes: damagedVMDK, name: "disk.vmdk", capacity: nil, format: nil, reason: "called a VMDK file"),
        Refused(bytes: page, name: "disk.vmdk", capacity: nil, format: nil, reason: "called a VMDK file"),
        Refused(bytes: page, name: "disk.img", capacity: 1 << 20, format: nil, reason: "and it has 512"),
        Refused(bytes: [], name: "disk.img", capacity: 512, format: nil, reason: "and it has 0"),
        Refused(bytes: [], name: "disk.vmdk", capacity: nil, format: nil, reason: "called a VMDK file"),
        Refused(bytes: page, name: "disk.qcow2", capacity: nil, format: nil, reason: "called a qcow2 file"),
        Refused(bytes: page, name: "disk.img.gz", capacity: nil, format: nil, reason: "called a gzip file"),
    ]

    @Test(
        "it is not decoded where format, name or capacity say otherwise, and lenient overrides",
        arguments: refused)
    func refusal(_ sample: Refused) throws {
        let strict = try error(
            of: sample.bytes, named: sample.name, capacity: sample.capacity, format: sample.format)
        #expect(strict.error?.contains(sample.reason) == true, "\(strict.error ?? "decoded")")
        #expect(strict.remedy == .lenient)
        let lenient = try error(
            of: sample.bytes, named: sample.name, capacity: sample.capacity, format: sample.format,
            lenient: true)
        #expect(lenient.error == nil)
        #expect(lenient.format == "raw")
    }

    @Test(
        "it is a raw disk where they agree, or where the size is the capacity to the byte",
        arguments: [
            ("disk.img", 1_024, nil), ("disk.vmdk", 1_024, vmdkFormat), ("0b6c7c52", 1_024, vmdkFormat),
            ("disk.img", nil, nil), ("disk", nil, "http://x/raw"), ("disk.iso", nil, nil),
            ("disk-flat.vmdk", nil, nil), ("release-1.2", nil, nil),
        ] as [(String, Int?, String?)])
    func raw(name: String, capacity: Int?, format: String?) throws {
        let disk = try error(
            of: [UInt8](repeating: 7, count: 1_024), named: name, capacity: capacity, format: format)
        #expect(disk.error == nil)
        #expect(disk.format == "raw")
    }

    @Test(
        "an image by itself goes by its name",
        arguments: [
            ("x.vmdk", false), ("x.vhdx", false), ("x.img", true),
            ("x.raw", true), ("x", true), ("x-flat.vmdk", true),
        ])
    func bareImage(name: String, isRaw: Bool) throws {
        for bytes in [Self.page, [], [UInt8](repeating: 7, count: 1_024)] {
            if isRaw {
                #expect(
                    try TestPackage.open(MemorySource(bytes), named: name).disks.first?.formatName == "raw")
            } else {
                let error = #expect(throws: ApplianceError.self) {
                    try TestPackage.open(MemorySource(bytes), named: name)
                }
                #expect(error?.remedy == .lenient)
                #expect(
                    try TestPackage.open(MemorySource(bytes), lenient: true, named: name).disks.count == 1)
            }
        }
    }

    @Test("an empty file called .raw is an empty disk")
    func emptyDisk() throws {
        let disk = try #require(TestPackage.open(MemorySource([]), named: "x.raw").disks.first)
        #expect(disk.source?.byteCount == 0)
    }
}
