// A source that is far away, as one who counts round trips sees it.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Bytes that come in blocks. Whatever was asked for comes with the round trip of the first read that has to wait, and not
/// before: so trips are counted one behind the other, whatever a clock says.
package final class FarSource: ByteSource {
    private struct State {
        var here: Set<UInt64>
        var asked: Set<UInt64> = []
        var tripCount = 0
    }

    package static let blockByteCount: UInt64 = 64 << 10

    private let base: any ByteSource
    private let state: SleepingMutex<State>

    package var byteCount: UInt64 { base.byteCount }
    package var isNear: Bool { false }
    /// Reads that had to wait.
    package var tripCount: Int { state.withLock { $0.tripCount } }
    /// What came, in bytes.
    package var broughtByteCount: UInt64 { state.withLock { UInt64($0.here.count) } * Self.blockByteCount }

    /// `base`, of which the first `startByteCount` bytes are here already.
    package init(_ base: any ByteSource, startByteCount: UInt64) {
        self.base = base
        state = SleepingMutex(State(here: Set(0..<(startByteCount / Self.blockByteCount))))
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: "far source")
        let blocks = Self.blocks(of: offset..<(offset + UInt64(count)))
        let isHere = state.withLock { state in
            if blocks.allSatisfy(state.here.contains) { return true }
            state.asked.formUnion(blocks)
            guard Patience.current == .waits else { return false }
            state.tripCount += 1
            state.here.formUnion(state.asked)
            state.asked = []
            return true
        }
        guard isHere else { throw .wouldWait }
        try base.read(count, at: offset, into: &output)
    }

    package func prepare(_ range: Range<UInt64>) {
        let blocks = Self.blocks(of: range.clamped(to: 0..<byteCount))
        state.withLock { state in state.asked.formUnion(blocks.filter { !state.here.contains($0) }) }
    }

    package func isAtHand(_ range: Range<UInt64>) -> Bool {
        let blocks = Self.blocks(of: range.clamped(to: 0..<byteCount))
        return state.withLock { state in blocks.allSatisfy(state.here.contains) }
    }

    private static func blocks(of range: Range<UInt64>) -> Range<UInt64> {
        let first = range.lowerBound / blockByteCount
        return first..<(range.isEmpty ? first : (range.upperBound - 1) / blockByteCount + 1)
    }
}
