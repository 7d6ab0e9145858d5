// Tests of what many names of one file cost: as much as one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("A file with many names")
struct StoredOnceTests {
    private static let names = 200

    /// An archive of one compressed disk and hard links to it, each of them a disk of the descriptor.
    private static let archive: [UInt8] = {
        var descriptor = TestDescriptor()
        for number in 0..<names { descriptor.addDisk("d\(number)", file: "d\(number).gz", capacity: 1 << 20) }
        var tar = TarBuilder()
        tar.add("vm.ovf", Array(descriptor.text.utf8))
        let stream = GzipCompressor.compress([UInt8](repeating: 7, count: 1 << 20))
        tar.add("d0.gz", stream)
        for number in 1..<names { tar.add("d\(number).gz", type: "1", link: "d0.gz") }
        let lines = (0..<names).map { "SHA1(d\($0).gz)= 00\n" }.joined()
        tar.add("vm.mf", Array(lines.utf8))
        tar.finish()
        return tar.bytes
    }()

    @Test("hard links to one gzip stream are scanned once, and have the same bytes")
    func opening() throws {
        let source = CountingSource(MemorySource(Self.archive))
        let appliance = try TestPackage.open(source)
        #expect(appliance.disks.count == Self.names)
        #expect(appliance.disks.allSatisfy { $0.source?.byteCount == 1 << 20 })
        #expect(Set(appliance.rawPaths).count == Self.names)
        #expect(try appliance.disks[Self.names - 1].source?.bytes(3, at: 5) == [7, 7, 7])
        #expect(source.bytesRead < Self.archive.count + 64 << 10)
        #expect(source.readCount < 100)
    }

    @Test("hard links to one file are hashed once, and each is answered")
    func hashing() throws {
        let source = CountingSource(MemorySource(Self.archive))
        let appliance = try TestPackage.open(source)
        let before = source.bytesRead
        let results = try #require(appliance.checkManifest(threadCount: 2))
        let wrong = results.filter { if case .bad = $0.outcome { true } else { false } }
        #expect(wrong.count == Self.names)
        #expect(source.bytesRead - before < 8_192)
    }

    @Test("disks of one file are looked at once")
    func content() throws {
        let source = CountingSource(MemorySource(Self.archive))
        let appliance = try TestPackage.open(source)
        let before = source.readCount
        _ = ApplianceSummary(of: appliance)
        #expect(source.readCount - before < 20)
    }
}
