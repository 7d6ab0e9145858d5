// A source whose bytes come one behind the other, as far as the test lets them.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A transfer that a test holds: bytes before the frontier are there, and who reads others waits for the frontier or the
/// end of the transfer.
package final class ArrivingSource: ByteSource {
    private struct State {
        var frontier: UInt64
        var failure: ReadError?
        var isStale = false
        var readCount = 0
        var waiterCount = 0
        var waitCount = 0
    }

    private let base: any ByteSource
    private let state: Monitor<State>

    package var byteCount: UInt64 { base.byteCount }
    package var isNear: Bool { false }

    /// How many bytes have come.
    package var frontier: UInt64 { state.withLock { $0.frontier } }
    /// Reads that were answered.
    package var readCount: Int { state.withLock { $0.readCount } }
    /// Reads that had to wait so far.
    package var waitCount: Int { state.withLock { $0.waitCount } }
    /// Threads that wait for bytes.
    package var waiterCount: Int { state.withLock { $0.waiterCount } }

    /// `base`, of which `arrivedByteCount` bytes have come.
    package init(_ base: any ByteSource, arrivedByteCount: UInt64) {
        self.base = base
        state = Monitor(State(frontier: min(arrivedByteCount, base.byteCount)))
    }

    /// Brings what lies before `frontier`, in bytes, which never goes back.
    package func bring(to frontier: UInt64) {
        state.withLock { $0.frontier = max($0.frontier, min(frontier, byteCount)) }
        state.wake()
    }

    /// Ends the waiting of all who wait, and of those who come later, with `error`; nil to let them wait again.
    package func fail(_ error: ReadError?) {
        state.withLock { $0.failure = error }
        state.wake()
    }

    /// From now on the source is another one.
    package func becomeStale() {
        state.withLock { $0.isStale = true }
        state.wake()
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: "arriving source")
        try validate()
        let end = offset + UInt64(count)
        if state.withLock({ $0.frontier < end }) {
            guard !ArrivedOnly.note(self, before: end), Patience.current == .waits else { throw .wouldWait }
            try PatientRead.blocking { () throws(ReadError) in try wait(until: end) }
        }
        state.withLock { $0.readCount += 1 }
        try base.read(count, at: offset, into: &output)
    }

    private func wait(until end: UInt64) throws(ReadError) {
        state.withLock { state in
            state.waiterCount += 1
            state.waitCount += 1
        }
        defer { state.withLock { $0.waiterCount -= 1 } }
        let failure = state.withLock(waitingWhile: { $0.frontier < end && $0.failure == nil && !$0.isStale })
        {
            $0.frontier < end ? $0.failure : nil
        }
        if let failure { throw failure }
        try validate()
    }

    package func isAtHand(_ range: Range<UInt64>) -> Bool { range.upperBound <= frontier }

    package var arrivesInOrder: Bool { frontier < byteCount }

    package func validate() throws(ReadError) {
        if state.withLock({ $0.isStale }) { throw .stale(source: "arriving source") }
    }
}
