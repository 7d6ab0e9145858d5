// What web servers answer, over real connections.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import RemoteSources
import TestSupport

/// Takes the bytes as what a server sends to each request, whatever was asked for, before it ends the connection.
enum AnswerTarget {
    /// Nothing is waited for longer, in seconds: what fails is tried again until then.
    private static let patience = 0.05
    private static let mostByteCount: UInt64 = 1 << 20

    static func run(_ bytes: [UInt8]) throws {
        let server = try WebServer { _, connection in
            connection.send(bytes)
            connection.close()
        }
        defer { server.stop() }
        let transport = try transport.get()
        let address = try WebAddress(server.url("/file"))
        _ = try? transport.exchange(
            HTTPRequest(.get, address), bodyLimit: 1 << 16, until: Deadline(after: patience))
        var access = RemoteAccess(
            transport: transport, cache: BlockCache(byteLimit: 4 << 20), timeoutInSeconds: patience)
        access.spoolByteLimit = mostByteCount
        guard let source = try? RemoteOpener.open(RemoteObject(address), through: access) else { return }
        precondition(source.byteCount <= UInt64(Int64.max), "a file that is longer than files are")
        for place in [0, source.byteCount / 2, source.byteCount - min(source.byteCount, 512)] {
            let count = Int(min(512, source.byteCount - place))
            guard let first = try? source.bytes(count, at: place) else { continue }
            precondition(first.count == count, "another number of bytes than was asked for")
        }
    }

    private static let transport = Result { try HTTPTransport() }
}
