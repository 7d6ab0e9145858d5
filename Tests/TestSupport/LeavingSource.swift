// A source that is lost while it is read.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Synchronization

/// Passes everything on to another source until it is told to leave; from then on each read throws.
package final class LeavingSource: ByteSource {
    private let base: any ByteSource
    private let error: ReadError
    private let readsLeft = Mutex(Int.max)
    private let refused = Atomic<Int>(0)

    package var byteCount: UInt64 { base.byteCount }
    /// Reads that were not answered.
    package var refusedCount: Int { refused.load(ordering: .relaxed) }

    package init(_ base: any ByteSource, _ error: ReadError) {
        self.base = base
        self.error = error
    }

    /// Answers `readCount` more reads.
    package func leave(after readCount: Int) {
        readsLeft.withLock { $0 = readCount }
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        let isThere = readsLeft.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
        guard isThere else {
            refused.add(1, ordering: .relaxed)
            throw error
        }
        try base.read(count, at: offset, into: &output)
    }
}
