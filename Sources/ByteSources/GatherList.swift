// The answer to a read as pieces of memory: bytes that are in memory already are not copied together.
// SPDX-License-Identifier: Apache-2.0

package import Glibc

/// Memory that stays as it is until the loan of it ends.
package protocol LentMemory: AnyObject, Sendable {
    /// Ends one loan; the memory may change from then on.
    func release()
}

/// Pieces of memory that are, one after the other, the bytes of a read. What a source keeps in memory is lent, zeros
/// are shared, and all else is read into the list's own memory. One thread at a time uses a list.
// SAFETY: `ObjectPool` gives a list to one thread at a time; the memory is the list's alone.
@safe package final class GatherList: PooledObject, @unchecked Sendable {
    /// In the form that writev(2) takes; valid until the list is emptied.
    package private(set) var pieces = unsafe [iovec]()
    /// What all pieces hold together, in bytes.
    package private(set) var byteCount = 0

    /// writev(2) takes 1,024. Bytes that come in many tiny pieces are cheaper copied together, too.
    private static let mostPieces = 512
    /// The largest read that libfuse lets the kernel ask for: 256 pages.
    private static let usualByteCount = 1 << 20
    /// So few that they come out of the processor's nearest cache, however many are sent.
    private static let zeroByteCount = 32 << 10
    // SAFETY: written once, before anyone sees it.
    private nonisolated(unsafe) static let zeros = {
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: zeroByteCount, alignment: 4096)
        unsafe zeros.initializeMemory(as: UInt8.self, repeating: 0)
        return UnsafeRawBufferPointer(zeros)
    }()

    /// The system backs only what is written of it.
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: usualByteCount, alignment: 4096)
    /// How much of the list's own memory is filled, in bytes.
    package private(set) var ownByteCount = 0
    private var loans: [any LentMemory] = []

    package init() {
        unsafe pieces.reserveCapacity(Self.mostPieces)
        loans.reserveCapacity(Self.mostPieces)
    }

    deinit {
        reset()
        unsafe memory.deallocate()
    }

    /// Empties the list, ends all loans, and gives back unusual amounts of memory.
    package func reset() {
        for lender in loans { lender.release() }
        loans.removeAll(keepingCapacity: true)
        unsafe pieces.removeAll(keepingCapacity: true)
        byteCount = 0
        ownByteCount = 0
        guard unsafe memory.count > Self.usualByteCount else { return }
        unsafe memory.deallocate()
        unsafe memory = .allocate(byteCount: Self.usualByteCount, alignment: 4096)
    }

    /// Makes room for a read of `count` bytes; for an empty list.
    package func reserve(_ count: Int) {
        precondition(byteCount == 0, "the pieces of a list point into its memory")
        guard unsafe memory.count < count else { return }
        unsafe memory.deallocate()
        unsafe memory = .allocate(byteCount: count, alignment: 4096)
    }

    /// Appends `count` zeros.
    package func appendZeros(_ count: Int) {
        var rest = count
        while rest > 0, hasRoomForPiece {
            let step = min(rest, Self.zeroByteCount)
            unsafe append(UnsafeRawBufferPointer(rebasing: Self.zeros[..<step]))
            rest -= step
        }
        guard rest > 0 else { return }
        append(rest) { $0.appendZeros(rest) }
    }

    /// Appends `bytes`, which the caller has on loan from `lender`; the list ends the loan.
    package func append(_ bytes: UnsafeRawBufferPointer, lentBy lender: any LentMemory) {
        guard hasRoomForPiece else {
            append(bytes.count) { unsafe $0.append(copying: bytes.bytes) }
            return lender.release()
        }
        unsafe append(bytes)
        loans.append(lender)
    }

    private var hasRoomForPiece: Bool { unsafe pieces.count < Self.mostPieces }

    /// Appends `count` bytes that `body` writes into the list's own memory. Where they follow on the last piece they
    /// become a part of it. Where `body` throws, nothing is appended.
    package func append<Failure: Error>(
        _ count: Int, writtenBy body: (inout OutputRawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        guard count > 0 else { return }
        let end = ownByteCount + count
        precondition(unsafe end <= memory.count, "no room was reserved for \(count) bytes")
        // SAFETY: this part of the memory is not used by any piece.
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[ownByteCount..<end])
        var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
        try body(&output)
        let filled = unsafe output.finalize(for: room)
        precondition(filled == count, "a piece was filled short")
        ownByteCount = end
        let last = unsafe pieces.count - 1
        if last >= 0, unsafe pieces[last].iov_base + pieces[last].iov_len == room.baseAddress {
            unsafe pieces[last].iov_len += count
            byteCount += count
        } else {
            unsafe append(UnsafeRawBufferPointer(room))
        }
    }

    private func append(_ bytes: UnsafeRawBufferPointer) {
        unsafe pieces.append(
            iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
        byteCount += bytes.count
    }
}
