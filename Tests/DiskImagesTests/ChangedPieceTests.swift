// Tests of a disk in pieces of which one is changed: whatever its map says of the guest comes from the piece that says it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import Synchronization
import TestSupport
import Testing

/// A piece of a file, which a test may call changed.
private final class Piece: ByteSource {
    private let bytes: MemorySource
    let wasChanged = Atomic<Bool>(false)

    var byteCount: UInt64 { bytes.byteCount }

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = MemorySource(Array(bytes))
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try bytes.read(count, at: offset, into: &output)
        try validate()
    }

    func validate() throws(ReadError) {
        guard !wasChanged.load(ordering: .relaxed) else { throw .stale(source: "piece") }
    }
}

@Suite("A disk in pieces of which one is changed")
struct ChangedPieceTests {
    @Test("a stream's map is in its last piece: zeros and holes are not answered once that was changed")
    func tables() throws {
        let built = StreamOptimizedBuilder([.text, .absent, .text, .absent]).build()
        let table = try #require(built.places.tables[0])
        let pieces = [Piece(built.bytes[..<table]), Piece(built.bytes[table...])]
        let opened = try OpenedImage(try ConcatenatedSource(pieces, named: "disk"))
        let disk = opened.disk
        let hole = built.guestRange(ofGrain: 1)
        let data = built.guestRange(ofGrain: 0)
        #expect(try disk.firstOffset(of: .hole, in: 0..<disk.byteCount) == hole.lowerBound)
        #expect(try disk.bytes(512, at: hole.lowerBound).allSatisfy { $0 == 0 })
        let before = try disk.bytes(512, at: 0)
        pieces[1].wasChanged.store(true, ordering: .relaxed)
        let stale = ReadError.stale(source: "piece")
        #expect(throws: stale) { try disk.firstOffset(of: .hole, in: 0..<disk.byteCount) }
        #expect(throws: stale) { try disk.firstOffset(of: .data, in: hole) }
        #expect(throws: stale) { try disk.searchStep(for: .data, in: hole) }
        #expect(throws: stale) { try disk.bytes(512, at: hole.lowerBound) }
        // Half of it a grain of the first piece.
        #expect(throws: stale) { try disk.bytes(1_024, at: hole.lowerBound - 512) }
        #expect(try disk.bytes(512, at: data.lowerBound) == before)
        pieces[0].wasChanged.store(true, ordering: .relaxed)
        #expect(throws: stale) { try disk.bytes(512, at: 0) }
    }
}
