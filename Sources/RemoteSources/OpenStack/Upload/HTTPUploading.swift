// Who sends a body that is made while it is sent.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The bytes of a body, in order; one thread at a time takes them.
package protocol HTTPBodyStream: Sendable {
    /// In bytes.
    var byteCount: UInt64 { get }

    /// The bytes that follow those taken before: at most `limit`, and none at the end. It may wait for a disk, and
    /// decode; so it is not called by a thread that serves others.
    /// - Throws: `ReadError` where they cannot be had. The request is broken off then, in a way that no server takes
    ///   for its end.
    func next(upTo limit: Int) throws(ReadError) -> [UInt8]
}

/// Sends a request with a long body and waits for its answer.
package protocol HTTPUploading: Sendable {
    /// Sends `request`, which has no body of its own, with `body`: exactly its `byteCount` bytes. It is given up where the
    /// server takes and sends next to nothing for `silence` seconds, and where the answer is longer than `bodyLimit`
    /// bytes; how long the body's bytes take does not count. Redirections are not followed, and nothing is tried again. A
    /// server that answers before it has taken the whole body is believed, and the rest is not sent.
    func upload(
        _ request: HTTPRequest, body: any HTTPBodyStream, bodyLimit: Int, silence: Double
    ) throws(TransportError) -> HTTPAnswer
}
