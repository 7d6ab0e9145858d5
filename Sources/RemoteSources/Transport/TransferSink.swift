// Who takes what an answer brings, as it comes.
// SPDX-License-Identifier: Apache-2.0

/// What happens to the body behind a head.
enum BodyDecision: Sendable {
    /// It is wanted.
    case take
    /// It is not, and read away as far as it is short, so that the connection can be used again.
    case skip
}

/// Takes an answer. All calls come from the transport's thread, which no one else may hold up.
protocol TransferSink: AnyObject, Sendable {
    /// The head is there.
    func begin(status: Int, headers: HTTPHeaders) -> BodyDecision

    /// More of the body is there.
    /// - Returns: False where that was enough: the transfer ends here, without an error.
    func append(_ bytes: RawSpan) -> Bool

    /// Whether no one wants the answer any more; looked at once a second.
    var isUnwanted: Bool { get }
}
