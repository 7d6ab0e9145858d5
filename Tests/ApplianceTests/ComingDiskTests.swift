// Tests of disks that are shown before their images have come.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import FileTree
import OVFPackage
import TestSupport
import Testing

@testable import Appliance

@Suite("Disks that are shown before they have come")
struct ComingDiskTests {
    private typealias Reader = ForeseenMemberTests.Reader

    /// An OVA of two disks that is still coming, and what opening it gave.
    private struct Held {
        static let first = StreamOptimizedBuilder(GrainContent.mixed(30)).build()
        static let second = StreamOptimizedBuilder(Array(repeating: .noise, count: 25)).build()

        let source: ArrivingSource
        let appliance: Appliance

        /// What is in front of the second disk's header has come.
        init(
            second bytes: [UInt8] = second.bytes, named name: String = "second.vmdk",
            capacity: Int = second.guest.count, format: String? = nil, moreDisks: Int = 0
        ) throws {
            let attributes = format.map { "ovf:format=\"\($0)\"" } ?? ""
            var text = TestDescriptor()
            text.addDisk(
                "one", file: "first.vmdk", capacity: Self.first.guest.count,
                fileAttributes: "ovf:size=\"\(Self.first.bytes.count)\"")
            text.addDisk(
                "two", file: name, capacity: capacity, fileAttributes: "ovf:size=\"\(bytes.count)\"",
                attributes: attributes)
            for number in 0..<moreDisks {
                text.disks +=
                    "<Disk ovf:diskId=\"d\(number)\" ovf:fileRef=\"file-two\" ovf:capacity=\"\(capacity)\"/>"
            }
            var tar = TarBuilder()
            tar.add("vm.ovf", Array(text.text.utf8))
            tar.add("first.vmdk", Self.first.bytes)
            let frontier = UInt64(tar.bytes.count)
            tar.add(name, bytes)
            tar.finish()
            source = ArrivingSource(MemorySource(tar.bytes), arrivedByteCount: frontier)
            appliance = try Held.open(source)
        }

        static func open(_ source: ArrivingSource) throws -> Appliance {
            var options = ApplianceOptions()
            options.foresight = Foresight()
            options.foresight?.patienceInSeconds = 0
            return try Appliance.open(
                .remote(source, name: Array("vm.ova".utf8), modificationTime: 1_700_000_000),
                options: options)
        }

        func disk() throws -> any ByteSource {
            guard case .coming(let disk) = appliance.disks[1].content else {
                throw ReadError.unsupported(feature: "the second disk is not coming")
            }
            return disk
        }

        func bringAll() { source.bring(to: source.byteCount) }
    }

    @Test("have their place, their size and their attributes, and the first one all that it has")
    func tree() throws {
        let held = try Held(
            format: "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized")
        #expect(held.appliance.rawPaths == ["first.raw", "second.raw"])
        guard case .decoded(let first) = held.appliance.disks[0].content else {
            Issue.record("the first disk is not decoded")
            return
        }
        #expect(try first.bytes(Int(first.byteCount), at: 0) == Held.first.guest)
        // Nothing of it waits.
        let tree = try PartitionFileTests.tree(held.appliance)
        let node = try #require(PartitionFileTests.node("second.raw", in: tree))
        guard case .file(let source) = node.content else {
            Issue.record("no file")
            return
        }
        #expect(source.byteCount == UInt64(Held.second.guest.count) && !source.isNear)
        try source.validate()
        let values = Dictionary(
            uniqueKeysWithValues: node.extendedAttributes.map { ($0.name, $0.value() ?? "") })
        #expect(values["user.ova.format"] == "vmdk-streamOptimized")
        #expect(values["user.ova.virtual-size"] == String(Held.second.guest.count))
        #expect(values["user.ova.manifest"] == "unchecked")
        #expect(
            values["user.ova.state"] == "coming: 0 of \(Held.second.bytes.count) stored bytes are here")
        let count = try #require(node.attributes.countAllocated)
        let allocated = try count()
        #expect(allocated > 0 && allocated < source.byteCount)
        // Neither is shown under its stored name.
        #expect(PartitionFileTests.node("second.vmdk", in: tree) == nil)
        #expect(PartitionFileTests.node(".ova/stored/second.vmdk", in: tree) != nil)
        #expect(PartitionFileTests.node(".ova/root-disk", in: tree) != nil)
        #expect(held.appliance.codes.contains("transfer-incomplete"))
        let problems = held.appliance.problems.map(\.message)
        #expect(problems.contains { $0.contains("disk two") && $0.contains("had not come") }, "\(problems)")
        #expect(problems.contains { $0.contains("not all of the archive had come") })
        #expect(ApplianceSummary(of: held.appliance).disks[1].virtualSize == UInt64(Held.second.guest.count))
    }

    @Test("are opened once for all who wait, and by no thread that may not wait")
    func read() throws {
        let held = try Held()
        let disk = try held.disk()
        for patience in [Patience.decodes, .usesCacheOnly] {
            #expect(throws: ReadError.wouldWait) {
                try patience.during { () throws(ReadError) in try disk.bytes(1, at: 0) }
            }
        }
        let readers = (0..<6).map { _ in Reader(disk) }
        try Reader.waitForReaders(6, of: held.source)
        // What is there is read meanwhile.
        let first = try #require(held.appliance.disks[0].source)
        #expect(try first.bytes(Int(first.byteCount), at: 0) == Held.first.guest)
        // Byte by byte where headers are, then all of it.
        let start = held.source.frontier
        for step in [1, 511, 512, 513, 1_024, 1_600, 70_000] as [UInt64] {
            held.source.bring(to: start + step)
        }
        held.bringAll()
        for reader in readers { #expect(try reader.result().get() == Held.second.guest) }
        #expect(held.appliance.disks[1].state == "ok")
        #expect(held.appliance.disks[1].formatName == "vmdk-streamOptimized")
        #expect(try disk.firstOffset(of: .data, in: 0..<disk.byteCount) == 0)
    }

    @Test("are read when enough has come, however many have waited, or gone away, before")
    func manyReaders() throws {
        let held = try Held()
        let disk = try held.disk()
        let start = try SubrangeSource(of: disk, from: 0, byteCount: 512, named: "start")
        let readers = (0..<40).map { _ in Reader(start) }
        try Reader.waitForReaders(40, of: held.source)
        for _ in 0..<40 {
            let gone = PatientRead(decodingIn: DecoderPlaces(1))
            gone.cancel()
            var error: ReadError?
            gone.perform {
                do throws(ReadError) { _ = try start.bytes(1, at: 0) } catch let failure { error = failure }
            }
            #expect(error == .interrupted)
        }
        // Its header, and grains; not its end.
        held.source.bring(to: held.source.frontier + UInt64(512 + Held.second.bytes.count / 2))
        for reader in readers { #expect(try reader.result().get() == Array(Held.second.guest[..<512])) }
        #expect(disk.isProvisional)
        held.bringAll()
        #expect(try disk.bytes(Held.second.guest.count, at: 0) == Held.second.guest)
        #expect(!disk.isProvisional)
    }

    @Test(
        "of another size than the descriptor's give no byte, and an error that says both", arguments: [-1, 1])
    func size(change: Int) throws {
        let capacity = Held.second.guest.count + 512 * change
        let held = try Held(capacity: capacity)
        held.bringAll()
        let disk = try held.disk()
        #expect(disk.byteCount == UInt64(capacity))
        for _ in 0..<2 {
            let error = try #require(throws: ReadError.self) { try disk.bytes(512, at: 0) }
            #expect(error.isCorruption)
            #expect("\(error)".contains("\(capacity)") && "\(error)".contains("\(Held.second.guest.count)"))
        }
    }

    private static let garbage: [[UInt8]] = [
        Array("KDMV".utf8) + filler(0xff, 100_000), filler(7, 100_352), Array("<html>".utf8),
        [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] + filler(1, 5_000),
    ]

    private static func filler(_ byte: UInt8, _ count: Int) -> [UInt8] {
        [UInt8](repeating: byte, count: count)
    }

    @Test("that turn out to be something else give an error", arguments: 0..<4)
    func garbage(number: Int) throws {
        let held = try Held(second: Self.garbage[number])
        held.bringAll()
        let disk = try held.disk()
        for _ in 0..<2 { #expect(throws: ReadError.self) { try disk.bytes(512, at: 0) } }
    }

    @Test("may be of any format that is read, and compressed", arguments: ["raw", "vmdk.gz", "sparse"])
    func formats(kind: String) throws {
        let guest = Held.second.guest
        let held: Held
        switch kind {
        case "raw": held = try Held(second: guest, named: "second.raw", capacity: guest.count)
        case "sparse":
            let image = MonolithicSparseBuilder(Array(repeating: .noise, count: 25)).build()
            held = try Held(second: image.bytes, capacity: image.guest.count)
            held.bringAll()
            #expect(try held.disk().bytes(image.guest.count, at: 0) == image.guest)
            return
        default:
            held = try Held(second: GzipCompressor.compress(Held.second.bytes), named: "second.vmdk.gz")
        }
        let reader = Reader(try held.disk())
        try Reader.waitForReaders(1, of: held.source)
        held.source.bring(to: held.source.frontier + 20_000)
        held.bringAll()
        #expect(try reader.result().get() == guest)
    }

    @Test("many of one file are one, which is tried once")
    func many() throws {
        let held = try Held(moreDisks: 1_000)
        let disks = held.appliance.disks.compactMap { disk in
            if case .coming(let coming) = disk.content { ObjectIdentifier(coming) } else { nil }
        }
        #expect(disks.count == 1_001 && Set(disks).count == 1)
        #expect(Set(held.appliance.rawPaths).count == 1_002)
        held.bringAll()
        #expect(try held.disk().bytes(Held.second.guest.count, at: 0) == Held.second.guest)
    }

    @Test("a transfer that fails ends the reads that wait for it, and no later one")
    func failure() throws {
        let held = try Held()
        let disk = try held.disk()
        let gone = ReadError.remote(source: "x", reason: "gone")
        held.source.fail(gone)
        #expect(throws: gone) { try disk.bytes(1, at: 0) }
        held.source.fail(nil)
        held.bringAll()
        #expect(try disk.bytes(Held.second.guest.count, at: 0) == Held.second.guest)
        held.source.becomeStale()
        #expect(throws: ReadError.stale(source: "arriving source")) { try disk.bytes(1, at: 0) }
    }

    @Test("without foresight, and leniently, everything is waited for")
    func waiting() throws {
        let archive = TestPackage.simple().archive
        for isLenient in [false, true] {
            let source = ArrivingSource(
                MemorySource(archive), arrivedByteCount: UInt64(archive.count - 2_000))
            var options = ApplianceOptions()
            options.isLenient = isLenient
            if isLenient {
                options.foresight = Foresight()
                options.foresight?.patienceInSeconds = 0
            }
            let opened = Monitor(false)
            let thread = try WorkerThread { [options] in
                _ = try? Appliance.open(
                    .remote(source, name: Array("vm.ova".utf8), modificationTime: 1), options: options)
                opened.withLock { $0 = true }
            }
            try Reader.waitForReaders(1, of: source)
            #expect(opened.withLock { !$0 })
            source.bring(to: source.byteCount)
            thread.join()
            #expect(opened.withLock { $0 })
        }
    }

    @Test("the table of partitions is not waited for")
    func partitions() throws {
        let image = StreamOptimizedBuilder(
            GrainContent.grains(of: PartitionFileTests.gptDisk, byteCount: 8_192)
        ).build()
        var text = TestDescriptor()
        text.addDisk(
            "one", file: "d.raw", capacity: image.guest.count,
            fileAttributes: "ovf:size=\"\(image.guest.count)\"")
        var tar = TarBuilder()
        tar.add("vm.ovf", Array(text.text.utf8))
        let start = tar.bytes.count
        tar.add("d.raw", image.guest)
        tar.finish()
        let source = ArrivingSource(MemorySource(tar.bytes), arrivedByteCount: UInt64(start + 512))
        let appliance = try Held.open(source)
        #expect(appliance.disks[0].partitions == nil && appliance.codes.contains("transfer-incomplete"))
        source.bring(to: source.byteCount)
        let disk = try #require(appliance.disks[0].source)
        #expect(try disk.bytes(image.guest.count, at: 0) == image.guest)
        #expect(appliance.disks[0].state == "ok")
    }
}
