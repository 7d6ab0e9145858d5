// Copying a guest disk to a file: on all cores, and only what is there.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import DiskImages
import Synchronization

/// Copies the bytes of one disk. Threads take stretches of it in turn, decode them and write them where they
/// belong, so nothing waits for order.
package final class DiskCopy: Sendable {
    /// Zeros inside data are found in pieces of this size, in bytes.
    private static let pieceByteCount = 64 << 10

    let source: any ByteSource
    /// Where that is on a guest disk; nil where it is on none.
    let place: DiskPlace?
    private let output: any CopyOutput
    /// Where damaged places are noted, which are zeros in the copy; nil where the first one ends it.
    let damage: DamageMap?
    private let queue: StretchQueue
    private let copied = Atomic<UInt64>(0)
    private let failure = SleepingMutex<CopyError?>(nil)

    /// Copies `source`, which is a guest disk or at `place` on one, to `output`. With `damage`, places that cannot be read
    /// are noted there and are zeros in the copy.
    package init(
        of source: any ByteSource, at place: DiskPlace? = nil, to output: any CopyOutput,
        damage: DamageMap? = nil
    ) {
        self.source = source
        self.place = place ?? DiskPlace(ofDisk: source)
        self.output = output
        self.damage = damage
        queue = StretchQueue(byteCount: source.byteCount)
    }

    /// Guest bytes that have been dealt with so far, holes included.
    package var progress: UInt64 { queue.doneByteCount }

    /// Guest bytes that have been read so far.
    package var copiedByteCount: UInt64 { copied.load(ordering: .relaxed) }

    /// Copies all of it with `threadCount` threads.
    /// - Throws: the first error that a thread met; the rest of the disk is then not copied.
    package func run(threadCount: Int) throws(CopyError) {
        WorkerThread.concurrently(threadCount) { _ in
            do throws(CopyError) {
                try self.copyStretches()
            } catch {
                self.failure.withLock { $0 = $0 ?? error }
                self.output.cancel()
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        try fromSource { () throws(ReadError) in try source.validate() }
    }

    private func copyStretches() throws(CopyError) {
        let buffer = try fromSource { () throws(ReadError) in
            try CopyBuffer(byteCount: StretchQueue.stretchByteCount)
        }
        while failure.withLock({ $0 == nil }), let stretch = queue.take() {
            try copy(stretch, through: buffer)
            queue.finish(stretch)
        }
    }

    private func copy(_ stretch: Range<UInt64>, through buffer: CopyBuffer) throws(CopyError) {
        var position = stretch.lowerBound
        while position < stretch.upperBound {
            guard let data = try nextPiece(from: position, in: stretch) else { return }
            buffer.removeAll()
            do throws(ReadError) {
                try append(data, to: buffer)
            } catch {
                try appendReadable(data, to: buffer, after: error)
            }
            try write(buffer, at: data.lowerBound)
            copied.add(data.upperBound - data.lowerBound, ordering: .relaxed)
            position = data.upperBound
        }
    }

    /// The next run of data in `stretch`, or all of it where holes cannot be left out.
    private func nextPiece(
        from position: UInt64, in stretch: Range<UInt64>
    ) throws(CopyError) -> Range<UInt64>? {
        guard output.keepsHoles else { return position..<stretch.upperBound }
        do throws(ReadError) {
            return try nextData(from: position, in: stretch)
        } catch {
            // The map of the disk cannot be read; what can be is found piece by piece.
            guard damage != nil, error.isDamage else { throw .source(error) }
            return position..<stretch.upperBound
        }
    }

    /// The next run of data in `stretch`; nil where there is none, and then the hole that goes on behind it is
    /// left out as a whole.
    private func nextData(
        from position: UInt64, in stretch: Range<UInt64>
    ) throws(ReadError) -> Range<UInt64>? {
        let rest = position..<stretch.upperBound
        guard let start = try source.firstOffset(of: .data, in: rest) else {
            let behind = stretch.upperBound..<source.byteCount
            queue.skipHole(upTo: try source.firstOffset(of: .data, in: behind) ?? source.byteCount)
            return nil
        }
        let hole = try source.firstOffset(of: .hole, in: start..<stretch.upperBound)
        return start..<(hole ?? stretch.upperBound)
    }

    private func fromSource<Result>(
        _ body: () throws(ReadError) -> Result
    ) throws(CopyError) -> Result {
        do throws(ReadError) {
            return try body()
        } catch {
            throw .source(error)
        }
    }

    /// Adds bytes `range` of the disk to `buffer`; nothing where they cannot all be read.
    func append(_ range: Range<UInt64>, to buffer: CopyBuffer) throws(ReadError) {
        let count = Int(range.upperBound - range.lowerBound)
        try buffer.append { room throws(ReadError) in
            if let place {
                try place.readOnce(range, into: &room)
            } else {
                try source.read(count, at: range.lowerBound, into: &room)
            }
        }
    }

    /// Writes what the buffer holds, except pieces of zeros where the output keeps holes.
    private func write(_ buffer: CopyBuffer, at offset: UInt64) throws(CopyError) {
        guard output.keepsHoles else {
            return try output.write(buffer, 0..<buffer.filledByteCount, at: offset)
        }
        var start = 0
        while start < buffer.filledByteCount {
            let end = buffer.endOfRun(from: start, pieceByteCount: Self.pieceByteCount)
            if !end.isZero { try output.write(buffer, start..<end.offset, at: offset + UInt64(start)) }
            start = end.offset
        }
    }
}
