// What bad servers do, each with what its readers get.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport
import Testing

/// A way in which a server errs.
struct Fault: Sendable, CustomTestStringConvertible {
    /// What a read may come to while the server errs. Wrong bytes never.
    enum Outcome: Sendable {
        /// The right bytes, and nothing else.
        case right
        /// An error that goes away when the server is well.
        case error
        /// `ReadError.stale`, for good.
        case stale
        /// The right bytes or an error that goes away.
        case rightOrError
    }

    let name: String
    let atOpening: Outcome
    let whileOpen: Outcome
    /// The behaviour, of a server that has this file.
    let behaviour: @Sendable (WebFile) -> WebServer.Behaviour

    var testDescription: String { name }

    init(
        _ name: String, atOpening: Outcome = .error, whileOpen: Outcome = .error,
        _ behaviour: @escaping @Sendable (WebFile) -> WebServer.Behaviour
    ) {
        self.name = name
        self.atOpening = atOpening
        self.whileOpen = whileOpen
        self.behaviour = behaviour
    }

    /// Answers 206 with other headers than those that belong there.
    private static func headers(
        _ change: @escaping @Sendable (Range<Int>, WebFile) -> [String]
    ) -> @Sendable (WebFile) -> WebServer.Behaviour {
        { file in
            { request, connection in
                guard let range = request.range(in: file.bytes.count), !range.isEmpty else {
                    return file.answer(request, connection)
                }
                connection.sendHead(206, change(range, file))
                connection.send(file.bytes[range])
            }
        }
    }

    /// Answers to any request with `status`.
    private static func status(
        _ status: Int, _ headers: [String] = [], _ body: String = ""
    ) -> @Sendable (WebFile) -> WebServer.Behaviour {
        { _ in { _, connection in connection.answer(status, headers, body) } }
    }

    /// Sends `text` and ends.
    private static func raw(_ text: String) -> @Sendable (WebFile) -> WebServer.Behaviour {
        { _ in
            { _, connection in
                connection.send(text)
                connection.close()
            }
        }
    }

    private static func total(_ range: Range<Int>, _ total: Int) -> String {
        "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(total)"
    }

    static let ranges: [Fault] = [
        Fault(
            "wrong start",
            headers { range, file in
                let text =
                    "Content-Range: bytes \(range.lowerBound + 1)-\(range.upperBound)/\(file.bytes.count + 1)"
                return [text, "Content-Length: \(range.count)", "ETag: \"1\""]
            }),
        Fault(
            "wrong total", atOpening: .rightOrError,
            headers { range, file in
                [total(range, file.bytes.count + 1), "Content-Length: \(range.count)", "ETag: \"1\""]
            }),
        Fault(
            "total that changes", atOpening: .rightOrError, whileOpen: .rightOrError,
            headers { range, file in
                [
                    total(range, file.bytes.count + Int.random(in: 1...9)), "Content-Length: \(range.count)",
                    "ETag: \"1\"",
                ]
            }),
        Fault(
            "another range", atOpening: .right,
            { file in
                { request, connection in
                    let count = request.range(in: file.bytes.count)?.count ?? 10
                    connection.sendHead(206, file.headers(for: 0..<count))
                    connection.send(file.bytes[..<count])
                }
            }),
        Fault("no Content-Range", headers { range, _ in ["Content-Length: \(range.count)", "ETag: \"1\""] }),
        Fault(
            "nonsense in Content-Range",
            headers { range, _ in
                ["Content-Range: bytes a-b/c", "Content-Length: \(range.count)", "ETag: \"1\""]
            }),
        Fault(
            "lengths that disagree",
            headers { range, file in
                [total(range, file.bytes.count), "Content-Length: \(range.count - 1)", "ETag: \"1\""]
            }),
        Fault(
            "validator missing", atOpening: .right,
            headers { range, file in [total(range, file.bytes.count), "Content-Length: \(range.count)"] }),
        Fault(
            "shorter than asked", atOpening: .right, whileOpen: .right,
            { file in
                { request, connection in
                    guard let range = request.range(in: file.bytes.count), !range.isEmpty else {
                        return file.answer(request, connection)
                    }
                    let part = range.lowerBound..<min(range.upperBound, range.lowerBound + 100_000)
                    connection.sendHead(206, file.headers(for: part))
                    connection.send(file.bytes[part])
                }
            }),
        Fault(
            "compressed",
            headers { range, file in file.headers(for: range) + ["Content-Encoding: gzip"] }),
        Fault(
            "several parts",
            headers { range, file in
                file.headers(for: range) + ["Content-Type: multipart/byteranges; boundary=x"]
            }),
    ]

    static let statuses: [Fault] = [
        Fault("204", status(204)),
        Fault("a log-in page with 200", status(200, ["Content-Type: text/html"], "<h1>Log in</h1>")),
        Fault("400 to ranges", atOpening: .right, withoutRanges(400)),
        Fault("416 to ranges", atOpening: .right, withoutRanges(416)),
        Fault("200 to ranges", atOpening: .right, withoutRanges(200)),
        Fault("401 for ever", status(401)),
        Fault("403 for ever", status(403)),
        Fault("404", whileOpen: .stale, status(404)),
        Fault("500 for ever", status(500)),
        Fault("503 with a long Retry-After", status(503, ["Retry-After: 3000"])),
        Fault("redirections in a circle", status(302, ["Location: /again"])),
        Fault("redirection to a local file", status(302, ["Location: file:///etc/passwd"])),
        Fault("redirection without a place", status(302)),
        Fault("304", status(304)),
    ]

    static let connections: [Fault] = [
        Fault("truncated", atOpening: .right, whileOpen: .right, broken { $0.close() }),
        Fault("reset in the body", atOpening: .right, whileOpen: .right, broken { $0.reset() }),
        Fault("reset at once", { _ in { _, connection in connection.reset() } }),
        Fault("closed without an answer", { _ in { _, connection in connection.close() } }),
        Fault("silent before the answer", { _ in { _, connection in connection.rest(60) } }),
        Fault(
            "silent in the body", atOpening: .rightOrError, whileOpen: .rightOrError,
            broken { $0.rest(60) }),
        Fault(
            "one byte a second", atOpening: .rightOrError,
            { file in
                { request, connection in
                    guard let range = request.range(in: file.bytes.count), !range.isEmpty else {
                        return file.answer(request, connection)
                    }
                    connection.sendHead(206, file.headers(for: range))
                    for byte in file.bytes[range] where !connection.isStopping {
                        guard connection.send([byte]) else { break }
                        connection.rest(1)
                    }
                }
            }),
        Fault(
            "endless", atOpening: .right, whileOpen: .right,
            { file in
                { request, connection in
                    guard let range = request.range(in: file.bytes.count), !range.isEmpty else {
                        return file.answer(request, connection)
                    }
                    connection.sendHead(206, [total(range, file.bytes.count), "ETag: \"1\""])
                    connection.send(file.bytes[range])
                    while connection.send([UInt8](repeating: 0, count: 65_536)) {}
                    connection.close()
                }
            }),
        Fault("wrong chunks", raw("HTTP/1.1 206 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n")),
        Fault(
            "chunks with garbage behind a good one", atOpening: .right, whileOpen: .right,
            { file in
                { request, connection in
                    guard let range = request.range(in: file.bytes.count), !range.isEmpty else {
                        return file.answer(request, connection)
                    }
                    connection.sendHead(
                        206, [total(range, file.bytes.count), "ETag: \"1\"", "Transfer-Encoding: chunked"])
                    let part = file.bytes[range].prefix(200_000)
                    connection.send("\(String(part.count, radix: 16))\r\n")
                    connection.send(part)
                    connection.send("\r\nxyz\r\n")
                    connection.close()
                }
            }),
        Fault("no HTTP", raw("220 smtp.example.com\r\n")),
        Fault(
            "HTTP/1.0, which ends with the connection", atOpening: .right, whileOpen: .right,
            { file in
                { request, connection in
                    guard let range = request.range(in: file.bytes.count), !range.isEmpty else {
                        return file.answer(request, connection)
                    }
                    connection.sendHead(
                        206, [total(range, file.bytes.count), "ETag: \"1\""], version: "HTTP/1.0")
                    connection.send(file.bytes[range])
                    connection.close()
                }
            }),
        Fault(
            "chunked", atOpening: .right, whileOpen: .right,
            { file in
                { request, connection in
                    guard let range = request.range(in: file.bytes.count), !range.isEmpty else {
                        return file.answer(request, connection)
                    }
                    connection.sendHead(
                        206, [total(range, file.bytes.count), "ETag: \"1\"", "Transfer-Encoding: chunked"])
                    for start in stride(from: range.lowerBound, to: range.upperBound, by: 50_000) {
                        let part = file.bytes[start..<min(range.upperBound, start + 50_000)]
                        connection.send("\(String(part.count, radix: 16))\r\n")
                        connection.send(part)
                        connection.send("\r\n")
                    }
                    connection.send("0\r\n\r\n")
                }
            }),
        Fault(
            "64 MiB of headers",
            { _ in
                { _, connection in
                    connection.send("HTTP/1.1 206 X\r\n")
                    let line = "X-Y: " + String(repeating: "y", count: 8_000) + "\r\n"
                    for _ in 0..<8_192 where !connection.send(line) { break }
                    connection.close()
                }
            }),
        Fault("more connections than it allows", atOpening: .right, whileOpen: .right, crowded()),
    ]

    static let all = ranges + statuses + connections

    /// A server without ranges, which says so with `status`.
    private static func withoutRanges(_ status: Int) -> @Sendable (WebFile) -> WebServer.Behaviour {
        { file in
            { request, connection in
                if status != 200, request.headers["range"] != nil { return connection.answer(status) }
                connection.sendHead(200, ["Content-Length: \(file.bytes.count)"] + file.headers)
                connection.send(file.bytes)
            }
        }
    }

    /// Sends 100,000 bytes of what was asked for, at most, and ends the connection in some way.
    private static func broken(
        _ end: @escaping @Sendable (WebConnection) -> Void
    ) -> @Sendable (WebFile) -> WebServer.Behaviour {
        { file in
            { request, connection in
                guard let range = request.range(in: file.bytes.count), range.count > 100_000 else {
                    return file.answer(request, connection)
                }
                connection.sendHead(206, file.headers(for: range))
                connection.send(file.bytes[range].prefix(100_000))
                connection.rest(0.01)
                end(connection)
            }
        }
    }

    /// Answers 503 where two requests are being answered already.
    private static func crowded() -> @Sendable (WebFile) -> WebServer.Behaviour {
        { file in
            let running = Counter()
            return { request, connection in
                defer { running.add(-1) }
                guard running.add(1) <= 2 else {
                    connection.answer(503)
                    return
                }
                connection.rest(0.02)
                file.answer(request, connection)
            }
        }
    }
}

/// A number that threads share.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    @discardableResult
    func add(_ change: Int) -> Int {
        value.add(change, ordering: .relaxed).newValue
    }
}
