// A source of which some bytes cannot be read.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Passes everything on to another source, except reads that touch one of its bad ranges: those fail as a disk
/// with bad sectors does.
package struct FailingSource: ByteSource {
    private let base: any ByteSource
    private let badRanges: [Range<UInt64>]
    /// What a read of a bad range throws.
    package static let failure = ReadError.system(call: "read of a bad sector", errno: 5)

    package var byteCount: UInt64 { base.byteCount }

    package init(_ base: any ByteSource, failingIn badRanges: Range<UInt64>...) {
        self.base = base
        self.badRanges = badRanges
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        let range = offset..<(offset + UInt64(count))
        if badRanges.contains(where: { $0.overlaps(range) }) { throw Self.failure }
        try base.read(count, at: offset, into: &output)
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        try base.firstOffset(of: region, in: range)
    }
}
