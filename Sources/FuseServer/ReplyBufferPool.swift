// Memory for answers, used again and again.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// Lends buffers that hold the largest read that the kernel asks for; there are never more than there were
/// reads at once.
@safe final class ReplyBufferPool: Sendable {
    /// One buffer; only the one who borrowed it touches it.
    // SAFETY: the pool lends a buffer to one thread at a time.
    @safe private final class Buffer: @unchecked Sendable {
        let memory: UnsafeMutableRawBufferPointer

        init(byteCount: Int) {
            unsafe memory = .allocate(byteCount: byteCount, alignment: 4096)
        }

        deinit {
            unsafe memory.deallocate()
        }
    }

    /// The kernel's largest read: libfuse's 256 pages.
    static let usualByteCount = 1 << 20

    private let idle = Mutex<[Buffer]>([])
    /// Zeros that many answers share. They are never written, so that the system backs them by one page.
    // SAFETY: never written after `init`.
    private nonisolated(unsafe) let zeros: UnsafeMutableRawBufferPointer

    init() {
        unsafe zeros = .allocate(byteCount: Self.usualByteCount, alignment: 4096)
        unsafe zeros.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        unsafe zeros.deallocate()
    }

    /// Calls `fill` to append up to `byteCount` bytes to an empty buffer, then `use` with what it appended.
    func withBuffer(
        _ byteCount: Int,
        fill: (inout OutputRawSpan) throws(ReadError) -> Void,
        use: (UnsafeRawBufferPointer) -> Void
    ) throws(ReadError) {
        let lent = idle.withLock { $0.popLast() }
        let buffer: Buffer
        if let lent, unsafe lent.memory.count >= byteCount {
            buffer = lent
        } else {
            buffer = Buffer(byteCount: max(byteCount, Self.usualByteCount))
        }
        defer { idle.withLock { $0.append(buffer) } }
        // SAFETY: the buffer is this call's alone until it goes back to the pool.
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<byteCount])
        var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
        try fill(&output)
        let filled = unsafe output.finalize(for: room)
        unsafe use(UnsafeRawBufferPointer(rebasing: room[..<filled]))
    }

    /// Calls `use` with `byteCount` zeros; false where that is more than are kept.
    func withZeros(_ byteCount: Int, use: (UnsafeRawBufferPointer) -> Void) -> Bool {
        guard byteCount <= Self.usualByteCount else { return false }
        unsafe use(UnsafeRawBufferPointer(rebasing: zeros[..<byteCount]))
        return true
    }
}
