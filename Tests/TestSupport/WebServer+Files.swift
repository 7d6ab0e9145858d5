// A web server that serves a file as it has to.
// SPDX-License-Identifier: Apache-2.0

/// A file that a server has.
package struct WebFile: Sendable {
    package var bytes: [UInt8]
    /// Headers of every answer that carries bytes, such as `ETag: "1"`.
    package var headers: [String]

    package init(_ bytes: [UInt8], headers: [String] = ["ETag: \"1\""]) {
        self.bytes = bytes
        self.headers = headers
    }

    /// The headers of an answer with bytes `range`.
    package func headers(for range: Range<Int>) -> [String] {
        [
            "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)",
            "Content-Length: \(range.count)",
        ] + headers
    }

    /// Answers as a good server does.
    package var served: WebServer.Behaviour {
        { request, connection in answer(request, connection) }
    }

    package func answer(_ request: WebRequest, _ connection: WebConnection) {
        guard let range = request.range(in: bytes.count) else {
            connection.sendHead(200, ["Content-Length: \(bytes.count)"] + headers)
            connection.send(bytes)
            return
        }
        guard !range.isEmpty else { return connection.answer(416, ["Content-Range: bytes */\(bytes.count)"]) }
        connection.sendHead(206, headers(for: range))
        connection.send(bytes[range])
    }
}
