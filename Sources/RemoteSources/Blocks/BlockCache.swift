// The blocks of all remote objects, shared by all who read.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// One table of what is here and what is under way, so that no bytes are fetched twice at once, and one bound of the memory
/// for all of it.
package final class BlockCache: Sendable {
    let table: SleepingMutex<BlockTable>
    /// How many bytes one reader may have ahead of it.
    let windowByteLimit: UInt64

    /// - Parameter byteLimit: What all blocks may take, in bytes; at least 2 MiB.
    package init(byteLimit: UInt64) {
        let capacity = Int(min(byteLimit, 1 << 40)) / BlockBuffer.byteCount
        table = SleepingMutex(BlockTable(capacity: capacity))
        windowByteLimit = UInt64(max(1 << 20, max(8, capacity) / 4 * BlockBuffer.byteCount))
    }

    /// The memory that blocks take now, in bytes.
    package var byteCount: UInt64 {
        UInt64(table.withLock { $0.usedCount }) * UInt64(BlockBuffer.byteCount)
    }

    /// What was fetched, read by no one and let go, in bytes.
    package var unreadByteCount: UInt64 {
        table.withLock { $0.unreadCount } * UInt64(BlockBuffer.byteCount)
    }

    /// A block that is whole: puts it into the table and tells those who wait.
    func finish(_ key: BlockTable.Key, transfer: UInt64, _ buffer: BlockBuffer) {
        let waiters = table.withLock { $0.finish(key, transfer: transfer) }
        for waiter in waiters { waiter.tell(.success(buffer)) }
    }
}
