// Blocks that are being brought, and how far that has come.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Fills the blocks of an assignment in their order. A block is there for its readers as soon as its own last byte is.
// SAFETY: what is `var` is used by one thread at a time: the carrier's, or the transport's while the carrier waits for it.
@safe final class BlockJob: @unchecked Sendable {
    let assignment: BlockAssignment
    private let cache: BlockCache
    private let byteCount: UInt64
    /// Where the next byte belongs, in bytes from the start of the object.
    private(set) var position: UInt64
    /// What was brought, in bytes.
    private(set) var broughtByteCount: UInt64 = 0
    /// Whether the block at `position` is still this job's; nil where that is to be asked.
    private var isOwner: Bool?

    init(_ assignment: BlockAssignment, in cache: BlockCache, byteCount: UInt64) {
        self.assignment = assignment
        self.cache = cache
        self.byteCount = byteCount
        position =
            assignment.blocks.lowerBound * UInt64(BlockBuffer.byteCount) + UInt64(assignment.filledByteCount)
    }

    /// Behind the last byte of the last block.
    var end: UInt64 {
        min(byteCount, assignment.blocks.upperBound * UInt64(BlockBuffer.byteCount))
    }

    var isDone: Bool { position >= end }

    /// The block that is being filled.
    var index: UInt64 { position / UInt64(BlockBuffer.byteCount) }

    /// The memory of a block of this job.
    func buffer(_ index: UInt64) -> BlockBuffer? {
        guard assignment.blocks.contains(index) else { return nil }
        return assignment.buffers[Int(index - assignment.blocks.lowerBound)]
    }

    /// Takes bytes that belong at `position`; those behind the end are not used.
    func append(_ bytes: RawSpan) {
        var used = 0
        while used < bytes.byteCount, !isDone, let buffer = buffer(index) {
            let start = index * UInt64(BlockBuffer.byteCount)
            let blockEnd = min(end, start + UInt64(BlockBuffer.byteCount))
            let rest = bytes.extracting(used..<bytes.byteCount)
            let step = min(rest.byteCount, Int(blockEnd - position))
            if isMine { _ = buffer.write(rest, at: Int(position - start), limit: Int(blockEnd - start)) }
            used += step
            broughtByteCount += UInt64(step)
            position += UInt64(step)
            if position == blockEnd { finish(index: start / UInt64(BlockBuffer.byteCount), buffer) }
        }
    }

    /// Fills the block at `position`, of which nothing is there, with what `fill` writes.
    /// - Returns: Whether it did.
    func fillBlock(_ fill: (UnsafeMutableRawBufferPointer) -> Bool) -> Bool {
        let start = index * UInt64(BlockBuffer.byteCount)
        guard position == start, !isDone, let buffer = buffer(index) else { return false }
        let blockEnd = min(end, start + UInt64(BlockBuffer.byteCount))
        guard isMine, unsafe buffer.withRoom(Int(blockEnd - start), fill) else { return false }
        position = blockEnd
        finish(index: start / UInt64(BlockBuffer.byteCount), buffer)
        return true
    }

    /// Goes past the block at `position` where another job brings it.
    func skipForeign() {
        while !isDone, !isMine {
            position = min(end, (index + 1) * UInt64(BlockBuffer.byteCount))
            isOwner = nil
        }
    }

    /// What is there of the block at `position`; nil where that is nothing.
    var filled: (index: UInt64, byteCount: Int)? {
        let count = Int(position % UInt64(BlockBuffer.byteCount))
        return isDone || count == 0 || isOwner != true ? nil : (index, count)
    }

    /// Whether something is to be brought still, and no block of it is this job's any more. A job that is done is not
    /// unwanted: its transfer ends by itself, and its connection is used again.
    var isUnwanted: Bool {
        guard !isDone else { return false }
        return cache.table.withLock { table in
            !(min(index, assignment.blocks.upperBound)..<assignment.blocks.upperBound).contains {
                table.objects[assignment.object]?.entries[$0]?.state
                    == .arriving(transfer: assignment.transfer)
            }
        }
    }

    private var isMine: Bool {
        if let isOwner { return isOwner }
        let key = BlockTable.Key(object: assignment.object, index: index)
        let answer = cache.table.withLock { $0.begin(key, transfer: assignment.transfer) }
        isOwner = answer
        return answer
    }

    private func finish(index: UInt64, _ buffer: BlockBuffer) {
        if isOwner == true {
            let key = BlockTable.Key(object: assignment.object, index: index)
            cache.finish(key, transfer: assignment.transfer, buffer)
        }
        isOwner = nil
    }
}
