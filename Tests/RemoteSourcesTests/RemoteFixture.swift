// A server, a transport and a cache for one test.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport

@testable import RemoteSources

/// What a test of remote sources needs; ended by `stop`.
struct RemoteFixture {
    let server: WebServer
    let transport: HTTPTransport
    let cache: BlockCache
    var access: RemoteAccess

    init(
        timeout: Double = 30, cacheByteLimit: UInt64 = 16 << 20, _ behaviour: @escaping WebServer.Behaviour
    ) throws {
        server = try WebServer(behaviour)
        var limits = TransportLimits()
        limits.silenceInSeconds = 1
        limits.connectionInSeconds = 5
        transport = try HTTPTransport(limits: limits)
        cache = BlockCache(byteLimit: cacheByteLimit)
        access = RemoteAccess(transport: transport, cache: cache, timeoutInSeconds: timeout)
        access.servesWhatHasCome = true
    }

    func open(_ path: String = "/file") throws -> any ByteSource {
        try RemoteOpener.open(RemoteObject(try WebAddress(server.url(path))), through: access)
    }

    /// Calls `body`, and ends what was started.
    @discardableResult
    static func with<Result>(
        timeout: Double = 30, cacheByteLimit: UInt64 = 16 << 20, _ behaviour: @escaping WebServer.Behaviour,
        _ body: (RemoteFixture) throws -> Result
    ) throws -> Result {
        let fixture = try RemoteFixture(timeout: timeout, cacheByteLimit: cacheByteLimit, behaviour)
        defer {
            fixture.transport.stop()
            fixture.server.stop()
        }
        return try body(fixture)
    }

    /// Bytes that are the same in every run.
    static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        let words = (0..<((count + 7) / 8)).map { _ in random.next() }
        return Array(
            words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
                .prefix(count))
    }
}
