// The memory that one thread copies through.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import SystemPackage

/// A buffer that is filled, looked at and written. One thread owns it.
@safe package final class CopyBuffer {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var filledByteCount = 0

    /// - Throws: `ReadError.system` where there is no memory.
    init(byteCount: Int) throws(ReadError) {
        unsafe memory = try LargeMemory.take(byteCount, for: "copying")
    }

    deinit {
        unsafe LargeMemory.giveBack(memory)
    }

    /// Replaces the content by what `body` appends.
    func fill(_ body: (inout OutputRawSpan) throws(ReadError) -> Void) throws(ReadError) {
        removeAll()
        try append(body)
    }

    func removeAll() {
        filledByteCount = 0
    }

    /// Adds what `body` appends; nothing where it throws.
    func append(_ body: (inout OutputRawSpan) throws(ReadError) -> Void) throws(ReadError) {
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[filledByteCount...])
        // SAFETY: the memory is this buffer's own.
        var room = unsafe OutputRawSpan(buffer: rest, initializedCount: 0)
        try body(&room)
        filledByteCount += unsafe room.finalize(for: rest)
    }

    /// Adds `count` zeros, for which there has to be room.
    func appendZeros(_ count: Int) {
        let room = unsafe memory.count - filledByteCount
        precondition(count <= room, "a buffer is as long as a stretch")
        let range = filledByteCount..<(filledByteCount + count)
        // SAFETY: inside the memory, as was checked.
        _ = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[range])
            .initializeMemory(as: UInt8.self, repeating: 0)
        filledByteCount += count
    }

    /// Writes bytes `range` at `offset` of a file that can be written anywhere; `path` is for messages.
    func write(
        _ range: Range<Int>, to descriptor: FileDescriptor, at offset: UInt64, named path: FilePath
    ) throws(CopyError) {
        var failure: CopyError?
        // SAFETY: the bytes live until the closure returns.
        unsafe withBytes(range) { bytes in
            do {
                _ = try unsafe descriptor.writeAll(toAbsoluteOffset: Int64(offset), bytes)
            } catch {
                failure = .output(call: "write \(path)", error)
            }
        }
        if let failure { throw failure }
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
