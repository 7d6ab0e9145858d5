// Knows whether another program of this machine wrote to a file that is open here.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import SystemPackage

/// Has the kernel note who writes to open files, or opens them for writing: inotify(7). It is asked only where a file's
/// change time moved and nothing else did, so that it costs no read anything. One for the process.
final class WriteWatch: Sendable {
    /// The watch of one file, and how often it had been written to when it began.
    struct Token: Sendable {
        fileprivate let number: CInt
        fileprivate let writeCount: UInt64
    }

    private struct Watched {
        var userCount = 0
        var writeCount: UInt64 = 0
    }

    static let shared = WriteWatch()

    /// The kernel keeps 16,384 events by default; one read takes 1,024 of them.
    private static let mostReads = 256
    private static let bufferByteCount = 16 << 10

    /// -1 where the system gives none.
    private let descriptor: CInt
    /// By the kernel's number; two descriptors of one file share it.
    private let watched = SleepingMutex<[CInt: Watched]>([:])

    private init() {
        descriptor = inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC))
    }

    /// Watches the file behind `file`; nil where that cannot be done, as where /proc is not mounted.
    func add(_ file: FileDescriptor) -> Token? {
        guard descriptor >= 0 else { return nil }
        return watched.withLock { watched in
            // The path of an open file is that of its inode, whatever its names are.
            let number = unsafe inotify_add_watch(
                descriptor, "/proc/self/fd/\(file.rawValue)", UInt32(IN_MODIFY | IN_CLOSE_WRITE))
            guard number >= 0 else { return nil }
            watched[number, default: Watched()].userCount += 1
            drain(&watched)
            return Token(number: number, writeCount: watched[number]?.writeCount ?? 0)
        }
    }

    /// Whether the file was written to, or opened for writing, since it is watched; also where that is no longer known.
    func wasWritten(_ token: Token) -> Bool {
        watched.withLock { watched in
            drain(&watched)
            return watched[token.number]?.writeCount != token.writeCount
        }
    }

    func remove(_ token: Token) {
        watched.withLock { watched in
            guard var file = watched[token.number] else { return }
            file.userCount -= 1
            watched[token.number] = file
            guard file.userCount == 0 else { return }
            watched[token.number] = nil
            inotify_rm_watch(descriptor, token.number)
        }
    }

    /// Takes in what the kernel noted. Numbers are not given twice, so that what comes late is of no one.
    private func drain(_ watched: inout [CInt: Watched]) {
        var buffer = [UInt8](repeating: 0, count: Self.bufferByteCount)
        for _ in 0..<Self.mostReads {
            // SAFETY: the buffer is the array's own.
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe read(descriptor, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            let header = MemoryLayout<inotify_event>.size
            var position = 0
            while position <= count - header {
                // SAFETY: the event lies inside of what was read.
                let event = unsafe buffer.withUnsafeBytes {
                    unsafe $0.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
                }
                position += header + Int(event.len)
                if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                    for number in watched.keys { watched[number]?.writeCount &+= 1 }
                } else {
                    watched[event.wd]?.writeCount &+= 1
                }
            }
        }
    }
}
