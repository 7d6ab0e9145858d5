// Bytes that are made by the program itself: a rendered summary, a rewritten manifest.
// SPDX-License-Identifier: Apache-2.0

/// An array, read as a source.
package struct MemorySource: ByteSource {
    private let contents: [UInt8]

    package var byteCount: UInt64 { UInt64(contents.count) }

    package init(_ contents: [UInt8]) {
        self.contents = contents
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: "generated file")
        let start = Int(offset)
        // SAFETY: bytes have no padding.
        output.append(copying: unsafe contents.span.extracting(start..<(start + count)).bytes)
    }
}
