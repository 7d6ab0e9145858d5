// Who sends requests of an API and brings their answers.
// SPDX-License-Identifier: Apache-2.0

/// Sends a request and waits for its answer; for small bodies. Redirections are not followed, and nothing is tried again.
package protocol HTTPExchanging: Sendable {
    /// Takes a body of at most `bodyLimit` bytes.
    /// - Throws: `TransportError`, of kind `tooLarge` where the body is longer, of kind `deadline` where time is over.
    func exchange(
        _ request: HTTPRequest, bodyLimit: Int, until deadline: Deadline
    ) throws(TransportError) -> HTTPAnswer
}
