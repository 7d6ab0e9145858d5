// The memory that one thread copies through.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// A buffer that is filled, looked at and written. One thread owns it.
@safe package final class CopyBuffer {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var filledByteCount = 0

    init(byteCount: Int) {
        unsafe memory = .allocate(byteCount: byteCount, alignment: 4096)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Replaces the content by what `body` appends.
    func fill(_ body: (inout OutputRawSpan) throws(ReadError) -> Void) throws(ReadError) {
        filledByteCount = 0
        // SAFETY: the memory is this buffer's own.
        var room = unsafe OutputRawSpan(buffer: memory, initializedCount: 0)
        try body(&room)
        filledByteCount = unsafe room.finalize(for: memory)
    }

    /// Calls `body` with bytes `range` of the content.
    func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        precondition(range.upperBound <= filledByteCount, "only what was filled can be read")
        return unsafe body(UnsafeRawBufferPointer(rebasing: memory[range]))
    }

    /// The end of the pieces from `start` on that are all zeros, or all not.
    func endOfRun(from start: Int, pieceByteCount: Int) -> (offset: Int, isZero: Bool) {
        let isZero = isZero(start..<min(start + pieceByteCount, filledByteCount))
        var end = min(start + pieceByteCount, filledByteCount)
        while end < filledByteCount {
            let next = min(end + pieceByteCount, filledByteCount)
            guard self.isZero(end..<next) == isZero else { break }
            end = next
        }
        return (end, isZero)
    }

    /// Whether a piece holds zeros only: its first byte is 0, and each byte equals the one before.
    private func isZero(_ range: Range<Int>) -> Bool {
        unsafe withBytes(range) { bytes in
            guard let start = bytes.baseAddress, unsafe bytes[0] == 0 else { return unsafe bytes.isEmpty }
            return unsafe memcmp(start, start + 1, bytes.count - 1) == 0
        }
    }
}
