// A web server on 127.0.0.1 that does what a test tells it, right or wrong.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// A request as it came.
package struct WebRequest: Sendable {
    package let method: String
    /// With its query.
    package let path: String
    /// Names in small letters.
    package let headers: [String: String]
    package let body: [UInt8]
    /// Which connection it came by, from 0.
    package let connection: Int

    /// What `Range: bytes=a-b` asks for, as far as it is inside `byteCount` bytes; nil where there is none.
    package func range(in byteCount: Int) -> Range<Int>? {
        guard let text = headers["range"], text.hasPrefix("bytes=") else { return nil }
        let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int(ends[0]) else { return nil }
        let last = Int(ends[1]) ?? byteCount - 1
        guard first < byteCount, first <= last else { return byteCount..<byteCount }
        return first..<min(byteCount, last + 1)
    }
}

/// Serves connections, each by a thread of its own, until it is stopped.
package final class WebServer: Sendable {
    /// Answers a request, as it likes.
    package typealias Behaviour = @Sendable (WebRequest, WebConnection) -> Void

    private struct State {
        var behaviour: Behaviour
        var requests: [WebRequest] = []
        var connections: [WebConnection] = []
        var threads: [WorkerThread] = []
        var openCount = 0
        var mostOpen = 0
        var isStopped = false
        var leavesBodies = false
    }

    package let port: UInt16
    private let descriptor: CInt
    private let state: Monitor<State>
    private let acceptor: SleepingMutex<WorkerThread?>

    package struct Failure: Error {
        let call: String
        let errno: CInt
    }

    package init(_ behaviour: @escaping Behaviour) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(call: "socket", errno: errno) }
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: the address outlives the calls, which are told its length.
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, length) == 0 && listen(descriptor, 128) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard result else { throw Failure(call: "bind", errno: errno) }
        port = UInt16(bigEndian: address.sin_port)
        state = Monitor(State(behaviour: behaviour))
        acceptor = SleepingMutex(nil)
        let thread = try WorkerThread { self.accept() }
        acceptor.withLock { $0 = thread }
    }

    /// `http://127.0.0.1:PORT` and `path`.
    package func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    /// From the next request on.
    package func behave(_ behaviour: @escaping Behaviour) {
        state.withLock { $0.behaviour = behaviour }
    }

    /// From the next request on, bodies are not read: behaviours get what came with the head.
    package func leaveBodies() {
        state.withLock { $0.leavesBodies = true }
    }

    var leavesBodies: Bool { state.withLock { $0.leavesBodies } }

    package var requests: [WebRequest] { state.withLock { $0.requests } }

    /// The most connections that were open at a time.
    package var mostConnections: Int { state.withLock { $0.mostOpen } }

    package var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Waits, until the server is stopped at most.
    package func rest(_ seconds: Double) {
        state.withLock(waitingWhile: { !$0.isStopped }, until: MonotonicClock.now + seconds) { _ in }
    }

    /// Ends all connections and threads.
    package func stop() {
        let (connections, wasStopped) = state.withLock { state in
            defer { state.isStopped = true }
            return (state.connections, state.isStopped)
        }
        guard !wasStopped else { return }
        state.wake()
        shutdown(descriptor, CInt(SHUT_RDWR))
        for connection in connections { connection.end() }
        acceptor.withLock { $0 }?.join()
        for thread in state.withLock({ $0.threads }) { thread.join() }
        Glibc.close(descriptor)
    }

    private func accept() {
        var number = 0
        while true {
            let descriptor = Glibc.accept(descriptor, nil, nil)
            guard descriptor >= 0 else {
                if isStopped { return }
                continue
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            var isOn: CInt = 1
            unsafe setsockopt(
                descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<CInt>.size))
            let connection = WebConnection(descriptor, number: number, of: self)
            number += 1
            let isTaken = state.withLock { state in
                guard !state.isStopped else { return false }
                state.connections.append(connection)
                state.openCount += 1
                state.mostOpen = max(state.mostOpen, state.openCount)
                return true
            }
            guard isTaken, let thread = try? WorkerThread({ self.serve(connection) }) else {
                connection.close()
                continue
            }
            state.withLock { $0.threads.append(thread) }
        }
    }

    private func serve(_ connection: WebConnection) {
        while let request = connection.nextRequest() {
            let behaviour = state.withLock { state in
                state.requests.append(request)
                return state.behaviour
            }
            behaviour(request, connection)
            if connection.isClosed { break }
        }
        connection.close()
        state.withLock { $0.openCount -= 1 }
    }
}
