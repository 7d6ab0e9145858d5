// A source that answers when the test lets it: a disk that sleeps, a server that is silent.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Whether the sources behind it may answer. Closed at first.
package final class Gate: Sendable {
    private let isOpen = Monitor(false)

    package init() {}

    package func open() {
        isOpen.withLock { $0 = true }
        isOpen.wake()
    }

    package func close() {
        isOpen.withLock { $0 = false }
    }

    package func wait() {
        isOpen.withLock(waitingWhile: { !$0 }) { _ in }
    }
}

/// Bytes that come through a gate, for those who may wait.
package struct GatedSource: ByteSource {
    private let base: any ByteSource
    private let gate: Gate

    package var byteCount: UInt64 { base.byteCount }

    package init(_ base: any ByteSource, _ gate: Gate) {
        self.base = base
        self.gate = gate
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        guard Patience.current == .waits else { throw .wouldWait }
        PatientRead.blocking { gate.wait() }
        try base.read(count, at: offset, into: &output)
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        guard Patience.current == .waits else { throw .wouldWait }
        PatientRead.blocking { gate.wait() }
        return try base.firstOffset(of: region, in: range)
    }
}
