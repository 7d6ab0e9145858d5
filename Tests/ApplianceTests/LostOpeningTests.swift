// Tests of sources that are lost while a package is opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage
import Partitions
import TestSupport
import Testing

@testable import Appliance

@Suite("A source that is lost while it is opened")
struct LostOpeningTests {
    private static let lost = ReadError.remote(source: "x.ova", reason: "not read within 60 s")

    /// Two disks, of which the second has a partition table.
    private static let package: TestPackage = {
        var descriptor = TestDescriptor()
        descriptor.addDisk("first", file: "disk1.vmdk")
        descriptor.addDisk("second", file: "disk2.raw")
        var disk = [UInt8](repeating: 0, count: 1 << 20)
        disk.put([0, 0, 0, 0, 0x83, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0], at: 446)
        disk.put([0x55, 0xaa], at: 510)
        return TestPackage(
            descriptor, ("disk1.vmdk", TestPackage.smallImage.bytes), ("disk2.raw", disk))
    }()

    private static func open(_ source: any ByteSource) throws(ApplianceError) -> Appliance {
        try Appliance.open(
            .remote(source, name: Array("x.ova".utf8), modificationTime: 0), options: ApplianceOptions())
    }

    @Test("W4: it is opened whole, or not at all: what was lost is no verdict on a disk")
    func everyRead() throws {
        var failureCount = 0
        var isWhole = false
        for readCount in 0..<10_000 where !isWhole {
            let source = LeavingSource(MemorySource(Self.package.archive), Self.lost)
            source.leave(after: readCount)
            do throws(ApplianceError) {
                let appliance = try Self.open(source)
                #expect(appliance.disks.count { $0.source != nil } == 2, "after \(readCount) reads")
                #expect(appliance.disks[1].partitions?.table.partitions.count == 1)
                #expect(source.refusedCount == 0)
                isWhole = true
            } catch {
                #expect(error.kind == .unreadable && error.description.contains("not read within 60 s"))
                failureCount += 1
            }
        }
        #expect(isWhole && failureCount > 3)
    }
}
