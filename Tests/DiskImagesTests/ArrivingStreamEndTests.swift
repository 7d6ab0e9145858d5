// Tests of streams whose end is missing, late or never comes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("The end of a stream that comes late")
struct ArrivingStreamEndTests {
    private typealias Arriving = ArrivingStreamTests

    private func error(of body: () throws -> Void) -> String? {
        do { try body() } catch { return "\(error)" }
        return nil
    }

    @Test("a stream without its footer is damaged from when that is known, with the error of opening it then")
    func cutShort() throws {
        var built = Arriving.builder().build()
        built.bytes.removeLast(1_024)
        let (source, opened) = try Arriving.open(built, arrived: built.grainOffset(20))
        #expect(try Arriving.ready(opened.disk, 0..<512) == Array(built.guest[..<512]))
        source.bring(to: source.byteCount)
        let expected = error { _ = try OpenedImage(built.source) }
        for offset in [0, 200_000] as [UInt64] {
            #expect(error { _ = try opened.disk.bytes(512, at: offset) } == expected)
        }
        #expect(expected?.contains("has no footer") == true)
        let (late, lenient) = try Arriving.open(built, arrived: built.grainOffset(20), lenient: true)
        #expect(try Arriving.ready(lenient.disk, 0..<512) == Array(built.guest[..<512]))
        late.bring(to: late.byteCount)
        #expect(lenient.violations(built) == [])
    }

    @Test("a grain that would end behind the file's end is not waited for by its marker")
    func cutInGrain() throws {
        var built = Arriving.builder().build()
        built.bytes.removeLast(built.bytes.count - built.grainOffset(20) - 700)
        let (source, opened) = try Arriving.open(built, arrived: built.bytes.count - 1)
        #expect(try Arriving.ready(opened.disk, built.guestRange(ofGrain: 20)) == nil)
        source.bring(to: source.byteCount)
        #expect(
            error { _ = try opened.disk.bytes(512, at: 0) } == error { _ = try OpenedImage(built.source) })
    }

    @Test("a damaged table is damage of what it maps, and of nothing else")
    func damagedTable() throws {
        var built = Arriving.builder().build()
        let arrived = built.grainOffset(20)
        // Its marker: what came before it is served, and it is read when the directory has come.
        let table = built.places.tables[1] ?? 0
        built.bytes.put(UInt32(9), at: table - 512 + 12)
        let (source, opened) = try Arriving.open(built, arrived: arrived)
        #expect(try Arriving.ready(opened.disk, built.guestRange(ofGrain: 16)) != nil)
        source.bring(to: source.byteCount)
        #expect(opened.violations(built, damaged: [built.guestRange(ofTable: 1)]) == [])
    }

    @Test("a source that becomes another one is stale for what was served, too")
    func stale() throws {
        let built = Arriving.builder().build()
        let (source, opened) = try Arriving.open(built, arrived: built.places.tables[0] ?? 0)
        #expect(try opened.disk.bytes(512, at: 0) == Array(built.guest[..<512]))
        source.becomeStale()
        let stale = ReadError.stale(source: "arriving source")
        for range in [0..<512, built.guestRange(ofGrain: 30)] {
            #expect(throws: stale) { try opened.disk.bytes(range.count, at: range.lowerBound) }
        }
        #expect(throws: stale) { try opened.disk.firstOffset(of: .hole, in: 0..<opened.disk.byteCount) }
    }

    @Test("a transfer that fails fails reads that need more, and those that come later find what has come")
    func failing() throws {
        let built = Arriving.builder().build()
        let (source, opened) = try Arriving.open(built, arrived: built.grainOffset(5))
        let failure = ReadError.remote(source: "server", reason: "silent")
        source.fail(failure)
        let late = built.guestRange(ofGrain: 30)
        #expect(throws: failure) { try opened.disk.bytes(late.count, at: late.lowerBound) }
        #expect(try opened.disk.bytes(512, at: 0) == Array(built.guest[..<512]))
        source.fail(nil)
        source.bring(to: source.byteCount)
        #expect(opened.violations(built) == [])
    }

    @Test("whoever reads ahead waits for nothing")
    func readingAhead() throws {
        var builder = StreamOptimizedBuilder(Array(repeating: .text, count: 64))
        builder.grainSizeInSectors = 128
        builder.descriptorSizeInSectors = 40
        let built = builder.build()
        let source = ArrivingSource(built.source, arrivedByteCount: UInt64(built.grainOffset(20)))
        let cache = ClusterCache(byteLimit: 16 << 20)
        let prefetcher = try Prefetcher(threadCount: 2)
        defer { prefetcher.stop() }
        let layers = try ChainOpener.open(source, named: "disk.vmdk", in: cache, options: .init())
        let disk = GuestDisk(layers, cache: cache, prefetcher: prefetcher)
        for index in 0..<20 {
            let range = built.guestRange(ofGrain: index)
            let bytes = try disk.bytes(range.count, at: range.lowerBound)
            #expect(bytes == Array(built.guest[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
        prefetcher.stop()
        #expect(source.waitCount == 0)
        source.bring(to: source.byteCount)
        #expect(try disk.bytes(built.guest.count, at: 0) == built.guest)
    }

    @Test("what the guest's data looks like is told by its start while its end comes")
    func content() throws {
        let built = Arriving.builder {
            $0.grains[0] = .bytes(Array("QFI\u{fb}".unicodeScalars.map { UInt8($0.value) }))
        }
        .build()
        let (source, opened) = try Arriving.open(built, arrived: built.grainOffset(5))
        #expect(try DiskImageOpener.recognise(contentOf: opened.disk)?.name == "qcow2")
        let (other, plain) = try Arriving.open(Arriving.builder().build(), arrived: built.grainOffset(5))
        #expect(try DiskImageOpener.recognise(contentOf: plain.disk) == nil)
        #expect(source.waitCount + other.waitCount == 0)
    }

    @Test("an image that has come, and one whose directory is in front, are opened as always")
    func notArriving() throws {
        let built = Arriving.builder().build()
        let whole = ArrivingSource(built.source, arrivedByteCount: UInt64(built.bytes.count))
        #expect(try OpenedImage(whole).image is VMDKSparseExtent)
        let front = Arriving.builder { $0.directoryPlace = .front }.build()
        let source = ArrivingSource(front.source, arrivedByteCount: UInt64(front.grainOffset(5)))
        let opened = try OpenedImage(source)
        #expect(opened.image is VMDKSparseExtent)
        #expect(try Arriving.ready(opened.disk, 0..<512) == Array(front.guest[..<512]))
        source.bring(to: source.byteCount)
        #expect(opened.violations(front) == [])
    }

    @Test("many markers that announce nothing: each is looked at once, and few by a thread that may not wait")
    func emptyMarkers() throws {
        let count = 20_000
        var built = Arriving.builder().build()
        var marker = [UInt8](repeating: 0, count: 512)
        marker.put(UInt32(4), at: 12)
        let start = built.grainOffset(0)
        built.bytes = Array(built.bytes[..<start]) + [UInt8](repeating: 0, count: (count + 1) * 512)
        for index in 0..<count { built.bytes.put(marker, at: start + index * 512) }
        let (source, opened) = try Arriving.open(built, arrived: built.bytes.count - 1)
        #expect(try Arriving.ready(opened.disk, 0..<512) == nil)
        #expect(source.readCount < 1_000)
        let failure = ReadError.remote(source: "server", reason: "silent")
        source.fail(failure)
        for _ in 0..<3 {
            #expect(throws: failure) { try opened.disk.bytes(512, at: 0) }
        }
        #expect(source.readCount < count + 100)
    }

    @Test(
        "what is kept takes at most half of the memory for opening, and goes back when the directory is there"
    )
    func memory() throws {
        let built = Arriving.builder { builder in
            builder.grains = Array(repeating: .text, count: 10_000)
            builder.grainSizeInSectors = 1
            builder.entriesPerTable = 512
        }.build()
        for (limit, servedCount) in [(200 << 10, 8_192), (1 << 20, 10_000)] as [(UInt64, Int)] {
            let budget = OpeningBudget(byteLimit: limit)
            let source = ArrivingSource(built.source, arrivedByteCount: UInt64(built.places.directory))
            let opened = try OpenedImage(source, options: DiskImageOpener.Options(budget: budget))
            let before = budget.usedByteCount
            for index in 0..<10_000 {
                let range = built.guestRange(ofGrain: index)
                var bytes: [UInt8]?
                // A thread that may not wait looks at some markers and is sent away.
                for _ in 0..<50 where bytes == nil { bytes = try Arriving.ready(opened.disk, range) }
                #expect((bytes != nil) == (index < servedCount), "\(index)")
                if let bytes { #expect(bytes[...] == built.guest[index * 512..<(index + 1) * 512]) }
            }
            #expect(budget.usedByteCount > before && budget.usedByteCount <= max(limit / 2, before))
            source.bring(to: source.byteCount)
            let last = built.guestRange(ofGrain: 9_999)
            #expect(try opened.disk.bytes(512, at: last.lowerBound)[...] == built.guest.suffix(512))
            #expect(budget.usedByteCount <= before)
        }
    }

    @Test(
        "bytes that were served are those of the image with its end, or the image is damaged then",
        arguments: 0..<4)
    func mutated(part: Int) throws {
        let built = Arriving.builder().build()
        var random = SeededRandom(seed: UInt64(part) + 1_000)
        var damagedCount = 0
        for round in 0..<60 {
            var changed = built
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: built.grainOffset(0)..<built.bytes.count, using: &random)
                // Tables and directories are small: they are hit as often as all else.
                let inTable = (built.places.tables.values.randomElement(using: &random) ?? 0) + place % 64
                changed.bytes[Bool.random(using: &random) ? inTable : place] ^= 1 << UInt8(place % 8)
            }
            let arrived = Int.random(in: built.grainOffset(0)..<built.bytes.count, using: &random)
            let (source, opened) = try Arriving.open(changed, arrived: arrived)
            var early: [Int: [UInt8]] = [:]
            for index in 0..<40 {
                let bytes = try? Arriving.ready(opened.disk, built.guestRange(ofGrain: index))
                if let bytes { early[index] = bytes }
            }
            source.bring(to: source.byteCount)
            let reference = try? OpenedImage(changed.source)
            for index in 0..<40 {
                let range = built.guestRange(ofGrain: index)
                let late = try? opened.disk.bytes(range.count, at: range.lowerBound)
                if late == nil { damagedCount += 1 }
                guard let late else { continue }
                let right = try? reference?.disk.bytes(range.count, at: range.lowerBound)
                #expect(late == right, "grain \(index), part \(part), round \(round)")
                if let bytes = early[index] {
                    #expect(bytes == late, "grain \(index), part \(part), round \(round)")
                }
            }
        }
        #expect(damagedCount > 0)
    }

    @Test("places of many grains are found by number and by sector")
    func places() {
        var places = MarkedPlaces()
        #expect(places.last == nil && places.position(of: 0) == nil && places.first(after: 0) == nil)
        for index in 0..<10_000 as Range<UInt32> {
            places.append(MarkedPlaces.Place(number: index * 3, sector: index * 7 + 1))
        }
        #expect(places.count == 10_000 && places.last?.number == 29_997)
        for index in [0, 1, 4_095, 4_096, 8_191, 8_192, 9_999] as [UInt32] {
            #expect(places.position(of: index * 3) == Int(index))
            #expect(places.position(of: index * 3 + 1) == nil)
            #expect(places.position(ofSector: index * 7 + 1) == Int(index))
            #expect(places.position(ofSector: index * 7 + 2) == nil)
            #expect(places.first(after: index * 3)?.number == (index < 9_999 ? index * 3 + 3 : nil))
        }
    }
}
