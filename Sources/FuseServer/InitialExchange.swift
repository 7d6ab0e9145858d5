// The first exchange with the kernel, in which both sides say what they can do.
// SPDX-License-Identifier: Apache-2.0

import CFuse
import Glibc

/// libfuse before 3.17 does not tell the kernel that look-ups in one folder may come at the same time, whatever it is asked
/// for; the kernel then holds all but one of them back, where not even a signal ends them. So the answer to the kernel's
/// first request passes through here and gets that mark: for this one exchange libfuse has a socket in place of the kernel.
/// Spec: FUSE protocol 7.25, `FUSE_PARALLEL_DIROPS`; libfuse, pull request 861.
enum InitialExchange {
    private static let mark: UInt32 = 1 << 18
    /// Where the flags are: behind the header, and major, minor and the length of reading ahead.
    private static let requestFlags = 52
    private static let answerFlags = 28
    private static let bufferByteCount = 64 << 10
    /// `FUSE_INIT`, at byte 4 of a request.
    private static let operation: UInt32 = 26

    /// Performs it for a session that is mounted. Where it does not come about, nothing has changed, and the session's loop
    /// does it without the mark.
    /// - Returns: False where the kernel has asked and cannot be answered: the session is no good.
    static func perform(_ session: OpaquePointer) -> Bool {
        let descriptor = unsafe fuse_session_fd(session)
        let kernel = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard kernel >= 0 else { return true }
        defer { close(kernel) }
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return true }
        defer { for end in ends { close(end) } }
        guard let request = unsafe read(from: kernel, for: session) else { return true }
        guard replace(descriptor, by: ends[1]) else { return false }
        let isAnswered = unsafe pass(request, to: session, through: ends[0], answering: kernel)
        return replace(descriptor, by: kernel) && isAnswered
    }

    private static func read(from descriptor: CInt, for session: OpaquePointer) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: bufferByteCount)
        while true {
            // SAFETY: no more is written than the array holds.
            let count = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count > 0 { return Array(bytes.prefix(count)) }
            guard count < 0, errno == EINTR, unsafe fuse_session_exited(session) == 0 else { return nil }
        }
    }

    /// Has `descriptor` stand for what `other` is open for.
    private static func replace(_ descriptor: CInt, by other: CInt) -> Bool {
        dup2(other, descriptor) == descriptor && fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
    }

    private static func pass(
        _ request: [UInt8], to session: OpaquePointer, through socket: CInt, answering kernel: CInt
    ) -> Bool {
        guard write(request, to: socket) else { return false }
        var buffer = unsafe fuse_buf()
        // SAFETY: libfuse allocates the memory, and leaves it to the caller.
        defer { unsafe free(buffer.mem) }
        guard unsafe fuse_session_receive_buf(session, &buffer) > 0 else {
            // A signal that ends the mount may have come by now.
            return unsafe fuse_session_exited(session) != 0
        }
        unsafe fuse_session_process_buf(session, &buffer)
        guard var answer = unsafe read(from: socket, for: session) else { return false }
        if number(at: 4, of: request) == operation, number(at: requestFlags, of: request) & mark != 0,
            answer.count >= answerFlags + 4, number(at: 4, of: answer) == 0
        {
            let marked = number(at: answerFlags, of: answer) | mark
            // SAFETY: the four bytes are inside the array.
            unsafe answer.withUnsafeMutableBytes {
                unsafe $0.storeBytes(of: marked, toByteOffset: answerFlags, as: UInt32.self)
            }
        }
        return write(answer, to: kernel)
    }

    private static func write(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
        // SAFETY: the array is read for the time of the call.
        unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            == bytes.count
    }

    /// In the machine's byte order, as the protocol has it; 0 where it is not there.
    private static func number(at offset: Int, of bytes: [UInt8]) -> UInt32 {
        guard offset + 4 <= bytes.count else { return 0 }
        // SAFETY: the four bytes are inside the array.
        return unsafe bytes.withUnsafeBytes {
            unsafe $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        }
    }
}
