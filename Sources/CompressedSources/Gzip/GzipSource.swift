// The decoded bytes of a gzip file, read by offset.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Synchronization

/// A gzip file, decoded when read. Several members one after the other are one content, as gzip(1) has it; zeros
/// after a member are left out, and other bytes there are damage.
///
/// Opening decodes the file once: its length is stored modulo 2^32 only and can be forged, so nothing less says
/// how long the content is. On the way the checksums are checked and restart points are noted, so that later
/// reads start near what they want. Readers that go forwards go on where they were.
package final class GzipSource: ByteSource {
    package let byteCount: UInt64
    /// How many restart points there are.
    package var restartPointCount: Int { index.points.count }

    private let base: any ByteSource
    private let name: String
    private let index: GzipIndex
    /// Keeps what the cursors take.
    private let cursorMemory: BudgetShare
    /// Cursors that no one uses, the last used at the end.
    private let idleCursors = Mutex<[GzipCursor]>([])

    /// Most cursors that are kept while no one reads.
    private static let maximumIdleCursorCount = 4
    /// Bytes that are decoded at once where they are not wanted.
    private static let scratchByteCount = 64 << 10

    /// Whether a file starts as a gzip file does.
    package static func isGzip(firstBytes bytes: [UInt8]) -> Bool {
        bytes.starts(with: [0x1f, 0x8b, 8])
    }

    /// Most that is decoded at all, in bytes: what takes a minute or two, so that no file can keep a mount from
    /// coming about for longer.
    private static let largestByteCount: UInt64 = 64 << 30

    /// The longest content that a compressed disk image of `capacity` bytes can have: a little more than the
    /// capacity, for the image's tables. The capacity is the file's own word, so there is a bound to it too.
    package static func maximumByteCount(forCapacity capacity: UInt64?) -> UInt64 {
        guard let capacity, capacity < largestByteCount else { return largestByteCount }
        return min(largestByteCount, capacity + capacity / 8 + (64 << 20))
    }

    /// Decodes `base` once, and notes restart points.
    /// - Throws: `ReadError.corrupt` where it is no gzip file, ends early, or a checksum is wrong;
    ///   `ReadError.refused` where bytes follow that are neither a member nor zeros, unless `lenient` leaves them out;
    ///   `ReadError.unsupported` where it decodes to more than `maximumByteCount` bytes.
    package init(
        decoding base: any ByteSource, maximumByteCount: UInt64, named name: String, lenient: Bool = false,
        budget: OpeningBudget
    ) throws(ReadError) {
        self.base = base
        self.name = name
        cursorMemory = BudgetShare(of: budget)
        try cursorMemory.take(
            UInt64(Self.maximumIdleCursorCount) * GzipCursor.byteCount, for: "the decoders of \(name)")
        var scan = try GzipScan(
            base, maximumByteCount: maximumByteCount, named: name, lenient: lenient, budget: budget)
        try scan.run()
        index = scan.index
        byteCount = scan.cursor.outputOffset
    }

    /// Decodes `base` as the context says, or takes the restart points that were kept of it.
    /// - Throws: as the other initialiser.
    init(
        decoding base: any ByteSource, named name: String, in context: CompressedSource.Context,
        stored: StoredIndex?
    ) throws(ReadError) {
        self.base = base
        self.name = name
        cursorMemory = BudgetShare(of: context.budget)
        try cursorMemory.take(
            UInt64(Self.maximumIdleCursorCount) * GzipCursor.byteCount, for: "the decoders of \(name)")
        if let known = stored?.gzipIndex() {
            guard known.decodedByteCount <= context.maximumByteCount else {
                throw GzipScan.tooLong(context.maximumByteCount)
            }
            index = known.index
            byteCount = known.decodedByteCount
            return
        }
        var scan = try GzipScan(
            base, maximumByteCount: context.maximumByteCount, named: name, lenient: context.isLenient,
            budget: context.budget, progress: context.progress)
        context.progress?.begin(name, of: base.byteCount)
        defer { context.progress?.end() }
        try scan.run()
        index = scan.index
        byteCount = scan.cursor.outputOffset
        if scan.cursor.isAtEnd { stored?.save(index, decodedByteCount: byteCount) }
    }

    package var versionMark: VersionMark? { base.versionMark?.decoded }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        guard count > 0 else { return }
        // What lies between a restart point and `offset` is decoded too: that can take seconds.
        guard Patience.current == .waits else { throw .wouldWait }
        // All of it in one place: readers that take turns would each decode the same bytes.
        try PatientRead.decoding { () throws(ReadError) in try decode(count, at: offset, into: &output) }
        // A cursor may have had all that it needed in memory.
        try validate(offset..<(offset + UInt64(count)))
    }

    private func decode(
        _ count: Int, at offset: UInt64, into output: inout OutputRawSpan
    ) throws(ReadError) {
        try PatientRead.checkCancellation()
        let cursor = try cursor(for: offset)
        try skip(to: offset, cursor)
        var failure: ReadError?
        // SAFETY: the buffer is the free room of `output`; what was decoded is what is reported as filled.
        unsafe output.withUnsafeMutableBytes { buffer, initializedCount in
            let destination = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[initializedCount..<(initializedCount + count)])
            do throws(ReadError) {
                try unsafe fill(destination, cursor)
                initializedCount += count
            } catch {
                failure = error
            }
        }
        // A cursor that failed is in no known place.
        if let failure { throw failure }
        giveBack(cursor)
    }

    package func validate() throws(ReadError) {
        try base.validate()
    }

    /// Looks at the stored bytes that `range` is made of only: the file may be in thousands of chunks.
    package func validate(_ range: Range<UInt64>) throws(ReadError) {
        try base.validate(index.storedRange(of: range, in: base.byteCount))
    }

    package var isNear: Bool { base.isNear }

    /// A cursor at or before `offset`: one that is between the nearest restart point and there, or a new one.
    private func cursor(for offset: UInt64) throws(ReadError) -> GzipCursor {
        guard let point = index.point(atOrBefore: offset) else {
            throw .corrupt(record: name, offset: offset, reason: "there is no restart point")
        }
        let idle = idleCursors.withLock { cursors -> GzipCursor? in
            let usable = cursors.indices.filter {
                // Blocks that hold nothing lie between places of the same offset.
                cursors[$0].outputOffset <= offset && cursors[$0].outputOffset >= point.outputOffset
                    && cursors[$0].inputOffset >= point.inputOffset
            }
            let nearest = usable.max { cursors[$0].inputOffset < cursors[$1].inputOffset }
            return nearest.map { cursors.remove(at: $0) }
        }
        if let idle { return idle }
        let cursor = try GzipCursor(over: base, named: name)
        try cursor.move(to: point)
        return cursor
    }

    private func giveBack(_ cursor: GzipCursor) {
        idleCursors.withLock { cursors in
            if cursors.count == Self.maximumIdleCursorCount { cursors.removeFirst() }
            cursors.append(cursor)
        }
    }

    private func skip(to offset: UInt64, _ cursor: GzipCursor) throws(ReadError) {
        guard cursor.outputOffset < offset else { return }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.scratchByteCount, alignment: 64)
        defer { unsafe scratch.deallocate() }
        while cursor.outputOffset < offset {
            let count = Int(min(UInt64(scratch.count), offset - cursor.outputOffset))
            // SAFETY: `count` is at most the length of the scratch memory.
            try unsafe fill(UnsafeMutableRawBufferPointer(rebasing: scratch[..<count]), cursor)
        }
    }

    // SAFETY: `destination` is memory that the caller lends, all of which is filled.
    private func fill(
        _ destination: UnsafeMutableRawBufferPointer, _ cursor: GzipCursor
    ) throws(ReadError) {
        var filled = 0
        while filled < destination.count {
            // A step may yield nothing: a block or a member can be empty.
            try PatientRead.checkCancellation()
            let (produced, event) = try unsafe cursor.step(
                into: UnsafeMutableRawBufferPointer(rebasing: destination[filled...]))
            filled += produced
            guard event == .memberEnd else { continue }
            _ = try cursor.readTrailer()
            // The next member is looked for only when its bytes are wanted.
            guard filled < destination.count || cursor.outputOffset < byteCount else { return }
            try cursor.skipZeros()
            guard try cursor.startMember() else {
                throw cursor.corrupt("the content changed after it was opened")
            }
        }
    }
}
