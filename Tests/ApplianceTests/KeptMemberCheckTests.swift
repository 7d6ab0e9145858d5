// Tests of digests that are checked when the bytes have come from afar.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Digests of what has come from afar")
struct KeptMemberCheckTests {
    /// Bytes far away, of which the first ones are kept here.
    private final class PartlyKept: ByteSource {
        let base: MemorySource
        let keptByteCount = Atomic<UInt64>(0)
        let readCount = Atomic<Int>(0)
        let keptReadByteCount = Atomic<Int>(0)

        var byteCount: UInt64 { base.byteCount }
        var isNear: Bool { false }

        init(_ bytes: [UInt8]) {
            base = MemorySource(bytes)
        }

        func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
            readCount.add(1, ordering: .relaxed)
            try base.read(count, at: offset, into: &output)
        }

        func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]? {
            guard offset + UInt64(count) <= keptByteCount.load(ordering: .relaxed) else { return nil }
            keptReadByteCount.add(count, ordering: .relaxed)
            return try? base.bytes(count, at: offset)
        }
    }

    private static func sleep() {
        MonotonicClock.sleep(until: MonotonicClock.now + 0.05)
    }

    private struct Fixture {
        let source: PartlyKept
        let appliance: Appliance
        let reports = Reports()

        init(wrong: Set<String>) throws {
            var package = TestPackage.simple()
            package.add("notes.txt", [UInt8](repeating: 7, count: 3_000_000))
            package.addManifest(wrong: wrong)
            source = PartlyKept(package.archive)
            appliance = try Appliance.open(
                .remote(source, name: Array("vm.ova".utf8), modificationTime: 1), options: ApplianceOptions())
        }

        func state(_ name: String) throws -> ManifestChecks.State {
            let package = try #require(appliance.package)
            let index = try #require(package.members.firstIndex { $0.path == Array(name.utf8) })
            return try #require(appliance.checks).state(ofMembers: [index])
        }

        func waitUntil(_ name: String, is wanted: ManifestChecks.State) throws {
            let end = MonotonicClock.now + 120
            while true {
                let known = try state(name)
                if known == wanted { return }
                try #require(MonotonicClock.now < end, "\(name) is \(known)")
                KeptMemberCheckTests.sleep()
            }
        }
    }

    private final class Reports: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    @Test("a member is checked when its last byte is here, without a read; each byte is hashed once")
    func checked() throws {
        let fixture = try Fixture(wrong: [])
        let reads = fixture.source.readCount.load(ordering: .relaxed)
        let reports = fixture.reports
        let check = try #require(
            KeptMemberCheck(of: fixture.appliance, isIdle: { true }) { reports.add($0) })
        try check.start()
        defer { check.stop() }
        let notes = try #require(
            fixture.appliance.package?.members.first { $0.path == Array("notes.txt".utf8) }?.location)
        fixture.source.keptByteCount.store(notes.dataOffset + 2_999_999, ordering: .relaxed)
        try fixture.waitUntil("disk.vmdk", is: .ok)
        try fixture.waitUntil("vm.ovf", is: .ok)
        #expect(try fixture.state("notes.txt") == .unchecked)
        fixture.source.keptByteCount.store(fixture.source.byteCount, ordering: .relaxed)
        try fixture.waitUntil("notes.txt", is: .ok)
        #expect(fixture.reports.all.isEmpty)
        #expect(fixture.source.readCount.load(ordering: .relaxed) == reads)
        #expect(fixture.source.keptReadByteCount.load(ordering: .relaxed) < Int(fixture.source.byteCount))
        #expect(fixture.appliance.disks[0].state == "ok")
    }

    @Test("what is not what the manifest lists is told, and is the state of the disk that it holds")
    func wrong() throws {
        let fixture = try Fixture(wrong: ["disk.vmdk", "notes.txt"])
        let reports = fixture.reports
        let check = try #require(
            KeptMemberCheck(of: fixture.appliance, isIdle: { true }) { reports.add($0) })
        fixture.source.keptByteCount.store(fixture.source.byteCount, ordering: .relaxed)
        try check.start()
        defer { check.stop() }
        try fixture.waitUntil("disk.vmdk", is: .bad)
        try fixture.waitUntil("notes.txt", is: .bad)
        try fixture.waitUntil("vm.ovf", is: .ok)
        let end = MonotonicClock.now + 60
        while fixture.reports.all.count < 2, MonotonicClock.now < end { Self.sleep() }
        #expect(fixture.reports.all.map { $0.prefix(9) }.sorted() == ["disk.vmdk", "notes.txt"])
        #expect(fixture.appliance.disks[0].state.contains("sha256 digest is not the one of the manifest"))
    }

    /// Says three times that someone waits, and keeps what was hashed by then.
    private final class Looks: Sendable {
        private let seen = Mutex<[Int]>([])
        var byteCounts: [Int] { seen.withLock { $0 } }

        func look(_ byteCount: Int) -> Bool {
            seen.withLock { seen in
                guard seen.count < 3 else { return true }
                seen.append(byteCount)
                return false
            }
        }
    }

    @Test("while anyone waits for a server nothing is hashed")
    func busy() throws {
        let fixture = try Fixture(wrong: [])
        let source = fixture.source
        let hashed = Looks()
        let check = try #require(
            KeptMemberCheck(
                of: fixture.appliance,
                isIdle: {
                    hashed.look(source.keptReadByteCount.load(ordering: .relaxed))
                }
            ) { _ in })
        fixture.source.keptByteCount.store(fixture.source.byteCount, ordering: .relaxed)
        try check.start()
        defer { check.stop() }
        try fixture.waitUntil("notes.txt", is: .ok)
        #expect(hashed.byteCounts == [0, 0, 0])
    }

    @Test("a package without a manifest has nothing to check")
    func without() throws {
        let appliance = try TestPackage.simple().open()
        #expect(KeptMemberCheck(of: appliance, isIdle: { true }, report: { _ in }) == nil)
    }
}
