// The one thing that everything is: a finite, immutable run of bytes that is read by offset.
// SPDX-License-Identifier: Apache-2.0

/// Whether a stretch of a source holds bytes or is known to be all zeros.
package enum Region: Sendable {
    case data
    case hole
}

/// A finite, immutable run of bytes that many threads may read at once.
///
/// What a source answers is what was opened, or an error: `read`, `gather` and `firstOffset` look themselves whether
/// what they answer from was changed meanwhile; so do those that keep bytes or a map in memory.
package protocol ByteSource: Sendable {
    /// Length, in bytes.
    var byteCount: UInt64 { get }

    /// Appends bytes `offset ..< offset + count` to `output`: all of them, or it throws.
    ///
    /// The caller makes sure that `output` has room for `count` bytes.
    /// - Throws: `ReadError.corrupt` where the range is not inside the source, `ReadError.stale` where what lies behind
    ///   it was changed.
    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError)

    /// Appends bytes `offset ..< offset + count` to `list`, which has room for them, without copying those that are
    /// in memory already. On an error, the list holds a part of them.
    /// - Throws: as `read`.
    func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError)

    /// The first byte of `region` in `range`, which lies inside the source; nil where there is none.
    func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64?

    /// A part of the same search, of a bounded length; for callers that may be interrupted.
    func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch

    /// Tells that bytes `range`, which may reach beyond the source, will be read soon; waits for nothing. A source whose
    /// bytes come from afar begins to bring them, as far as it has memory for them.
    func prepare(_ range: Range<UInt64>)

    /// Whether a read of bytes `range`, which lies inside the source, waits for no one far away.
    func isAtHand(_ range: Range<UInt64>) -> Bool

    /// Whether the bytes still come from far away one behind the other, so that a read waits for all that lies before it.
    /// From when it says no, it never says yes again.
    var arrivesInOrder: Bool { get }

    /// Whether what is read now may turn out to be damaged when more has come, so that nobody is to remember it. From when it
    /// says no, it never says yes again.
    var isProvisional: Bool { get }

    /// Bytes `offset ..< offset + count`, which lie inside, where they come from far away and are kept on a disk of this
    /// system: read without asking anyone else, and without pushing anything out of memory. Nil otherwise.
    func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]?

    /// The same bytes for a reader that knows better than their order what it will want next, and prepares it: nothing is
    /// brought ahead of its reads.
    var withoutReadAhead: any ByteSource { get }

    /// Makes sure that all that lies behind the source is still what was opened.
    /// - Throws: `ReadError.stale` where it was replaced, truncated or rewritten.
    func validate() throws(ReadError)

    /// Makes sure that what lies behind bytes `range` is still what was opened, for callers that keep what was read there.
    /// - Throws: `ReadError.stale` where it was replaced, truncated or rewritten.
    func validate(_ range: Range<UInt64>) throws(ReadError)

    /// Whether the system knows by itself what has become of the source; false where it has to ask someone.
    var isNear: Bool { get }

    /// What tells at another time whether the source is the same; nil where nothing does.
    var versionMark: VersionMark? { get }
}

extension ByteSource {
    /// A source that knows of no holes is all data.
    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        region == .data && !range.isEmpty ? range.lowerBound : nil
    }

    /// A source whose search is short makes it in one step.
    package func searchStep(
        for region: Region, in range: Range<UInt64>
    ) throws(ReadError) -> RegionSearch {
        if let found = try firstOffset(of: region, in: range) { .found(at: found) } else { .absent }
    }

    /// What is at hand needs no preparation.
    package func prepare(_ range: Range<UInt64>) {}

    package func isAtHand(_ range: Range<UInt64>) -> Bool { true }

    package var arrivesInOrder: Bool { false }

    package var isProvisional: Bool { false }

    package func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]? { nil }

    package var withoutReadAhead: any ByteSource { self }

    /// Reads into the list's memory. Whether there is a hole is not asked: some file systems look through the whole
    /// file for the answer.
    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try checkRange(count, at: offset, named: "source")
        try list.append(count) { output throws(ReadError) in try read(count, at: offset, into: &output) }
    }

    /// A source that lives in memory does not change.
    package func validate() throws(ReadError) {}

    /// One thing lies behind the whole source, unless it says otherwise.
    package func validate(_ range: Range<UInt64>) throws(ReadError) {
        try validate()
    }

    package var isNear: Bool { true }

    package var versionMark: VersionMark? { nil }

    /// Throws unless `offset ..< offset + count` lies inside the source.
    package func checkRange(_ count: Int, at offset: UInt64, named name: String) throws(ReadError) {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw .corrupt(
                record: name, offset: offset,
                reason: "\(count) bytes are wanted here, and the data ends at byte \(byteCount)")
        }
    }

    /// Bytes `offset ..< offset + count` as an array; for headers and other small records.
    package func bytes(_ count: Int, at offset: UInt64) throws(ReadError) -> [UInt8] {
        try checkRange(count, at: offset, named: "record")
        var failure: ReadError?
        // SAFETY: the span covers the array's own storage and ends before the closure does.
        let result = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            let room = UnsafeMutableRawBufferPointer(buffer)
            var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
            do throws(ReadError) {
                try read(count, at: offset, into: &output)
            } catch {
                failure = error
            }
            initializedCount = unsafe output.finalize(for: room)
        }
        if let failure { throw failure }
        return result
    }

    /// The record of `byteCount` bytes at `offset`, whose fields are then read by name.
    package func record(_ name: String, byteCount: Int, at offset: UInt64) throws(ReadError) -> OnDiskRecord {
        try checkRange(byteCount, at: offset, named: name)
        return OnDiskRecord(try bytes(byteCount, at: offset), named: name, at: offset)
    }
}
