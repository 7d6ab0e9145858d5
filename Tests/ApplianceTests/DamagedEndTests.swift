// Tests of what is read, found and verified where a part of a file is damaged or left out.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@testable import Appliance

@Suite("Damage that leaves the rest")
struct DamagedEndTests {
    @Test("a raw disk whose last sector cannot be read is one where its name or lenient says so")
    func unreadableEnd() throws {
        let bytes = [UInt8](repeating: 7, count: 64 << 10)
        let source = FailingSource(
            MemorySource(bytes), failingIn: UInt64(bytes.count - 1)..<UInt64(bytes.count))
        for (name, lenient, isRead) in [
            ("x.raw", false, true), ("x-flat.vmdk", false, true), ("x", true, true), ("x", false, false),
            ("x.vhd", false, false),
        ] {
            guard isRead else {
                let error = #expect(throws: ApplianceError.self) {
                    try TestPackage.open(source, lenient: lenient, named: name)
                }
                #expect(error?.remedy == .lenient)
                continue
            }
            let appliance = try TestPackage.open(source, lenient: lenient, named: name)
            #expect(appliance.codes.contains("image-questionable"))
            let disk = try #require(appliance.disks.first?.source)
            #expect(try disk.bytes(60 << 10, at: 0) == Array(bytes.prefix(60 << 10)))
            #expect(throws: FailingSource.failure) { try disk.bytes(1, at: UInt64(bytes.count - 1)) }
        }
    }

    @Test("a deep check names what of a raw disk cannot be read, and no more", arguments: [1, 3])
    func deepCheck(threadCount: Int) throws {
        let bytes = [UInt8](repeating: 7, count: 7 << 20)
        let source = FailingSource(
            MemorySource(bytes), failingIn: 5_000..<5_001, (1 << 20) + 1..<(5 << 20), 6 << 20..<(6 << 20) + 1)
        let appliance = try TestPackage.open(source, named: "x.raw")
        guard case .decoded(let disk) = appliance.disks[0].content else {
            Issue.record("the disk is decoded")
            return
        }
        let (damages, count) = DeepCheck(of: disk).run(threadCount: threadCount)
        let places = damages.map { $0.guestOffset..<($0.guestOffset + $0.byteCount) }
        #expect(places.map(\.lowerBound) == [4_096, 1 << 20, 6 << 20])
        #expect(places.map(\.upperBound) == [8_192, 5 << 20, (6 << 20) + 4_096])
        #expect(count == 3)
    }

    @Test("what lenient left out of a compressed disk is a finding, and no verification lets it pass")
    func leftOut() throws {
        let disk = [UInt8](repeating: 7, count: 64 << 10)
        let whole = GzipCompressor.compress(disk)
        let cut = whole + [UInt8](repeating: 0x33, count: 100)
        for (bytes, isCut) in [(whole, false), (cut, true)] {
            let appliance = try TestPackage.open(MemorySource(bytes), lenient: true, named: "x.raw.gz")
            #expect(appliance.codes.contains("image-questionable") == isCut)
            let failures = VerificationFailure.ofDisks(appliance.disks, [])
            #expect(failures.map(\.code) == (isCut ? [.diskDamaged] : []))
        }
        // The same of a package that is compressed as a whole.
        let archive = TestPackage.simple().archive
        let package = try TestPackage.open(
            MemorySource(GzipCompressor.compress(archive) + [1, 2, 3]), lenient: true, named: "vm.ova.gz")
        #expect(package.codes.contains("archive-damaged"))
    }

    @Test("what is compressed twice is called that")
    func twice() throws {
        let inner = GzipCompressor.compress([UInt8](repeating: 7, count: 1_024))
        let error = #expect(throws: ApplianceError.self) {
            try TestPackage.open(MemorySource(GzipCompressor.compress(inner)), named: "x.raw.gz")
        }
        #expect(error?.description.contains("compressed twice") == true)
    }

    @Test("a file that was looked at for the parent of a disk is none that the package uses")
    func candidates() throws {
        var base = VDIBuilder([.noise, .noise])
        base.creation = [UInt8](repeating: 0xa1, count: 16)
        base.modification = [UInt8](repeating: 0xa2, count: 16)
        var child = VDIBuilder([.noise, .absent])
        child.type = 4
        child.parentCreation = base.creation
        child.parentModification = base.modification
        let built = child.build()
        var descriptor = TestDescriptor()
        descriptor.addDisk("disk1", file: "child.vdi", capacity: built.guest.count)
        var package = TestPackage(
            descriptor, ("child.vdi", built.bytes), ("base.vdi", base.build().bytes))
        package.addManifest()
        // Before the parent in every order, and in no manifest.
        package.members.insert((Array("a.txt".utf8), Array("text".utf8)), at: 1)
        let appliance = try package.open()
        #expect(appliance.disks.first?.source != nil)
        let results = try #require(appliance.checkManifest(threadCount: 1))
        let report = VerificationReport(of: appliance, members: results, certificate: nil, disks: [])
        #expect(report.failures == [])
        #expect(appliance.scope.usedMembers.count == 3)
    }
}
