// A source that counts what is asked of it.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Synchronization

/// Passes everything on to another source and counts reads, bytes, questions for holes, and looks at what is behind it.
package final class CountingSource: ByteSource {
    private let base: any ByteSource
    private let reads = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let questions = Atomic<Int>(0)
    private let validations = Atomic<Int>(0)

    package var byteCount: UInt64 { base.byteCount }
    package var readCount: Int { reads.load(ordering: .relaxed) }
    package var bytesRead: Int { bytes.load(ordering: .relaxed) }
    package var holeQuestionCount: Int { questions.load(ordering: .relaxed) }
    package var validationCount: Int { validations.load(ordering: .relaxed) }

    package init(_ base: any ByteSource) {
        self.base = base
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        reads.add(1, ordering: .relaxed)
        bytes.add(count, ordering: .relaxed)
        try base.read(count, at: offset, into: &output)
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        questions.add(1, ordering: .relaxed)
        return try base.firstOffset(of: region, in: range)
    }

    package func validate() throws(ReadError) {
        validations.add(1, ordering: .relaxed)
        try base.validate()
    }
}
