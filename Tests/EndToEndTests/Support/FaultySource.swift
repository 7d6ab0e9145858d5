// A file of the test's own whose file system is slow, or has a bad disk, when the test says so.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization

/// Bytes that come at once, half a second later, or not at all.
final class FaultySource: ByteSource {
    enum Mode: Int {
        case well
        /// Each read takes 500 ms.
        case slow
        /// Each read answers EIO.
        case failing
    }

    private let base: any ByteSource
    private let mode = Atomic<Int>(Mode.well.rawValue)

    init(_ base: any ByteSource) { self.base = base }

    var byteCount: UInt64 { base.byteCount }

    func become(_ mode: Mode) { self.mode.store(mode.rawValue, ordering: .sequentiallyConsistent) }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        switch Mode(rawValue: mode.load(ordering: .sequentiallyConsistent)) {
        case .failing: throw .system(call: "pread", errno: EIO)
        case .slow:
            guard Patience.current == .waits else { throw .wouldWait }
            PatientRead.blocking { MonotonicClock.sleep(until: MonotonicClock.now + 0.5) }
        case .well, nil: break
        }
        try base.read(count, at: offset, into: &output)
    }
}
