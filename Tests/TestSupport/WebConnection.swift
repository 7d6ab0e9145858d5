// One connection of the web server of the tests.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// What a behaviour answers by. One thread uses it; any may end it.
package final class WebConnection: Sendable {
    private struct State {
        var isClosed = false
        /// What was read beyond the last request.
        var rest: [UInt8] = []
    }

    /// From 0, in the order in which they came.
    package let number: Int
    private let descriptor: CInt
    private unowned let server: WebServer
    private let state = SleepingMutex(State())

    init(_ descriptor: CInt, number: Int, of server: WebServer) {
        self.descriptor = descriptor
        self.number = number
        self.server = server
    }

    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Sends all of `bytes`; false where no one takes them.
    @discardableResult
    package func send(_ bytes: some Sequence<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count, !server.isStopped {
            // SAFETY: the system reads what is left of the array.
            let step = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(
                    descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent,
                    CInt(MSG_NOSIGNAL))
            }
            guard step > 0 else { return false }
            sent += step
        }
        return sent == bytes.count
    }

    @discardableResult
    package func send(_ text: String) -> Bool { send(text.utf8) }

    /// Sends a head: the status line and `headers`, each `Name: value`.
    @discardableResult
    package func sendHead(_ status: Int, _ headers: [String], version: String = "HTTP/1.1") -> Bool {
        send("\(version) \(status) X\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n")
    }

    /// Sends an answer with a short body.
    package func answer(_ status: Int, _ headers: [String] = [], _ body: String = "") {
        sendHead(status, headers + ["Content-Length: \(body.utf8.count)"])
        send(body)
    }

    /// Waits, until the server is stopped at most.
    package func rest(_ seconds: Double) { server.rest(seconds) }

    package var isStopping: Bool { server.isStopped }

    /// Ends the connection in order.
    package func close() {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        shutdown(descriptor, CInt(SHUT_RDWR))
        Glibc.close(descriptor)
    }

    /// Ends the connection so that the other side is told of an error.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        if isFirst { Glibc.close(descriptor) }
    }

    /// Lets the thread of the connection go.
    func end() {
        state.withLock { state in
            if !state.isClosed { shutdown(descriptor, CInt(SHUT_RDWR)) }
        }
    }

    /// Nil at the end of the connection.
    func nextRequest() -> WebRequest? {
        var bytes = state.withLock { state in
            defer { state.rest = [] }
            return state.rest
        }
        let ending: [UInt8] = [13, 10, 13, 10]
        while true {
            if let end = Self.position(of: ending, in: bytes) {
                return request(Array(bytes[..<end]), Array(bytes[(end + 4)...]))
            }
            guard bytes.count < 1 << 20, let more = receive() else { return nil }
            bytes += more
        }
    }

    private func request(_ head: [UInt8], _ behind: [UInt8]) -> WebRequest? {
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first?.split(separator: " "), first.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = String(
                line[line.index(after: colon)...].drop { $0 == " " })
        }
        var body = behind
        let length = server.leavesBodies ? behind.count : headers["content-length"].flatMap { Int($0) } ?? 0
        while body.count < length {
            guard let more = receive() else { return nil }
            body += more
        }
        state.withLock { $0.rest = Array(body[length...]) }
        return WebRequest(
            method: String(first[0]), path: String(first[1]), headers: headers, body: Array(body[..<length]),
            connection: number)
    }

    /// What comes next of a body that is left: some of at most `limit` bytes; nil at the end of the connection.
    package func receive(upTo limit: Int) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: min(max(1, limit), 65_536))
        // SAFETY: the system writes at most as many bytes as the array has.
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private func receive() -> [UInt8]? { receive(upTo: 65_536) }

    private static func position(of pattern: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        return (0...(bytes.count - pattern.count)).first {
            bytes[$0..<($0 + pattern.count)].elementsEqual(pattern)
        }
    }
}
