// A source that counts what is asked of it.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Synchronization

/// Passes everything on to another source and counts reads and bytes.
package final class CountingSource: ByteSource {
    private let base: any ByteSource
    private let reads = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)

    package var byteCount: UInt64 { base.byteCount }
    package var readCount: Int { reads.load(ordering: .relaxed) }
    package var bytesRead: Int { bytes.load(ordering: .relaxed) }

    package init(_ base: any ByteSource) {
        self.base = base
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        reads.add(1, ordering: .relaxed)
        bytes.add(count, ordering: .relaxed)
        try base.read(count, at: offset, into: &output)
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        try base.firstOffset(of: region, in: range)
    }

    package func validate() throws(ReadError) {
        try base.validate()
    }
}
