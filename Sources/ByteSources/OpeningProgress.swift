// How far opening is with files that have to be decoded from front to back.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Told by those who decode, asked by who shows it. Any thread may use it.
package final class OpeningProgress: Sendable {
    /// One file that is being decoded.
    package struct Step: Sendable, Equatable {
        /// What errors call the file.
        package let name: String
        package fileprivate(set) var doneByteCount: UInt64
        /// Stored bytes to decode.
        package let totalByteCount: UInt64
    }

    private struct State {
        var steps: [(number: Int, step: Step)] = []
        var nextNumber = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// The file that is being decoded; of several at once the one that was begun first; nil where none is.
    package var current: Step? { state.withLock { $0.steps.first?.step } }

    /// Begins a step, which ends by `end` of what is returned.
    package func begin(_ name: String, of totalByteCount: UInt64) -> Work {
        state.withLock { state in
            defer { state.nextNumber += 1 }
            state.steps.append(
                (state.nextNumber, Step(name: name, doneByteCount: 0, totalByteCount: totalByteCount)))
            return Work(self, state.nextNumber)
        }
    }

    /// What one who decodes has in hand.
    package struct Work: Sendable {
        private let progress: OpeningProgress
        private let number: Int

        fileprivate init(_ progress: OpeningProgress, _ number: Int) {
            self.progress = progress
            self.number = number
        }

        /// Takes note of `byteCount` more stored bytes.
        package func advance(by byteCount: UInt64) {
            progress.state.withLock { state in
                guard let index = state.steps.firstIndex(where: { $0.number == number }) else { return }
                state.steps[index].step.doneByteCount &+= byteCount
            }
        }

        package func end() {
            progress.state.withLock { state in state.steps.removeAll { $0.number == number } }
        }
    }
}
