// Tests of members that the descriptor says will come.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("Members that are foreseen")
struct ForeseenMemberTests {
    /// What the archive of a test has, and what its descriptor says of it.
    struct Plan {
        var names = ["a.bin", "b.bin", "c.bin"]
        /// What the References say, where that is something else.
        var hrefs: [String]?
        var sizes: [String?] = ["70000", "80000", "90001"]
        var fileAttributes = ""
        var diskAttributes = ""
        var capacities: [Int?] = [1 << 20, 2 << 20, 3 << 20]
        var isDescriptorFirst = true
        var folder = ""
        /// Changes the members as they are stored.
        var write: (inout TarBuilder, _ number: Int, _ name: String, _ bytes: [UInt8]) -> Void = {
            $0.add($2, $3)
        }
        var order = [0, 1, 2]
        /// What stands behind the descriptor, and behind the files.
        var front: [(String, [UInt8])] = []
        var back: [(String, [UInt8])] = []

        static let counts = [70_000, 80_000, 90_001]
        static let contents = counts.enumerated().map { number, count in
            (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7 &+ 31 * (number + 1)) }
        }

        var descriptor: [UInt8] {
            var text = TestDescriptor()
            for (number, name) in (hrefs ?? names).enumerated() {
                let size = number < sizes.count ? sizes[number] : "1"
                text.addDisk(
                    "disk\(number)", file: name, capacity: number < 3 ? capacities[number] : 512,
                    fileAttributes: (size.map { "ovf:size=\"\($0)\" " } ?? "")
                        + (number == 1 ? fileAttributes : ""),
                    attributes: number == 1 ? diskAttributes : "", isAttached: false)
            }
            return Array(text.text.utf8)
        }

        /// The archive, and where its members end.
        func archive() -> (bytes: [UInt8], ends: [Int]) {
            var tar = TarBuilder()
            var ends: [Int] = []
            if isDescriptorFirst { tar.add(folder + "vm.ovf", descriptor) }
            for (name, bytes) in front { tar.add(name, bytes) }
            for number in order {
                write(&tar, number, folder + names[number], Self.contents[number])
                ends.append(tar.bytes.count)
            }
            if !isDescriptorFirst { tar.add("vm.ovf", descriptor) }
            for (name, bytes) in back { tar.add(name, bytes) }
            tar.finish()
            return (tar.bytes, ends)
        }
    }

    /// A scan that waits for nothing.
    private static let eager = {
        var foresight = Foresight()
        foresight.patienceInSeconds = 0
        return foresight
    }()

    /// The package of `plan`, of which what is in front of the second file's header has come.
    static func open(_ plan: Plan) throws -> (
        package: OVFPackage, source: ArrivingSource, ends: [Int]
    ) {
        let (bytes, ends) = plan.archive()
        let source = ArrivingSource(MemorySource(bytes), arrivedByteCount: UInt64(ends[0]))
        let found = try ArrivedOnly.during { () throws(ReadError) in
            try OVFPackage(archive: source, foresight: eager)
        }
        guard case .done(let package) = found else {
            throw ReadError.unsupported(feature: "the scan waits")
        }
        return (package, source, ends)
    }

    static func member(_ name: String, of package: OVFPackage) throws -> PackageMember {
        try #require(package.members.first { $0.path == Array(name.utf8) })
    }

    static func all(_ name: String, of package: OVFPackage) throws -> [UInt8] {
        let source = try member(name, of: package).source
        return try source.bytes(Int(source.byteCount), at: 0)
    }

    @Test("are those of the References, and each is read when its own bytes are there")
    func read() throws {
        let (package, source, ends) = try Self.open(Plan())
        #expect(package.isForeseen)
        #expect(package.members.map { String(displaying: $0.path) } == ["vm.ovf", "a.bin", "b.bin", "c.bin"])
        #expect(package.members.dropFirst().map(\.byteCount) == Plan.counts.map(UInt64.init))
        #expect(try Self.all("a.bin", of: package) == Plan.contents[0])
        let second = try Self.member("b.bin", of: package).source
        #expect(!second.isAtHand(0..<1) && second.arrivesInOrder && second.keptBytes(1, at: 0) == nil)
        #expect(throws: ReadError.wouldWait) {
            try Patience.decodes.during { () throws(ReadError) in try second.bytes(1, at: 0) }
        }
        let reader = Reader(second)
        let last = Reader(try Self.member("c.bin", of: package).source)
        try Reader.waitForReaders(2, of: source)
        source.bring(to: UInt64(ends[1]))
        // No one waits for who waits for the last one.
        #expect(try reader.result().get() == Plan.contents[1])
        #expect(second.isAtHand(0..<second.byteCount))
        source.bring(to: source.byteCount)
        #expect(try last.result().get() == Plan.contents[2])
    }

    /// Reads all of a source in a thread of its own.
    final class Reader: Sendable {
        private let outcome = Monitor(Result<[UInt8], ReadError>?.none)

        init(_ source: any ByteSource) {
            _ = try? WorkerThread { [outcome = self] in
                do throws(ReadError) {
                    outcome.finish(.success(try source.bytes(Int(source.byteCount), at: 0)))
                } catch {
                    outcome.finish(.failure(error))
                }
            }
        }

        private func finish(_ result: Result<[UInt8], ReadError>) {
            outcome.withLock { $0 = result }
            outcome.wake()
        }

        /// - Throws: where there is none within two minutes.
        func result() throws -> Result<[UInt8], ReadError> {
            try #require(
                outcome.withLock(waitingWhile: { $0 == nil }, until: MonotonicClock.now + 120) { $0 })
        }

        static func waitForReaders(_ count: Int, of source: ArrivingSource) throws {
            let end = MonotonicClock.now + 120
            while source.waiterCount < count {
                try #require(MonotonicClock.now < end)
                MonotonicClock.sleep(until: MonotonicClock.now + 0.01)
            }
        }
    }

    /// An archive whose second member is not what its descriptor says.
    struct Contradiction: CustomTestStringConvertible {
        let testDescription: String
        let write: @Sendable (inout TarBuilder, Int, String, [UInt8]) -> Void
        /// Whether the third member can be found all the same.
        let isPassed: Bool
    }

    static let contradictions: [Contradiction] = [
        Contradiction(
            testDescription: "another name",
            write: { $0.add($1 == 1 ? "other.bin" : $2, $3) }, isPassed: true),
        Contradiction(
            testDescription: "shorter", write: { $0.add($2, $1 == 1 ? Array($3.dropLast()) : $3) },
            isPassed: true),
        Contradiction(
            testDescription: "longer", write: { $0.add($2, $1 == 1 ? $3 + [1] : $3) }, isPassed: true),
        Contradiction(
            testDescription: "a link",
            write: { tar, number, name, bytes in
                if number == 1 { tar.add(name, type: "2", link: "a.bin") }
                tar.add(number == 1 ? "filler" : name, bytes)
            },
            isPassed: true),
        Contradiction(
            testDescription: "no header",
            write: { tar, number, name, bytes in
                tar.add(Array(name.utf8), bytes, checksum: number == 1 ? .wrong : .unsigned)
            }, isPassed: false),
        Contradiction(
            testDescription: "the archive's end",
            write: { tar, number, name, bytes in
                if number == 1 { tar.finish() }
                tar.add(name, bytes)
            }, isPassed: false),
        Contradiction(
            testDescription: "an extended header that makes no sense",
            write: { tar, number, name, bytes in
                if number == 1 { tar.addPax([("size", "x")]) }
                tar.add(name, bytes)
            }, isPassed: false),
        Contradiction(
            testDescription: "a size that passes the end",
            write: { tar, number, name, bytes in
                tar.add(
                    Array(name.utf8), bytes, sizeField: number == 1 ? TarBuilder.base256(1 << 60) : nil)
            }, isPassed: false),
    ]

    @Test("that are not as foreseen give no byte, and an error that names them", arguments: contradictions)
    func contradicted(by case: Contradiction) throws {
        var plan = Plan()
        plan.write = `case`.write
        let (package, source, _) = try Self.open(plan)
        #expect(package.isForeseen)
        source.bring(to: source.byteCount)
        for _ in 0..<2 {
            let error = try #require(throws: ReadError.self) { try Self.all("b.bin", of: package) }
            guard case .corrupt(let record, _, let reason) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(record == "b.bin" && reason.contains("not as its descriptor says"), "\(error)")
        }
        #expect(try Self.all("a.bin", of: package) == Plan.contents[0])
        if `case`.isPassed {
            #expect(try Self.all("c.bin", of: package) == Plan.contents[2])
        } else {
            #expect(throws: ReadError.self) { try Self.all("c.bin", of: package) }
        }
    }

    /// An archive that is laid out in another way than its descriptor lets expect.
    struct Layout: CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout Plan) -> Void
    }

    static let layouts: [Layout] = [
        Layout(testDescription: "as usual") { _ in },
        Layout(testDescription: "extended headers") {
            $0.write = { tar, _, name, bytes in
                tar.addPax([("mtime", "1700000000.5")])
                tar.addLong(Array(name.utf8), type: "L")
                tar.add("cut", bytes)
            }
        },
        Layout(testDescription: "others between them") {
            $0.write = { tar, number, name, bytes in
                if number > 0 { tar.add("unlisted\(number)", [1, 2, 3]) }
                tar.add(name, bytes)
            }
        },
        Layout(testDescription: "another order") { $0.order = [0, 2, 1] },
        Layout(testDescription: "a folder") { $0.folder = "./x/" },
        Layout(testDescription: "padded") { $0.back = [("padding", [UInt8](repeating: 0, count: 8_000))] },
        Layout(testDescription: "one name twice") {
            $0.write = { tar, number, name, bytes in
                tar.add(name, bytes)
                if number > 0 { tar.add(name, bytes.map { ~$0 }) }
            }
        },
    ]

    @Test("are read from where they really are", arguments: layouts)
    func places(layout: Layout) throws {
        var plan = Plan()
        layout.change(&plan)
        let (package, source, _) = try Self.open(plan)
        #expect(package.isForeseen)
        source.bring(to: source.byteCount)
        for (name, bytes) in zip(plan.names, Plan.contents).reversed() {
            #expect(try Self.all(plan.folder + name, of: package) == bytes)
        }
    }

    static let refusals: [Layout] = [
        Layout(testDescription: "no size") { $0.sizes[2] = nil },
        Layout(testDescription: "too long for the archive") { $0.sizes[2] = "1000000" },
        Layout(testDescription: "near 2^64") { $0.sizes[1] = "18446744073709551615" },
        Layout(testDescription: "near 2^63, twice") {
            $0.sizes = ["70000", "9223372036854775807", "9223372036854775807"]
        },
        Layout(testDescription: "a wrong size of what has come") { $0.sizes[0] = "70001" },
        Layout(testDescription: "chunks") { $0.fileAttributes = "ovf:chunkSize=\"1000\"" },
        Layout(testDescription: "compressed") { $0.fileAttributes = "ovf:compression=\"gzip\"" },
        Layout(testDescription: "no capacity") { $0.capacities[2] = nil },
        Layout(testDescription: "an empty disk") { $0.capacities[1] = 0 },
        Layout(testDescription: "no whole sectors") { $0.capacities[1] = 1_000 },
        Layout(testDescription: "a parent") { $0.diskAttributes = "ovf:parentRef=\"disk0\"" },
        Layout(testDescription: "one file twice") { $0.hrefs = ["a.bin", "b.bin", "./b.bin"] },
        Layout(testDescription: "upwards") { $0.hrefs = ["a.bin", "../b.bin", "c.bin"] },
        Layout(testDescription: "absolute") { $0.hrefs = ["a.bin", "/etc/passwd", "c.bin"] },
        Layout(testDescription: "elsewhere") { $0.hrefs = ["a.bin", "http://x/b.bin", "c.bin"] },
        Layout(testDescription: "escaped") { $0.hrefs = ["a.bin", "b%2ebin", "c.bin"] },
        Layout(testDescription: "not ASCII") { $0.hrefs = ["a.bin", "b\u{e4}.bin", "c.bin"] },
        Layout(testDescription: "no name") { $0.hrefs = ["a.bin", "", "c.bin"] },
        Layout(testDescription: "a folder's name") { $0.hrefs = ["a.bin", "b/", "c.bin"] },
        Layout(testDescription: "a manifest") { $0.hrefs = ["a.bin", "vm.mf", "c.bin"] },
        Layout(testDescription: "too long a name") {
            $0.hrefs = ["a.bin", String(repeating: "b", count: 2_000), "c.bin"]
        },
        Layout(testDescription: "none of what has come") { $0.hrefs = ["x.bin", "y.bin", "z.bin"] },
        Layout(testDescription: "5,000") { plan in
            plan.hrefs = plan.names + (0..<5_000).map { "f\($0)" }
        },
        Layout(testDescription: "100,000") { plan in
            plan.hrefs = plan.names + (0..<100_000).map { "f\($0)" }
        },
    ]

    @Test(
        "are not foreseen where the descriptor does not say enough, or lies: the scan waits",
        arguments: refusals)
    func refused(layout: Layout) throws {
        var plan = Plan()
        layout.change(&plan)
        let (bytes, ends) = plan.archive()
        let source = ArrivingSource(MemorySource(bytes), arrivedByteCount: UInt64(ends[0]))
        let found = try ArrivedOnly.during { () throws(ReadError) in
            try OVFPackage(archive: source, foresight: Self.eager)
        }
        guard case .missing = found else {
            Issue.record("it is foreseen")
            return
        }
        source.bring(to: source.byteCount)
        let package = try OVFPackage(archive: source, foresight: Self.eager)
        #expect(!package.isForeseen)
        #expect(try Self.all("c.bin", of: package) == Plan.contents[2])
    }

    @Test("are not foreseen before the first file, nor where the descriptor is not in front")
    func start() throws {
        let (bytes, ends) = Plan().archive()
        // In front of the first file there may be a manifest.
        for (bytes, frontier) in [
            (bytes, ends[0] - 70_144 - 512), (Self.withoutDescriptorInFront, ends[0]),
        ] {
            let source = ArrivingSource(MemorySource(bytes), arrivedByteCount: UInt64(frontier))
            let found = try ArrivedOnly.during { () throws(ReadError) in
                try OVFPackage(archive: source, foresight: Self.eager)
            }
            guard case .missing = found else {
                Issue.record("it is foreseen")
                return
            }
        }
    }

    private static let withoutDescriptorInFront = {
        var plan = Plan()
        plan.isDescriptorFirst = false
        return plan.archive().bytes
    }()

    @Test("a manifest in front is there, and one behind is said not to be")
    func manifest() throws {
        var plan = Plan()
        plan.front = [("vm.mf", Array("SHA256(vm.ovf)= 00\n".utf8))]
        let (front, _, _) = try Self.open(plan)
        #expect(front.manifest != nil)
        #expect(front.warnings.contains { $0.code == .transferIncomplete })
        #expect(!front.warnings.contains { $0.message.contains("not shown") })
        (plan.front, plan.back) = ([], [("vm.mf", Array("SHA256(vm.ovf)= 00\n".utf8))])
        let (back, _, _) = try Self.open(plan)
        #expect(back.manifest == nil && !back.warnings.contains { $0.code == .manifestMissing })
        #expect(
            back.warnings.contains { $0.message.contains("last 2048 bytes is not shown, a manifest, too") })
    }

    @Test("an archive that comes soon enough is scanned to its end")
    func patience() throws {
        let (bytes, ends) = Plan().archive()
        let source = ArrivingSource(MemorySource(bytes), arrivedByteCount: UInt64(ends[0]))
        var foresight = Foresight()
        foresight.patienceInSeconds = 600
        let thread = try WorkerThread { source.bring(to: source.byteCount) }
        let package = try OVFPackage(archive: source, foresight: foresight)
        thread.join()
        #expect(!package.isForeseen && package.members.count == 4)
        #expect(!package.warnings.contains { $0.code == .transferIncomplete })
    }

    @Test("a transfer that fails ends the reads that wait for it, and no later one")
    func failure() throws {
        let (package, source, _) = try Self.open(Plan())
        let gone = ReadError.remote(source: "x", reason: "gone")
        source.fail(gone)
        #expect(throws: gone) { try Self.all("c.bin", of: package) }
        source.fail(nil)
        source.bring(to: source.byteCount)
        #expect(try Self.all("c.bin", of: package) == Plan.contents[2])
        source.becomeStale()
        #expect(throws: ReadError.stale(source: "arriving source")) { try Self.all("c.bin", of: package) }
    }
}
