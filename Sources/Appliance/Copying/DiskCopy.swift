// Copying a guest disk to a file: on all cores, and only what is there.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import DiskImages
import Synchronization

/// Copies the bytes of one disk. Threads take stretches of it in turn, decode them and write them where they
/// belong, so nothing waits for order.
package final class DiskCopy: Sendable {
    /// One stretch, in bytes: a thread's buffer, and what is lost to imbalance at the end.
    private static let stretchByteCount = 2 << 20
    /// Zeros inside data are found in pieces of this size, in bytes.
    private static let pieceByteCount = 64 << 10

    private let source: any ByteSource
    private let output: OutputFile
    private let nextStretch = Atomic<UInt64>(0)
    private let doneByteCount = Atomic<UInt64>(0)
    private let failure = Mutex<ReadError?>(nil)

    package init(of source: any ByteSource, to output: OutputFile) {
        self.source = source
        self.output = output
    }

    /// Guest bytes that have been dealt with so far, holes included.
    package var progress: UInt64 { doneByteCount.load(ordering: .relaxed) }

    /// Copies all of it with `threadCount` threads.
    /// - Throws: the first error that a thread met; the rest of the disk is then not copied.
    package func run(threadCount: Int) throws(ReadError) {
        WorkerThread.concurrently(threadCount) { _ in
            do throws(ReadError) {
                try self.copyStretches()
            } catch {
                self.failure.withLock { $0 = $0 ?? error }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        try source.validate()
    }

    private func copyStretches() throws(ReadError) {
        let buffer = CopyBuffer(byteCount: Self.stretchByteCount)
        let step = UInt64(Self.stretchByteCount)
        while failure.withLock({ $0 == nil }) {
            let start = nextStretch.add(1, ordering: .relaxed).oldValue.multipliedReportingOverflow(by: step)
            guard !start.overflow, start.partialValue < source.byteCount else { return }
            let end = min(source.byteCount, start.partialValue.addingReportingOverflow(step).partialValue)
            try copy(start.partialValue..<end, through: buffer)
            doneByteCount.add(end - start.partialValue, ordering: .relaxed)
        }
    }

    private func copy(_ stretch: Range<UInt64>, through buffer: CopyBuffer) throws(ReadError) {
        var position = stretch.lowerBound
        while position < stretch.upperBound {
            let rest = position..<stretch.upperBound
            let data = output.keepsHoles ? try source.firstOffset(of: .data, in: rest) : position
            guard let data else { return }
            let end =
                output.keepsHoles
                ? try source.firstOffset(of: .hole, in: data..<stretch.upperBound) ?? stretch.upperBound
                : stretch.upperBound
            try buffer.fill { room throws(ReadError) in
                try read(Int(end - data), at: data, into: &room)
            }
            try write(buffer, at: data)
            position = end
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
    private func write(_ buffer: CopyBuffer, at offset: UInt64) throws(ReadError) {
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
