// The memory of one block.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Memory for a block's bytes, which is used again and again.
// SAFETY: one transfer writes it, before anyone else can see it; those who read it have pinned the block, so that no one
// writes it meanwhile.
@safe final class BlockBuffer: @unchecked Sendable {
    /// 256 KiB: what is fetched, kept and let go as a whole.
    static let byteCount = 256 << 10

    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4_096)

    deinit {
        unsafe memory.deallocate()
    }

    /// Copies as much of `bytes` as has room before `limit` to `position`.
    /// - Returns: How many bytes that were.
    func write(_ bytes: RawSpan, at position: Int, limit: Int) -> Int {
        let count = min(bytes.byteCount, min(limit, Self.byteCount) - position)
        guard position >= 0, count > 0 else { return 0 }
        // SAFETY: the room was checked, and source and destination are different memory.
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe memory.baseAddress?.advanced(by: position).copyMemory(from: start, byteCount: count)
        }
        return count
    }

    /// Appends bytes `range`, which lie inside, to `output`.
    func append(_ range: Range<Int>, to output: inout OutputRawSpan) {
        precondition(range.upperBound <= Self.byteCount, "behind the end of a block")
        // SAFETY: the range is inside, and the memory was written up to the end of the block.
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: memory[range])
        output.append(copying: unsafe bytes.bytes)
    }

    /// Calls `body` with the first `count` bytes.
    func withBytes<Result, Failure: Error>(
        _ count: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(count <= Self.byteCount, "behind the end of a block")
        // SAFETY: inside; the caller has pinned the block, or is the one who fills it.
        return try unsafe body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
    }

    /// Calls `body` with the first `count` bytes, to be filled.
    func withRoom<Result, Failure: Error>(
        _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(count <= Self.byteCount, "behind the end of a block")
        // SAFETY: inside; the caller is the one who fills it.
        return try unsafe body(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
    }
}
