// Tests of streams that are read before their directory has come.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("A stream whose end has not come")
struct ArrivingStreamTests {
    /// The usual image, with so long a descriptor that opening reads no grain.
    static func builder(
        _ change: (inout StreamOptimizedBuilder) -> Void = { _ in }
    ) -> StreamOptimizedBuilder {
        .usual { builder in
            builder.descriptorSizeInSectors = 40
            change(&builder)
        }
    }

    /// Guest bytes as a thread gets them that may not wait; nil where it would have to.
    static func ready(_ disk: GuestDisk, _ range: Range<UInt64>) throws -> [UInt8]? {
        do throws(ReadError) {
            return try Patience.decodes.during { () throws(ReadError) in
                try disk.bytes(range.count, at: range.lowerBound)
            }
        } catch {
            guard error.isWouldWait else { throw error }
            return nil
        }
    }

    static func open(
        _ built: BuiltImage, arrived: Int, lenient: Bool = false
    ) throws -> (source: ArrivingSource, opened: OpenedImage) {
        let source = ArrivingSource(built.source, arrivedByteCount: UInt64(arrived))
        let opened = try OpenedImage(source, options: DiskImageOpener.Options(lenient: lenient))
        #expect(opened.image is ArrivingStream)
        return (source, opened)
    }

    /// Where the bytes are that say what grain `index` holds, as far as they come before the directory; nil where the
    /// directory alone says it.
    private func end(ofGrain index: Int, in built: BuiltImage) -> Int? {
        if let start = built.places.grains[index] {
            return start + (built.places.storedByteCounts[index] ?? 0)
        }
        return built.places.tables[index / built.entriesPerTable].map { $0 + built.entriesPerTable * 4 }
    }

    private func grains(_ built: BuiltImage) -> Range<Int> {
        0..<(built.guest.count + built.grainByteCount - 1) / built.grainByteCount
    }

    private func guest(_ built: BuiltImage, _ range: Range<UInt64>) -> [UInt8] {
        Array(built.guest[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    @Test(
        "whatever has come: grains whose bytes are there and zeros whose table is there are read, the rest waits"
    )
    func everyPrefix() throws {
        let built = Self.builder().build()
        for arrived in stride(from: built.grainOffset(0), to: built.bytes.count, by: 509) {
            let (source, opened) = try Self.open(built, arrived: arrived)
            for index in grains(built) {
                let range = built.guestRange(ofGrain: index)
                let bytes = try Self.ready(opened.disk, range)
                if let bytes { #expect(bytes == guest(built, range), "grain \(index) at \(arrived)") }
                let isThere = end(ofGrain: index, in: built).map { $0 <= arrived } ?? false
                #expect((bytes != nil) == isThere, "grain \(index) at \(arrived)")
            }
            #expect(source.waitCount == 0)
            guard arrived % 19 == 0 else { continue }
            source.bring(to: source.byteCount)
            #expect(opened.violations(built) == [], "after \(arrived)")
        }
    }

    @Test("what no table came for is waited for, though later grains are there")
    func holesWithoutTable() throws {
        // Tables 1 and 2 of four are all zeros, and not in the stream.
        var contents = GrainContent.mixed(64)
        for index in 16..<48 { contents[index] = .absent }
        let built = Self.builder { $0.grains = contents }.build()
        let (source, opened) = try Self.open(built, arrived: built.bytes.count - 1)
        #expect(try Self.ready(opened.disk, built.guestRange(ofGrain: 50)) != nil)
        #expect(try Self.ready(opened.disk, built.guestRange(ofGrain: 20)) == nil)
        source.bring(to: source.byteCount)
        #expect(opened.violations(built) == [])
    }

    @Test("regions before the end: no hole but those that are known, and nothing is waited for")
    func regions() throws {
        let built = Self.builder().build()
        let size = UInt64(built.guest.count)
        for arrived in stride(from: built.grainOffset(0), to: built.bytes.count, by: 2_039) {
            let (source, opened) = try Self.open(built, arrived: arrived)
            var position: UInt64 = 0
            var holeByteCount: UInt64 = 0
            while position < size {
                let data = try opened.disk.firstOffset(of: .data, in: position..<size) ?? size
                #expect(guest(built, position..<data).allSatisfy { $0 == 0 })
                holeByteCount += data - position
                guard data < size else { break }
                position = try opened.disk.firstOffset(of: .hole, in: data..<size) ?? size
                #expect(position > data)
            }
            let known = grains(built).filter { index in
                built.places.grains[index] == nil
                    && end(ofGrain: index, in: built).map { $0 <= arrived } == true
            }
            #expect(holeByteCount == known.reduce(0) { $0 + UInt64(built.guestRange(ofGrain: $1).count) })
            #expect(source.waitCount == 0)
            let (allocated, isEstimate) = (opened.disk.allocatedByteCount, opened.disk.allocationIsEstimate)
            #expect(isEstimate && allocated > 0 && allocated < size)
            source.bring(to: source.byteCount)
            _ = try opened.disk.bytes(1, at: 0)
            #expect(!opened.disk.allocationIsEstimate)
        }
    }

    @Test("a reader waits until its grain has come, and no longer")
    func waiting() throws {
        let built = Self.builder().build()
        let (source, opened) = try Self.open(built, arrived: built.grainOffset(0))
        defer { source.bring(to: source.byteCount) }
        for index in grains(built) {
            guard let end = end(ofGrain: index, in: built) else { continue }
            let range = built.guestRange(ofGrain: index)
            let expected = guest(built, range)
            let result = SleepingMutex<[UInt8]?>(nil)
            let reader = try WorkerThread {
                let bytes = try? opened.disk.bytes(range.count, at: range.lowerBound)
                result.withLock { $0 = bytes }
            }
            let limit = MonotonicClock.now + 60
            // Where it has to wait, it does so before anything else comes.
            while end > Int(source.frontier), source.waiterCount == 0, MonotonicClock.now < limit {
                MonotonicClock.sleep(until: MonotonicClock.now + 0.001)
            }
            source.bring(to: UInt64(end))
            let hasEnded = reader.join(until: limit)
            try #require(hasEnded, "grain \(index) is waited for, and its bytes are there")
            #expect(result.withLock { $0 } == expected)
        }
    }

    @Test("many readers while it comes, each of them right")
    func concurrent() throws {
        let built = Self.builder { $0.grains = GrainContent.mixed(200) }.build()
        let (source, opened) = try Self.open(built, arrived: built.grainOffset(0))
        let wrong = SleepingMutex<[String]>([])
        let feeder = try WorkerThread {
            while source.frontier < source.byteCount { source.bring(to: source.frontier + 1_777) }
        }
        WorkerThread.concurrently(6) { worker in
            var random = SeededRandom(seed: UInt64(worker))
            for _ in 0..<200 {
                let start = Int.random(in: 0..<built.guest.count - 1, using: &random)
                let count = Int.random(in: 1...min(40_000, built.guest.count - start), using: &random)
                let bytes = try? opened.disk.bytes(count, at: UInt64(start))
                guard bytes != Array(built.guest[start..<(start + count)]) else { continue }
                wrong.withLock { $0.append("\(start)+\(count)") }
            }
        }
        feeder.join()
        #expect(wrong.withLock { $0 } == [])
        #expect(opened.violations(built) == [])
    }

    @Test("grains that are not in the order of the disk are left to the directory", arguments: [false, true])
    func order(isDuplicate: Bool) throws {
        var built = Self.builder { builder in
            if !isDuplicate { builder.order = [0, 1, 5, 3] + Array(6..<40) }
        }.build()
        // What came last in order, and the one that is not.
        let (first, second) = isDuplicate ? (0, 1) : (5, 3)
        if isDuplicate { built.bytes.put(UInt64(0), at: built.grainOffset(1)) }
        let (source, opened) = try Self.open(built, arrived: built.grainOffset(second))
        let served = built.guestRange(ofGrain: first)
        #expect(try Self.ready(opened.disk, served) == guest(built, served))
        source.bring(to: UInt64(built.places.directory))
        #expect(try Self.ready(opened.disk, built.guestRange(ofGrain: 16)) == nil)
        #expect(try Self.ready(opened.disk, served) == nil, "the stream is not believed any more")
        source.bring(to: source.byteCount)
        let damaged = isDuplicate ? [built.guestRange(ofGrain: 1)] : []
        #expect(opened.violations(built, damaged: damaged) == [])
        #expect(try OpenedImage(built.source).violations(built, damaged: damaged) == [])
    }

    @Test("a directory that contradicts what was served makes all of the disk damaged", arguments: 0..<4)
    func lyingDirectory(kind: Int) throws {
        var built = Self.builder().build()
        switch kind {
        case 0: built.setEntry(ofGrain: 3, to: 0)
        case 1: built.setEntry(ofGrain: 3, to: 1)
        case 2: built.setEntry(ofGrain: 3, to: UInt32(built.grainOffset(5) / 512))
        default: built.setDirectoryEntry(0, to: 0)
        }
        // No table has come then.
        let (source, opened) = try Self.open(built, arrived: built.grainOffset(6) + 16)
        let range = built.guestRange(ofGrain: 3)
        #expect(try Self.ready(opened.disk, range) == guest(built, range))
        source.bring(to: source.byteCount)
        for index in [0, 3, 20] {
            let error = #expect(throws: ReadError.self) {
                try opened.disk.bytes(512, at: built.guestRange(ofGrain: index).lowerBound)
            }
            guard case .corrupt(let record, let offset, let reason)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(record == "stream of disk.vmdk")
            #expect(kind == 3 || offset == UInt64(built.grainOffset(3)))
            #expect(reason.contains("was served before the directory came"))
        }
        #expect(try opened.disk.firstOffset(of: .hole, in: 0..<opened.disk.byteCount) == nil)
    }

    @Test("another table than the one that zeros were served by is a contradiction")
    func otherTable() throws {
        var built = Self.builder().build()
        let (source, opened) = try Self.open(built, arrived: built.places.directory - 512)
        let hole = built.guestRange(ofGrain: 2)
        #expect(try Self.ready(opened.disk, hole) == guest(built, hole))
        // The same bytes, with another directory.
        built.setDirectoryEntry(0, to: built.bytes.littleEndian(UInt32.self, at: built.places.directory + 4))
        let other = ArrivingSource(built.source, arrivedByteCount: UInt64(built.places.directory - 512))
        let lied = try OpenedImage(other)
        #expect(try Self.ready(lied.disk, hole) == guest(built, hole))
        other.bring(to: other.byteCount)
        #expect(throws: ReadError.self) { try lied.disk.bytes(512, at: 0) }
        source.bring(to: source.byteCount)
        #expect(try opened.disk.bytes(hole.count, at: hole.lowerBound) == guest(built, hole))
    }
}
