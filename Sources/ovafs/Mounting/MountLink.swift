// A server's side of its broker.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import FuseServer
import Glibc
import Synchronization
import SystemPackage

/// Starts the broker, and asks it for what the server itself may not do: docs/decisions/0120-a-server-that-cannot-mount.md.
final class MountLink: MountKeeper {
    /// Nil when it has been closed.
    private let socket: SleepingMutex<CInt?>
    private let process: pid_t
    /// Whether the broker ends after this process, for which it stands.
    private let outlivesServer: Bool
    private let learned = Mutex(Learned())
    /// For how long the broker may take to unmount or to end, in seconds: one that stands still holds up nobody's end.
    private static let longestEnd = 10.0

    private struct Learned {
        var coveredSource: FilePath?
        var device: String?
    }

    /// Starts the broker; called before there are threads.
    /// - Throws: `CommandFailure` where there is no process to be had.
    init(_ order: MountOrder) throws {
        outlivesServer = order.announces
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw Self.failure(SystemError(errno: errno))
        }
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        defer {
            close(ends[1])
            close(null)
        }
        let words = ["ovafs", MountBroker.commandName].map { Array($0.utf8) }
        do throws(SystemError) {
            process = try ProgramStart.start(
                ProgramStart.ownPath, words + order.arguments, descriptors: [ends[1], null, null])
        } catch {
            close(ends[0])
            throw Self.failure(error)
        }
        socket = SleepingMutex(ends[0])
    }

    deinit {
        finish(wasOfUse: false)
    }

    /// The source of a mount of ovafs at the same place, which is hidden now.
    var coveredSource: FilePath? { learned.withLock { $0.coveredSource } }
    /// The numbers of the mount's device, `major:minor`, once it is usable.
    var device: String? { learned.withLock { $0.device } }

    func mount() throws(MountError) -> CInt {
        guard let answer = ask(.mount) else {
            throw MountError(description: "cannot mount: the process that mounts has ended")
        }
        guard answer.isDone, answer.descriptor >= 0 else {
            throw MountError(description: String(decoding: answer.rest, as: UTF8.self))
        }
        if !answer.rest.isEmpty {
            let source = FilePath(bytes: answer.rest)
            learned.withLock { $0.coveredSource = source }
        }
        return answer.descriptor
    }

    func waitUntilUsable() -> Bool {
        // Without a broker those who wait are told at once: requests queue in the kernel.
        guard let answer = ask(.waitUntilUsable) else { return true }
        if answer.isDone, !answer.rest.isEmpty {
            let device = String(decoding: answer.rest, as: UTF8.self)
            learned.withLock { $0.device = device }
        }
        return answer.isDone
    }

    func takeAway(wasCut: Bool) {
        _ = ask(wasCut ? .unmountIfDead : .unmount, within: Self.longestEnd)
    }

    /// Has the record written that `bytes` are.
    /// - Returns: Whether it was; false where an earlier one stays.
    /// - Throws: `ReadError.unsupported` that says why it could not be.
    func saveRecord(_ bytes: [UInt8]) throws(ReadError) -> Bool {
        let file: CInt
        do throws(SystemError) {
            file = try MemoryFile.holding(bytes)
        } catch {
            throw .system(call: "keep the record", errno: error.errno)
        }
        defer { close(file) }
        guard let answer = ask(.saveRecord, descriptor: file) else {
            throw .system(call: "write the record: the process that writes it has ended:", errno: EPIPE)
        }
        guard answer.isDone else {
            throw .unsupported(feature: String(decoding: answer.rest, as: UTF8.self))
        }
        return answer.rest == [1]
    }

    /// Lets the broker end, and waits for that; folders that were made for the mount stay if they were of use. Called when all
    /// else is over, once or more often.
    func finish(wasOfUse: Bool) {
        guard let socket = socket.withLock({ $0.take() }) else { return }
        let request: BrokerRequest = wasOfUse ? .end : .endInVain
        _ = BrokerPacket(bytes: [request.rawValue]).send(to: socket)
        let hasEnded = Self.hasWord(socket, until: MonotonicClock.now + Self.longestEnd)
        close(socket)
        if hasEnded, !outlivesServer { _ = ProgramStart.wait(for: process) }
    }

    /// The broker's answer; nil where there is none, because it has ended or takes longer than `seconds`.
    private func ask(
        _ request: BrokerRequest, descriptor: CInt = -1, within seconds: Double? = nil
    ) -> BrokerPacket? {
        socket.withLock { socket in
            guard let socket else { return nil }
            let packet = BrokerPacket(bytes: [request.rawValue], descriptor: descriptor)
            guard packet.send(to: socket) else { return nil }
            if let seconds, !Self.hasWord(socket, until: MonotonicClock.now + seconds) { return nil }
            return BrokerPacket.receive(from: socket)
        }
    }

    /// Waits until there is a packet to receive, or the other side's end.
    private static func hasWord(_ socket: CInt, until deadline: Double) -> Bool {
        while true {
            var state = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            let rest = max(0, deadline - MonotonicClock.now) * 1_000
            let count = unsafe poll(&state, 1, CInt(rest.rounded(.up)))
            guard count < 0, errno == EINTR else { return count > 0 }
        }
    }

    private static func failure(_ error: SystemError) -> CommandFailure {
        CommandFailure(
            status: .cannotMount, message: "cannot start the process that mounts: \(error)")
    }
}
