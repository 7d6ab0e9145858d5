// Tests of what opening a package far away asks for before it comes there.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Opening a package that is far away")
struct ForesightTests {
    private static let diskCount = 24

    /// Disks whose bytes do not compress, longer than what is asked for around their ends; no two are equal.
    private static let images = (0..<diskCount).map { number in
        StreamOptimizedBuilder(Array(repeating: .noise, count: 60 + number)).build()
    }

    private static func package(
        size: (Int, Int) -> Int? = { $1 }, extended: Bool = false
    ) -> [UInt8] {
        var descriptor = TestDescriptor()
        for (number, image) in images.enumerated() {
            descriptor.addDisk(
                "disk\(number)", file: "disk\(number).vmdk", capacity: image.guest.count,
                fileAttributes: size(number, image.bytes.count).map { "ovf:size=\"\($0)\"" } ?? "",
                isAttached: false)
        }
        var tar = TarBuilder()
        tar.add("vm.ovf", Array(descriptor.text.utf8))
        for (number, image) in images.enumerated() {
            if extended { tar.addPax([("mtime", "1700000000.5")]) }
            tar.add("disk\(number).vmdk", image.bytes)
        }
        tar.finish()
        return tar.bytes
    }

    private static func open(
        _ archive: [UInt8]
    ) throws -> (far: FarSource, appliance: Appliance) {
        let far = FarSource(MemorySource(archive), startByteCount: 128 << 10)
        let appliance = try Appliance.open(
            .remote(far, name: Array("vm.ova".utf8), modificationTime: 1_700_000_000),
            options: ApplianceOptions())
        return (far, appliance)
    }

    private static func check(_ appliance: Appliance, sourceLocation: SourceLocation = #_sourceLocation)
        throws
    {
        #expect(appliance.disks.count == diskCount, sourceLocation: sourceLocation)
        for (disk, image) in zip(appliance.disks, images) {
            let source = try #require(disk.source, sourceLocation: sourceLocation)
            let bytes = try source.bytes(Int(source.byteCount), at: 0)
            #expect(bytes == image.guest, sourceLocation: sourceLocation)
        }
    }

    @Test("the sizes of the References bring the ends and starts of all members with one round trip")
    func together() throws {
        let archive = Self.package()
        let (far, appliance) = try Self.open(archive)
        #expect(far.tripCount <= 3, "\(far.tripCount) round trips for \(Self.diskCount) disks")
        #expect(far.broughtByteCount < UInt64(archive.count) * 3 / 4)
        try Self.check(appliance)
    }

    @Test("headers that the sizes do not count are still where they are looked for")
    func extended() throws {
        let (far, appliance) = try Self.open(Self.package(extended: true))
        #expect(far.tripCount <= 3, "\(far.tripCount) round trips for \(Self.diskCount) disks")
        try Self.check(appliance)
    }

    @Test(
        "sizes that are missing, wrong or absurd cost round trips, and change nothing of what is read",
        arguments: [nil, 0, 1, 511, 100_000_000, Int.max])
    func wrong(size: Int?) throws {
        let archive = Self.package { _, _ in size }
        let (far, appliance) = try Self.open(archive)
        #expect(far.tripCount > 3)
        let near = try TestPackage.open(MemorySource(archive))
        #expect(appliance.disks.map(\.storedName) == near.disks.map(\.storedName))
        #expect(appliance.disks.map(\.storedByteCount) == near.disks.map(\.storedByteCount))
        #expect(appliance.codes == near.codes)
        try Self.check(appliance)
    }

    @Test("one wrong size among right ones leaves the members before it foreseen")
    func oneWrong() throws {
        let archive = Self.package { number, size in number == 12 ? size + 1_000_000 : size }
        let (far, appliance) = try Self.open(archive)
        #expect(far.tripCount > 3 && far.tripCount <= 4 * Self.diskCount)
        try Self.check(appliance)
    }
}
