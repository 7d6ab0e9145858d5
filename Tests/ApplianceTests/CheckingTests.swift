// Tests of what checks a package: digests as members are read, and every cluster of a disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import FileTree
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Checking a package")
struct CheckingTests {
    private static let byteCount = 9 << 20
    private static let payload = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }

    /// A package with `big.bin`, and its index.
    private static func appliance(wrong: Bool = false) throws -> (Appliance, Int) {
        var package = TestPackage.simple()
        package.add("big.bin", payload)
        package.addManifest(wrong: wrong ? ["big.bin"] : [])
        package.add("unlisted.txt", [1])
        return (try package.open(), 2)
    }

    @Test(
        "a member that is read through in order is known to be right", arguments: [4096, 1 << 20, byteCount])
    func inOrder(step: Int) throws {
        let (appliance, index) = try Self.appliance()
        let checks = try #require(appliance.checks)
        let source = appliance.storedSource(ofMember: index)
        #expect(checks.state(ofMembers: [index]) == .unchecked)
        for offset in stride(from: 0, to: Self.byteCount, by: step) {
            let count = min(step, Self.byteCount - offset)
            #expect(try source.bytes(count, at: UInt64(offset)).count == count)
        }
        #expect(checks.state(ofMembers: [index]) == .ok)
    }

    @Test("one whose digest is wrong is known to be bad, and its bytes are served all the same")
    func wrongDigest() throws {
        let (appliance, index) = try Self.appliance(wrong: true)
        let source = appliance.storedSource(ofMember: index)
        #expect(try source.bytes(Self.byteCount, at: 0) == Self.payload)
        #expect(appliance.checks?.state(ofMembers: [index]) == .bad)
        #expect(appliance.checks?.state(ofMembers: [0, index]) == .bad)
    }

    @Test("reads in slightly mixed order still check the member")
    func mixedOrder() throws {
        let (appliance, index) = try Self.appliance()
        let source = appliance.storedSource(ofMember: index)
        let step = 1 << 20
        for number in [1, 0, 3, 2, 5, 4, 7, 6, 8] { _ = try source.bytes(step, at: UInt64(number * step)) }
        #expect(appliance.checks?.state(ofMembers: [index]) == .ok)
    }

    @Test("holes are a part of what is checked, also where the reader's answer could do without reading them")
    func holes() throws {
        var package = TestPackage.simple()
        package.add("big.bin", [UInt8](repeating: 0, count: Self.byteCount))
        package.addManifest()
        let checks = try #require(try package.open().checks)
        let source = CheckedMemberSource(
            ZeroSource(byteCount: UInt64(Self.byteCount)), memberIndex: 2, checks: checks)
        let step = 1 << 20
        for offset in stride(from: 0, to: Self.byteCount, by: step) {
            let count = min(step, Self.byteCount - offset)
            #expect(try source.gatheredBytes(count, at: UInt64(offset)).count == count)
        }
        #expect(checks.state(ofMembers: [2]) == .ok)
        #expect(try source.gatheredBytes(10, at: 0) == [UInt8](repeating: 0, count: 10))
    }

    @Test("a reader that jumps to the end learns nothing, and reads no more than it asks for")
    func jump() throws {
        let (appliance, index) = try Self.appliance()
        let source = appliance.storedSource(ofMember: index)
        let before = appliance.sourceMeter.byteCount
        _ = try source.bytes(4096, at: UInt64(Self.byteCount - 4096))
        #expect(appliance.sourceMeter.byteCount - before == 4096)
        #expect(appliance.checks?.state(ofMembers: [index]) == .unchecked)
    }

    @Test("a check of the manifest gives each member its state")
    func manifest() throws {
        let (appliance, index) = try Self.appliance(wrong: true)
        let results = try #require(appliance.checkManifest(threadCount: 2))
        let report = VerificationReport(of: appliance, members: results, certificate: nil, disks: [])
        #expect(report.members.map(\.state) == [.ok, .ok, .bad, .exempt, .unlisted])
        #expect(!report.isOK)
        let checks = try #require(appliance.checks)
        #expect(checks.state(ofMembers: [0, 1]) == .ok)
        #expect(checks.state(ofMembers: [index]) == .bad && checks.state(ofMembers: [4]) == .unlisted)
        let unlisted = try TestPackage.simple().open()
        #expect(unlisted.checkManifest(threadCount: 2) == nil)
    }

    @Test("a deep check names each damaged cluster, and finds nothing on a good disk", arguments: [1, 3])
    func deepCheck(threadCount: Int) throws {
        var built = StreamOptimizedBuilder(Array(repeating: GrainContent.noise, count: 600)).build()
        let bad = [0, 7, 300, 599]
        for grain in bad {
            let place = built.grainOffset(grain)
            for offset in 100..<140 { built.bytes[place + offset] ^= 0x5a }
        }
        let appliance = try TestPackage.simple(built).open()
        guard case .decoded(let disk) = appliance.disks[0].content else {
            Issue.record("the disk is decoded")
            return
        }
        let check = DeepCheck(of: disk)
        let (damages, count) = check.run(threadCount: threadCount)
        #expect(count == bad.count && check.progress == disk.byteCount)
        #expect(damages.map(\.guestOffset) == bad.map { UInt64($0 * built.grainByteCount) })
        #expect(damages.allSatisfy { $0.byteCount == UInt64(built.grainByteCount) })
        guard case .decoded(let good) = try TestPackage.simple().open().disks[0].content else { return }
        #expect(DeepCheck(of: good).run(threadCount: threadCount).count == 0)
    }

    @Test("a file called an OVA that is neither an archive nor an image is refused as damaged")
    func noArchive() throws {
        let noise = MemorySource(Array(repeating: 0x33, count: 5000))
        #expect(throws: ApplianceError.self) { try TestPackage.open(noise, named: "x.ova") }
        #expect(throws: ApplianceError.self) { try TestPackage.open(noise, named: "x.OVA") }
        #expect(try TestPackage.open(noise, named: "x.img").rawPaths == ["x.raw"])
    }

    @Test("a summary decodes again, and a name that is not UTF-8 has its bytes in hex")
    func summary() throws {
        var package = TestPackage.simple()
        package.members.append(([0x61, 0xff, 0x0a], [1]))
        let summary = ApplianceSummary(of: try package.open())
        let odd = try #require(summary.members.last)
        #expect(odd.name.hex == "61ff0a" && odd.name.text == "a\u{fffd}\n")
        #expect(summary.members[0].name.hex == nil)
    }

    @Test("a member called .ova takes nothing from the control directory, and is reached as stored")
    func memberNamedControlDirectory() throws {
        for name in [".ova", ".ova/info.json"] {
            var package = TestPackage.simple()
            package.add(name, [1, 2, 3])
            let tree = ApplianceTree.make(
                for: try package.open(), showsControlDirectory: false, liveStatistics: { [] })
            let control = Array(".ova".utf8)
            #expect((tree.node(at: [control, Array("info.json".utf8)])?.byteCount ?? 0) > 100)
            let stored = [control, Array("stored".utf8)] + name.split(separator: "/").map { Array($0.utf8) }
            #expect(tree.node(at: stored)?.byteCount == 3)
        }
    }
}
