// The memory that a case reads into, again and again.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages

/// A buffer that is overwritten by each read, so that the reads alone are measured. One thread uses it.
@safe final class ReadBuffer {
    private let memory: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        unsafe memory = .allocate(byteCount: byteCount, alignment: 4096)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Reads through the cache.
    func read(_ count: Int, at offset: UInt64, of disk: GuestDisk) throws(ReadError) {
        // SAFETY: the memory is this buffer's own, and the span ends before the next one begins.
        var output = unsafe OutputRawSpan(buffer: memory, initializedCount: 0)
        try disk.read(count, at: offset, into: &output)
        precondition(output.byteCount == count, "a read was short")
    }

    /// Reads past the cache, as a copy of the whole disk does.
    func readOnce(_ count: Int, at offset: UInt64, of disk: GuestDisk) throws(ReadError) {
        // SAFETY: as above.
        var output = unsafe OutputRawSpan(buffer: memory, initializedCount: 0)
        try disk.readOnce(count, at: offset, into: &output)
        precondition(output.byteCount == count, "a read was short")
    }
}
