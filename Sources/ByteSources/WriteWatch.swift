// Knows whether another program of this machine wrote to a file that is open here.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import SystemPackage

/// Has the kernel note who writes to open files, or opens them for writing: inotify(7). It is asked where a file is opened
/// and where a change time moved and nothing else did, so that it costs a read nothing. One for the process.
package final class WriteWatch: Sendable {
    /// What is known of one file; two descriptors of one file share it.
    final class WatchedFile: Sendable {
        fileprivate let number: CInt
        private let events = Atomic<UInt64>(0)

        fileprivate init(_ number: CInt) {
            self.number = number
        }

        /// How often it was written to, or closed by someone who could have, since it is watched; as far as that was taken
        /// in. Where events were lost, it counts one for all of them.
        var eventCount: UInt64 { events.load(ordering: .sequentiallyConsistent) }

        fileprivate func countEvent() {
            events.add(1, ordering: .sequentiallyConsistent)
        }
    }

    private struct State {
        /// By the kernel's number.
        var files: [CInt: (file: WatchedFile, userCount: Int)] = [:]
        var buffer = [UInt8](repeating: 0, count: WriteWatch.bufferByteCount)
    }

    package static let shared = WriteWatch()

    /// The kernel keeps 16,384 events by default; one read takes 1,024 of them.
    private static let mostReads = 256
    private static let bufferByteCount = 16 << 10

    /// -1 where the system gives none.
    private let descriptor: CInt
    private let state = SleepingMutex(State())

    private init() {
        descriptor = inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC))
    }

    /// Watches the file behind `file`; nil where that cannot be done, as where /proc is not mounted.
    func add(_ file: FileDescriptor) -> WatchedFile? {
        guard descriptor >= 0 else { return nil }
        return state.withLock { state in
            // The path of an open file is that of its inode, whatever its names are.
            let number = unsafe inotify_add_watch(
                descriptor, "/proc/self/fd/\(file.rawValue)", UInt32(IN_MODIFY | IN_CLOSE_WRITE))
            guard number >= 0 else { return nil }
            let (file, userCount) = state.files[number] ?? (WatchedFile(number), 0)
            state.files[number] = (file, userCount + 1)
            return file
        }
    }

    func remove(_ file: WatchedFile) {
        state.withLock { state in
            guard let (_, userCount) = state.files[file.number] else { return }
            guard userCount == 1 else {
                state.files[file.number] = (file, userCount - 1)
                return
            }
            state.files[file.number] = nil
            inotify_rm_watch(descriptor, file.number)
        }
    }

    /// Takes in what the kernel noted. Done whenever a file is opened, so that its queue does not overflow. Numbers are not
    /// given twice, so that what comes late is of no one.
    package func takeEvents() {
        guard descriptor >= 0 else { return }
        state.withLock { state in
            for _ in 0..<Self.mostReads {
                // SAFETY: the buffer is the array's own.
                let count = unsafe state.buffer.withUnsafeMutableBytes {
                    unsafe read(descriptor, $0.baseAddress, $0.count)
                }
                guard count > 0 else { return }
                Self.count(eventsIn: count, &state)
            }
        }
    }

    private static func count(eventsIn byteCount: Int, _ state: inout State) {
        let header = MemoryLayout<inotify_event>.size
        var position = 0
        while position <= byteCount - header {
            // SAFETY: the event lies inside of what was read.
            let event = unsafe state.buffer.withUnsafeBytes {
                unsafe $0.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
            }
            position += header + Int(event.len)
            if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                // Harmless for those whose change time has not moved when they are next looked at.
                for (file, _) in state.files.values { file.countEvent() }
            } else {
                state.files[event.wd]?.file.countEvent()
            }
        }
    }
}
