// A pipe, a terminal's redirection or whatever else takes a disk from its first byte to its last.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization
package import SystemPackage

/// An output without positions. Threads decode at once, and each waits for its turn to write.
package final class OutputStream: CopyOutput {
    package let keepsHoles = false

    private let descriptor: FileDescriptor
    private let name: String
    private let order = WriteOrder()
    private let isComplete = Atomic<Bool>(false)

    /// Writes to `descriptor`, which stays open; `name` is for messages.
    package init(_ descriptor: FileDescriptor, named name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    package func write(_ buffer: CopyBuffer, _ range: Range<Int>, at offset: UInt64) throws(CopyError) {
        // Where the copy has failed meanwhile, the one who failed says why.
        guard order.wait(for: offset) else { return }
        var start = range.lowerBound
        while start < range.upperBound {
            let result = unsafe buffer.withBytes(start..<range.upperBound) { bytes in
                // SAFETY: the bytes live until the closure returns.
                unsafe Glibc.write(descriptor.rawValue, bytes.baseAddress, bytes.count)
            }
            if result > 0 {
                start += result
            } else if result < 0, errno == EAGAIN {
                waitUntilWritable()
            } else if result == 0 || errno != EINTR {
                throw .output(call: "write to \(name)", errno: result == 0 ? EIO : errno)
            }
        }
        order.advance(by: UInt64(range.count))
    }

    /// For a pipe that its other end made non-blocking.
    private func waitUntilWritable() {
        var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&request, 1, -1)
    }

    package var isFinished: Bool { isComplete.load(ordering: .relaxed) }

    package func cancel() { order.cancel() }

    package func finish(isDurable: Bool) throws(CopyError) {
        // EINVAL: a pipe has nothing that could be on a disk.
        if isDurable, fsync(descriptor.rawValue) != 0, errno != EINVAL, errno != EROFS {
            throw .output(call: "write to \(name)", errno: errno)
        }
        // Some file systems tell of failed writes when a file is closed.
        do {
            try descriptor.duplicate().close()
        } catch {
            throw .output(call: "close \(name)", error)
        }
        isComplete.store(true, ordering: .relaxed)
    }

    package func discard() -> String? {
        let count = order.position
        return count > 0 && !isFinished ? "\(name) has the first \(count) bytes only" : nil
    }
}
