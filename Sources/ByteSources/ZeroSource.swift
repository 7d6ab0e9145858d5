// A source that is one hole: a disk that the descriptor declares and no file backs.
// SPDX-License-Identifier: Apache-2.0

/// Zeros, and nothing stored.
package struct ZeroSource: ByteSource {
    package let byteCount: UInt64

    package init(byteCount: UInt64) {
        self.byteCount = byteCount
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: "empty disk")
        output.appendZeros(count)
    }

    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try checkRange(count, at: offset, named: "empty disk")
        list.appendZeros(count)
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        region == .hole && !range.isEmpty ? range.lowerBound : nil
    }
}
