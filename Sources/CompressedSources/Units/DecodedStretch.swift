// A stretch of decoded bytes in memory.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Bytes that never change once they are there.
// SAFETY: the memory is written by the one who makes the stretch, before anyone else has it.
@safe final class DecodedStretch: @unchecked Sendable {
    /// Length of every stretch but the last of its unit, in bytes.
    static let byteCount: UInt64 = 512 << 10

    let memory: UnsafeMutableRawBufferPointer

    /// - Throws: `ReadError.system` where there is no memory.
    init(byteCount: Int) throws(ReadError) {
        unsafe memory = try LargeMemory.take(byteCount, alignment: 64, for: "decoding")
        count = byteCount
    }

    let count: Int

    deinit {
        unsafe LargeMemory.giveBack(memory)
    }

    /// Appends `range` of the bytes to `output`, which has room for them.
    func append(_ range: Range<Int>, to output: inout OutputRawSpan) {
        precondition(range.upperBound <= count, "behind the end of a stretch")
        // SAFETY: the range was checked, and the memory lives as long as `self`.
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: memory[range])
        output.append(copying: unsafe bytes.bytes)
    }
}
