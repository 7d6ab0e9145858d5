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

    private let source: any ByteSource
    private let output: OutputFile
    private let queue: StretchQueue
    private let failure = Mutex<CopyError?>(nil)

    package init(of source: any ByteSource, to output: OutputFile) {
        self.source = source
        self.output = output
        queue = StretchQueue(byteCount: source.byteCount)
    }

    /// Guest bytes that have been dealt with so far, holes included.
    package var progress: UInt64 { queue.doneByteCount }

    /// Copies all of it with `threadCount` threads.
    /// - Throws: the first error that a thread met; the rest of the disk is then not copied.
    package func run(threadCount: Int) throws(CopyError) {
        WorkerThread.concurrently(threadCount) { _ in
            do throws(CopyError) {
                try self.copyStretches()
            } catch {
                self.failure.withLock { $0 = $0 ?? error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        try fromSource { () throws(ReadError) in try source.validate() }
    }

    private func copyStretches() throws(CopyError) {
        let buffer = CopyBuffer(byteCount: StretchQueue.stretchByteCount)
        while failure.withLock({ $0 == nil }), let stretch = queue.take() {
            try copy(stretch, through: buffer)
            queue.finish(stretch)
        }
    }

    private func copy(_ stretch: Range<UInt64>, through buffer: CopyBuffer) throws(CopyError) {
        var position = stretch.lowerBound
        while position < stretch.upperBound {
            let data = try fromSource { () throws(ReadError) in
                try output.keepsHoles ? nextData(from: position, in: stretch) : position..<stretch.upperBound
            }
            guard let data else { return }
            try fromSource { () throws(ReadError) in
                try buffer.fill { room throws(ReadError) in
                    try read(Int(data.upperBound - data.lowerBound), at: data.lowerBound, into: &room)
                }
            }
            try write(buffer, at: data.lowerBound)
            position = data.upperBound
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

    private func read(_ count: Int, at offset: UInt64, into room: inout OutputRawSpan) throws(ReadError) {
        if let disk = source as? GuestDisk {
            try disk.readOnce(count, at: offset, into: &room)
        } else {
            try source.read(count, at: offset, into: &room)
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
