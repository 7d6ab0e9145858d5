// How far opening is with a file that has to be decoded from front to back.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Told by who decodes, asked by who shows it. Any thread may use it.
package final class OpeningProgress: Sendable {
    /// One file that is being decoded.
    package struct Step: Sendable, Equatable {
        /// What errors call the file.
        package let name: String
        package fileprivate(set) var doneByteCount: UInt64
        /// Stored bytes to decode.
        package let totalByteCount: UInt64
    }

    private let state = Mutex<Step?>(nil)

    package init() {}

    /// The file that is being decoded; nil where none is.
    package var current: Step? { state.withLock { $0 } }

    package func begin(_ name: String, of totalByteCount: UInt64) {
        state.withLock { $0 = Step(name: name, doneByteCount: 0, totalByteCount: totalByteCount) }
    }

    /// Takes note of `byteCount` more stored bytes.
    package func advance(by byteCount: UInt64) {
        state.withLock { $0?.doneByteCount &+= byteCount }
    }

    package func end() {
        state.withLock { $0 = nil }
    }
}
