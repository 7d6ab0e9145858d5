// Tests of what checks a package: digests as members are read, and every cluster of a disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import FileTree
import Synchronization
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

    @Test("a member is read once to be served and hashed, in whatever order", arguments: [1, 4])
    func readOnce(readerCount: Int) throws {
        let (appliance, index) = try Self.appliance()
        let source = appliance.storedSource(ofMember: index)
        let before = appliance.sourceMeter.byteCount
        let step = 128 << 10
        let next = Atomic<Int>(0)
        let failures = Atomic<Int>(0)
        WorkerThread.concurrently(readerCount) { _ in
            while true {
                // Two by two in the wrong order.
                let number = next.add(1, ordering: .relaxed).oldValue ^ 1
                guard number * step < Self.byteCount else { return }
                let bytes = try? source.gatheredBytes(step, at: UInt64(number * step))
                if bytes != Array(Self.payload[(number * step)..<((number + 1) * step)]) {
                    failures.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(appliance.sourceMeter.byteCount - before == UInt64(Self.byteCount))
        #expect(appliance.checks?.state(ofMembers: [index]) == .ok)
    }

    /// A source that gives one byte wrong the first time that it is read.
    private final class FlakySource: ByteSource {
        private let base: any ByteSource
        private let wrongOffset: UInt64
        private let wasRead = Atomic<Bool>(false)

        var byteCount: UInt64 { base.byteCount }

        init(_ base: any ByteSource, wrongAt offset: UInt64) {
            self.base = base
            wrongOffset = offset
        }

        func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
            var bytes = try base.bytes(count, at: offset)
            if offset <= wrongOffset, wrongOffset < offset + UInt64(count),
                !wasRead.exchange(true, ordering: .relaxed)
            {
                bytes[Int(wrongOffset - offset)] ^= 1
            }
            // SAFETY: bytes have no padding.
            output.append(copying: unsafe bytes.span.bytes)
        }
    }

    @Test("what is checked is what was served, even where reading it again would give other bytes")
    func servedBytes() throws {
        let (appliance, index) = try Self.appliance()
        let checks = try #require(appliance.checks)
        let step = 1 << 20
        for order in [
            [0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 0, 3, 2, 5, 4, 7, 6, 8], [2, 1, 0, 5, 4, 3, 8, 7, 6],
        ] {
            for wrong in 0..<9 {
                let fresh = ManifestChecks(checks.map)
                let source = CheckedMemberSource(
                    FlakySource(MemorySource(Self.payload), wrongAt: UInt64(wrong * step + 17)),
                    memberIndex: index, checks: fresh)
                for number in order { _ = try source.bytes(step, at: UInt64(number * step)) }
                // Served again, and right by now: that does not make the first answer right.
                for number in 0..<9 { _ = try source.bytes(step, at: UInt64(number * step)) }
                #expect(fresh.state(ofMembers: [index]) == .bad, "\(order), \(wrong)")
            }
        }
    }

    @Test(
        "what was served too early is kept up to a bound; beyond it the oldest is forgotten, and nothing is ok"
    )
    func earlyPiecesAreBounded() {
        let pieces = EarlyPieces()
        let byteCount = 1 << 20
        for number in 0..<20 {
            pieces.keep(
                EarlyPieces.Piece(
                    memberIndex: 1, offset: UInt64(number * byteCount),
                    bytes: Array(repeating: 1, count: byteCount)))
        }
        #expect(pieces.take(ofMember: 1, at: 0)?.offset == nil)
        #expect(pieces.take(ofMember: 2, at: UInt64(19 * byteCount))?.offset == nil)
        #expect(pieces.take(ofMember: 1, at: UInt64(19 * byteCount + 5))?.offset == UInt64(19 * byteCount))
        for number in 0..<2_000 {
            pieces.keep(EarlyPieces.Piece(memberIndex: 3, offset: UInt64(number), bytes: [1]))
        }
        #expect(pieces.take(ofMember: 3, at: 2_000 - UInt64(EarlyPieces.maximumCount) - 1)?.offset == nil)
        #expect(pieces.take(ofMember: 3, at: 1_999)?.offset == 1_999)
    }

    @Test(
        "an empty member is right or wrong at once: no one ever reads a byte of it", arguments: [false, true])
    func emptyMember(wrong: Bool) throws {
        var package = TestPackage.simple()
        package.add("empty.txt", [])
        package.addManifest(wrong: wrong ? ["empty.txt"] : [])
        #expect(try package.open().checks?.state(ofMembers: [2]) == (wrong ? .bad : .ok))
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

    @Test("a deep check of a disk looks at its snapshots, too: what only one of them has may be damaged")
    func snapshots() throws {
        var built = QCOWBuilder(QCOWClusterContent.mixed(80)).with {
            $0.snapshots = [.init("sound", [.plain(.text)]), .init("broken", QCOWClusterContent.mixed(20))]
        }.build()
        // The first-level table of the second leads behind the end of the file.
        built.bytes.put((UInt64(1) << 63 | 1 << 40).byteSwapped, at: built.places.snapshotFirstLevels[1])
        let appliance = try TestPackage.open(built.source, named: "disk.qcow2")
        var names: [String] = []
        let checked = VerificationReport.Disk(checking: appliance.disks[0]) { check, name in
            names.append(name)
            return check.run(threadCount: 1)
        }
        let disk = try #require(checked)
        #expect(names == ["disk.raw", "disk/sound.raw", "disk/broken.raw"])
        #expect(disk.damageCount == 0 && !disk.isOK)
        #expect(disk.snapshots.map(\.isOK) == [true, false])
        #expect(disk.snapshots[1].damages.first?.guestOffset == 0)
        let report = VerificationReport(of: appliance, members: nil, certificate: nil, disks: [disk])
        #expect(report.failures.map(\.code) == [.diskDamaged])
        #expect(report.failures[0].message == "snapshot disk/broken.raw of disk disk.qcow2 is damaged")
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
            let tree = try ApplianceTree.make(
                for: try package.open(), showsControlDirectory: false, liveStatistics: { [] })
            let control = Array(".ova".utf8)
            #expect((tree.node(at: [control, Array("info.json".utf8)])?.byteCount ?? 0) > 100)
            let stored = [control, Array("stored".utf8)] + name.split(separator: "/").map { Array($0.utf8) }
            #expect(tree.node(at: stored)?.byteCount == 3)
        }
    }

    @Test("a source that is not there any more ends the check, and is no damage", arguments: [1, 4])
    func loss(threadCount: Int) throws {
        let cache = ClusterCache(byteLimit: 8 << 20)
        let bytes = MemorySource([UInt8](repeating: 1, count: 16 << 20))
        let image = try DiskImageOpener.open(
            bytes, named: "disk.raw", in: cache, for: cache.makeDiskNumber(), options: .init())
        for error in [ReadError.remote(source: "disk.raw", reason: "silence"), .stale(source: "disk.raw")] {
            let source = LostSource(byteCount: bytes.byteCount, error: error)
            let disk = GuestDisk(image, in: source, cache: cache, number: cache.makeDiskNumber())
            let check = DeepCheck(of: disk)
            let found = check.run(threadCount: threadCount)
            #expect(found.count == 0 && found.damages.isEmpty)
            #expect(check.loss == error)
            // One attempt for each thread, not one for each stretch.
            #expect(source.readCount <= 2 * threadCount)
        }
    }

    @Test("a source that is lost while a damaged stretch is gone through ends the check, and is no damage")
    func lossWithinDamage() throws {
        var built = StreamOptimizedBuilder(Array(repeating: GrainContent.noise, count: 60)).build()
        let place = built.grainOffset(7)
        for offset in 100..<140 { built.bytes[place + offset] ^= 0x5a }
        for error in [ReadError.remote(source: "disk", reason: "silence"), .stale(source: "disk")] {
            var lostWithDamage = 0
            for readCount in 1...60 {
                let source = LeavingSource(MemorySource(built.bytes), error)
                let appliance = try TestPackage.open(source, named: "disk.vmdk")
                guard case .decoded(let disk) = appliance.disks[0].content else {
                    Issue.record("the disk is decoded")
                    return
                }
                let check = DeepCheck(of: disk)
                source.leave(after: readCount)
                let (damages, count) = check.run(threadCount: 1)
                #expect(check.loss == (source.refusedCount > 0 ? error : nil))
                #expect(damages.count == count && damages.allSatisfy { $0.error.isDamage }, "\(readCount)")
                #expect(check.loss != nil || count == 1)
                if check.loss != nil, count == 1 { lostWithDamage += 1 }
            }
            #expect(lostWithDamage > 0)
        }
    }

    @Test("a certificate that cannot be read because the source is lost is no verdict on it")
    func lostCertificate() throws {
        var package = TestPackage.simple()
        package.addManifest()
        package.add("vm.cert", "SHA256(vm.mf)= 00\n")
        let error = ReadError.stale(source: "vm.ova")
        let source = LeavingSource(MemorySource(package.archive), error)
        let appliance = try TestPackage.open(source)
        #expect(try appliance.checkCertificate(trusting: nil) != nil)
        source.leave(after: 0)
        #expect(throws: error) { try appliance.checkCertificate(trusting: nil) }
        #expect(appliance.checkManifest(threadCount: 1)?.loss == error)
    }
}

/// A source that was there when it was opened.
private final class LostSource: ByteSource {
    let byteCount: UInt64
    private let error: ReadError
    private let reads = Atomic<Int>(0)

    var readCount: Int { reads.load(ordering: .relaxed) }

    init(byteCount: UInt64, error: ReadError) {
        self.byteCount = byteCount
        self.error = error
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        reads.add(1, ordering: .relaxed)
        throw error
    }
}
