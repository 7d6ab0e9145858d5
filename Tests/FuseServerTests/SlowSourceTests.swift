// Tests with sources that do not answer: whatever does not need them goes on.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import FuseServer

/// A source whose look-ups take forever, a step at a time.
private struct EndlessSource: ByteSource {
    let byteCount: UInt64 = 1 << 40

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        output.appendZeros(count)
    }

    func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        guard Patience.current == .waits else { throw .wouldWait }
        while true {
            try PatientRead.checkCancellation()
            usleep(1_000)
        }
    }
}

/// A source that is decoded for as long as a gate is closed, and whose state someone has to be asked for.
private struct DecodedSource: ByteSource {
    let byteCount: UInt64 = 1 << 30
    let gate: Gate
    var isNear: Bool { false }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        guard Patience.current == .waits else { throw .wouldWait }
        PatientRead.decoding { gate.wait() }
        output.appendZeros(count)
    }
}

@Suite("A mount whose sources do not answer", .serialized)
struct SlowSourceTests {
    private static let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    /// What has to wait for nothing takes less, in seconds; much more than it takes, for machines that are busy.
    private static let limit = 2.0

    private static func tree(_ gate: Gate, quick: Gate = Gate()) -> FileTree {
        var builder = FileTreeBuilder(directoryTime: 1_000, budget: OpeningBudget())
        func add(_ source: any ByteSource, _ name: String) {
            builder.add(
                .file(source), at: [Array(name.utf8)], attributes: Attributes(modificationTime: 0),
                extendedAttributes: [ExtendedAttribute("user.ova.format") { "raw" }])
        }
        add(MemorySource(content), "near")
        add(GatedSource(ZeroSource(byteCount: 1 << 32), gate), "slow")
        add(GatedSource(MemorySource(content), quick), "other")
        builder.add(
            .file(EndlessSource()), at: [Array("endless".utf8)],
            attributes: Attributes(modificationTime: 0, allocatedByteCount: 512))
        return builder.build()
    }

    /// Does everything that needs no slow source, and takes the time of each.
    private static func useWhatIsNear(_ mount: LiveMount, _ number: Int) throws {
        func timed(_ what: String, _ body: () throws -> Bool) rethrows {
            let start = MonotonicClock.now
            #expect(try body(), "\(what)")
            #expect(MonotonicClock.now - start < limit, "\(what)")
        }
        try timed("listing") {
            try FileManager.default.contentsOfDirectory(atPath: mount.folder).count == 4
        }
        timed("attributes") {
            var status = stat()
            return unsafe stat(mount.path("slow"), &status) == 0
        }
        timed("extended attributes") {
            ExtendedAttributeCalls()?.value(of: "user.ova.format", at: mount.path("slow"), room: 64).length
                == 3
        }
        timed("a file in memory") {
            mount.read("near", 4096, at: 4096 * number, flags: O_RDONLY | LiveMount.direct)
                == .bytes(Array(content[(4096 * number)..<(4096 * (number + 1))]))
        }
        timed("another file that has to wait") {
            mount.read("other", 4096, at: 4096 * number, flags: O_RDONLY | LiveMount.direct)
                == .bytes(Array(content[(4096 * number)..<(4096 * (number + 1))]))
        }
    }

    @Test(
        "while readers wait, all else is served, and each of them can be killed or interrupted",
        arguments: [64, 200])
    func readers(count: Int) throws {
        let gate = Gate()
        let quick = Gate()
        quick.open()
        defer { gate.open() }
        try LiveMount.with(Self.tree(gate, quick: quick)) { mount in
            var readers: [ChildProcess] = []
            defer {
                gate.open()
                for reader in readers { reader.send(SIGKILL) }
                #expect(ChildProcess.remaining(readers, after: 20) == 0)
            }
            for number in 0..<count {
                readers.append(
                    number.isMultiple(of: 2)
                        ? try ChildProcess.direct(mount.path("slow"), number)
                        : try ChildProcess.cached(mount.path("slow"), number))
            }
            // Each has at least one request that waits.
            for _ in 0..<3_000 where mount.statistics.waitingReads < count { usleep(10_000) }
            #expect(mount.statistics.waitingReads >= count)
            for number in 0..<3 { try Self.useWhatIsNear(mount, number) }

            // Those that read directly, and do not handle the signal, and those that read through the page cache.
            for (number, reader) in readers.enumerated() {
                reader.send(number.isMultiple(of: 2) || number.isMultiple(of: 3) ? SIGKILL : SIGINT)
            }
            #expect(ChildProcess.remaining(readers, after: Self.limit + 3) == 0)
            readers = []
            #expect(mount.statistics.interruptedReads >= count / 2)
            for number in 3..<6 { try Self.useWhatIsNear(mount, number) }
        }
    }

    @Test("while all that may decode do so, what needs only a source is served")
    func decoding() throws {
        let gate = Gate()
        let quick = Gate()
        quick.open()
        var builder = FileTreeBuilder(directoryTime: 1_000, budget: OpeningBudget())
        for (name, source) in [
            ("decoded", DecodedSource(gate: gate) as any ByteSource),
            ("other", GatedSource(MemorySource(Self.content), quick)),
        ] {
            builder.add(
                .file(source), at: [Array(name.utf8)], attributes: Attributes(modificationTime: 0))
        }
        defer { gate.open() }
        try LiveMount.with(builder.build(), { $0.decoderCount = 2 }) { mount in
            let readers = try (0..<3).map { try ChildProcess.direct(mount.path("decoded"), $0) }
            defer {
                gate.open()
                #expect(ChildProcess.remaining(readers, after: 20) == 0)
            }
            for _ in 0..<1_000 where mount.statistics.waitingReads < 3 { usleep(10_000) }
            #expect(mount.statistics.waitingReads == 3)
            let start = MonotonicClock.now
            #expect(
                mount.read("other", 4096, flags: O_RDONLY | LiveMount.direct)
                    == .bytes(Array(Self.content[..<4096])))
            let descriptor = unsafe open(mount.path("decoded"), O_RDONLY)
            #expect(descriptor >= 0)
            close(descriptor)
            #expect(MonotonicClock.now - start < Self.limit)
            #expect(mount.statistics.waitingReads == 3)
        }
    }

    @Test("counting the data of many files whose source does not answer holds up no open")
    func counting() throws {
        let gate = Gate()
        let quick = Gate()
        quick.open()
        var builder = FileTreeBuilder(directoryTime: 1_000, budget: OpeningBudget())
        let names = (0..<80).map { "counted-\($0)" }
        for name in names {
            let attributes = Attributes(modificationTime: 0) { () throws(ReadError) -> UInt64 in
                guard Patience.current == .waits else { throw .wouldWait }
                PatientRead.blocking { gate.wait() }
                return 4096
            }
            builder.add(
                .file(MemorySource(Self.content)), at: [Array(name.utf8)], attributes: attributes)
        }
        builder.add(
            .file(DecodedSource(gate: quick)), at: [Array("far".utf8)],
            attributes: Attributes(modificationTime: 0, allocatedByteCount: 512))
        defer { gate.open() }
        try LiveMount.with(builder.build()) { mount in
            for name in names {
                var status = stat()
                #expect(unsafe stat(mount.path(name), &status) == 0)
            }
            for _ in 0..<1_000 where mount.statistics.waitingReads < names.count { usleep(10_000) }
            #expect(mount.statistics.waitingReads == names.count)
            let opening = try ChildProcess(["/usr/bin/head", "--bytes=1", mount.path("far")])
            #expect(ChildProcess.remaining([opening], after: Self.limit) == 0)
            gate.open()
            for _ in 0..<1_000 where mount.statistics.waitingReads > 0 { usleep(10_000) }
            #expect(mount.statistics.waitingReads == 0)
        }
    }

    @Test("whoever looks for holes can be killed, however long that takes")
    func lookingForHoles() throws {
        let quick = Gate()
        quick.open()
        try LiveMount.with(Self.tree(Gate(), quick: quick)) { mount in
            let target = NSTemporaryDirectory() + "ovafs-copy-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: target) }
            let copying = try ChildProcess(["/usr/bin/cp", "--sparse=auto", mount.path("endless"), target])
            for _ in 0..<1_000 where mount.statistics.waitingReads < 1 { usleep(10_000) }
            #expect(mount.statistics.waitingReads == 1)
            try Self.useWhatIsNear(mount, 0)
            copying.send(SIGKILL)
            #expect(ChildProcess.remaining([copying], after: Self.limit + 3) == 0)
            #expect(mount.statistics.interruptedReads == 1)
        }
    }

    @Test(
        "unmounting by force, lazily, and the end of the session leave no one waiting",
        arguments: [CInt(MNT_FORCE), CInt(MNT_DETACH)])
    func unmounting(flags: CInt) throws {
        let gate = Gate()
        defer { gate.open() }
        try LiveMount.with(Self.tree(gate)) { mount in
            var readers: [ChildProcess] = []
            for number in 0..<16 {
                readers.append(
                    number.isMultiple(of: 2)
                        ? try ChildProcess.direct(mount.path("slow"), number)
                        : try ChildProcess.cached(mount.path("slow"), number))
            }
            for _ in 0..<1_000 where mount.statistics.waitingReads < readers.count { usleep(10_000) }
            _ = unsafe umount2(mount.folder, flags)
            if flags == CInt(MNT_DETACH) {
                // The mount lives on for those who have it open, until they go.
                for reader in readers { reader.send(SIGKILL) }
            }
            #expect(ChildProcess.remaining(readers, after: 10) == 0)
            let start = MonotonicClock.now
            try mount.waitForEnd()
            #expect(MonotonicClock.now - start < 5)
            #expect(mount.statistics.waitingReads == 0)
        }
    }
}

@Suite("The log of errors")
struct ErrorLogTests {
    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { lines.all.withLock { $0.append("\(event.message)") } }
    }

    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    @Test("names the package, the file and the place, each error once, and says once that it falls silent")
    func log() {
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        builder.add(
            .file(ZeroSource(byteCount: 1)), at: ["a", "disk.raw"].map { Array($0.utf8) },
            attributes: Attributes(modificationTime: 0))
        let lines = Lines()
        let served = ServedTree(
            tree: builder.build(),
            options: SessionOptions(sourceName: Array("x.ova".utf8), userID: 0, groupID: 0),
            statistics: ServerStatistics(), log: Logger(label: "test") { _ in Handler(lines: lines) })
        let inode = served.tree.node(at: ["a", "disk.raw"].map { Array($0.utf8) })?.inode ?? 0
        for offset in 0..<UInt64(1_500) {
            let error = ReadError.corrupt(record: "grain", offset: offset, reason: "bad")
            for _ in 0..<2 { served.note(error, inode: inode, offset: 4096) }
        }
        let logged = lines.all.withLock { $0 }
        #expect(logged.count == 1_001)
        #expect(logged.first == "x.ova: a/disk.raw at byte 4096: grain at byte 0: bad")
        #expect(logged.last?.contains("no more") == true)
    }
}

extension ErrorLogTests {
    @Test("a line whose place would have to be waited for goes without it")
    func placeThatWaits() {
        var attributes = Attributes(modificationTime: 0)
        attributes.placeOfError = { _, range in "guest byte \(range.lowerBound)" }
        var hidden = attributes
        hidden.placeOfError = { _, _ in
            // As a table that has to be read again.
            #expect(Patience.current != .waits)
            return nil
        }
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        for (name, attributes) in [("near", attributes), ("far", hidden)] {
            builder.add(
                .file(ZeroSource(byteCount: 8192)), at: [Array(name.utf8)], attributes: attributes)
        }
        let lines = Lines()
        let served = ServedTree(
            tree: builder.build(),
            options: SessionOptions(sourceName: Array("x.ova".utf8), userID: 0, groupID: 0),
            statistics: ServerStatistics(), log: Logger(label: "test") { _ in Handler(lines: lines) })
        let error = ReadError.corrupt(record: "grain", offset: 0, reason: "bad")
        for name in ["near", "far"] {
            let inode = served.tree.node(at: [Array(name.utf8)])?.inode ?? 0
            served.note(error, inode: inode, offset: 4096)
        }
        #expect(
            lines.all.withLock { $0 } == [
                "x.ova: near: guest byte 4096: grain at byte 0: bad",
                "x.ova: far at byte 4096: grain at byte 0: bad",
            ])
    }
}

extension ChildProcess {
    /// One that reads through the page cache, from a place of its own on.
    fileprivate static func cached(_ path: String, _ number: Int) throws -> ChildProcess {
        try ChildProcess(["/usr/bin/tail", "--bytes=+\(number * (4 << 20) + 1)", path])
    }

    /// One that reads 64 KiB past the page cache.
    fileprivate static func direct(_ path: String, _ number: Int) throws -> ChildProcess {
        try ChildProcess([
            "/usr/bin/dd", "if=\(path)", "of=/dev/null", "bs=64k", "count=1", "skip=\(number * 64)",
            "iflag=direct",
        ])
    }
}
