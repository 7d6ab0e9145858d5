// A short answer that is kept whole.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// An answer that is kept whole. The thread of the transport writes it, and who waited reads it afterwards.
final class AnswerSink: TransferSink {
    private struct State {
        var status = 0
        var headers = HTTPHeaders()
        var body: [UInt8] = []
        var isTooLong = false
    }

    private let bodyLimit: Int
    private let state = SleepingMutex(State())

    init(bodyLimit: Int) {
        self.bodyLimit = bodyLimit
    }

    /// Nil where the body was longer than it may be.
    var answer: HTTPAnswer? {
        state.withLock { state in
            state.isTooLong ? nil : HTTPAnswer(status: state.status, headers: state.headers, body: state.body)
        }
    }

    func begin(status: Int, headers: HTTPHeaders) -> BodyDecision {
        state.withLock { state in
            state.status = status
            state.headers = headers
        }
        return .take
    }

    func append(_ bytes: RawSpan) -> Bool {
        state.withLock { state in
            guard bytes.byteCount <= bodyLimit - state.body.count else {
                state.isTooLong = true
                state.body = []
                return false
            }
            // SAFETY: the span is valid for the time of the call, and the array copies it.
            unsafe bytes.withUnsafeBytes { unsafe state.body.append(contentsOf: $0) }
            return true
        }
    }

    var isUnwanted: Bool { false }
}
