// Tests of what `info` and `verify` print for people.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import TestSupport
import Testing

@testable import ovafs

@Suite("Texts of info and verify")
struct OutputTextTests {
    private static func appliance(_ bytes: [UInt8], named name: String) throws -> Appliance {
        try Appliance.open(
            .file(MemorySource(bytes), name: Array(name.utf8), modificationTime: 0),
            options: ApplianceOptions())
    }

    private static func report(_ appliance: Appliance, deep isDeep: Bool = true) -> VerificationReport {
        let disks =
            isDeep
            ? appliance.disks.compactMap { disk in
                VerificationReport.Disk(checking: disk) { check, _ in check.run(threadCount: 1) }
            } : []
        return VerificationReport(of: appliance, members: nil, certificate: nil, disks: disks)
    }

    private static func lines(_ appliance: Appliance) -> [String] {
        let text = VerificationText(report(appliance), appliance, isDeep: true).text
        return text.split(separator: "\n").map(String.init)
    }

    @Test("a raw disk has nothing to decode, and is not said to be decoded")
    func raw() throws {
        let raw = Self.lines(try Self.appliance([UInt8](repeating: 7, count: 1_024), named: "x.img"))
        #expect(
            raw == [
                "ok          disk x.img: can be read; raw, without a checksum: nothing to decode",
                "verified: 1 raw disk read; a disk image; 0 notes",
            ])
        let image = StreamOptimizedBuilder(GrainContent.mixed(20)).build().bytes
        let decoded = Self.lines(try Self.appliance(image, named: "x.vmdk"))
        #expect(
            decoded == [
                "ok          disk x.vmdk: every cluster decodes",
                "verified: 1 disk decoded; a disk image; 0 notes",
            ])
        let empty = Self.lines(try Self.appliance([], named: "x.img"))
        #expect(empty.contains { $0.hasPrefix("note ") && $0.contains("is empty") })
    }

    @Test("the verdict is one that refers to what stands above it, where that is seen")
    func verdict() throws {
        let appliance = try Self.appliance([1, 2, 3], named: "x.img")
        let report = Self.report(appliance, deep: false)
        let whole = VerificationText.verdict(on: report, isDeep: false, isSeen: false)
        #expect(whole?.hasPrefix("not verified: nothing was checked: a disk image has no manifest") == true)
        #expect(
            VerificationText.verdict(on: report, isDeep: false, isSeen: true) == "not verified, see above")
        #expect(VerificationText.verdict(on: Self.report(appliance), isDeep: true, isSeen: false) == nil)
    }

    @Test(
        "types of partitions have the names that people know",
        arguments: [
            ("83", "83 Linux"), ("7F", "7F"), ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI System"),
            ("0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux filesystem"),
            ("04030201-0605-0807-090a-0b0c0d0e0f10", "04030201-0605-0807-090a-0b0c0d0e0f10"),
        ])
    func types(type: String, text: String) {
        #expect(PartitionTypeName.text(for: type) == text)
    }
}
