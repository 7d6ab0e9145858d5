// The table of all blocks that are here, arriving or wanted, and the memory for them.
// SPDX-License-Identifier: Apache-2.0

/// Object × block → wanted, arriving, here; what is not in the table is absent. A value: it knows neither threads nor a
/// network. Memory for a block is taken before it is asked for.
struct BlockTable {
    struct Key: Hashable {
        let object: Int
        let index: UInt64
    }

    struct Object {
        let byteCount: UInt64
        var entries: [UInt64: BlockEntry] = [:]
        /// Wanted blocks, in the order in which they were asked for; some may be wanted no longer.
        var demanded: [UInt64] = []
        var ahead: [UInt64] = []
    }

    /// No more blocks of an object are wanted ahead at a time.
    private static let mostAhead = 1_024

    /// Blocks that there is memory for. A block that someone waits for gets memory all the same.
    let capacity: Int
    var objects: [Int: Object] = [:]
    var usedCount = 0
    /// How many of those hold what was fetched ahead and read by no one.
    var aheadCount = 0
    /// Blocks that were fetched and let go without anyone having read them.
    private(set) var unreadCount: UInt64 = 0
    /// Blocks that are here, in the order in which the clock comes by.
    var ring: [Key] = []
    private var hand = 0
    private var spare: [BlockBuffer] = []
    private var lastObject = 0
    private var lastTransfer: UInt64 = 0

    init(capacity: Int) {
        self.capacity = max(8, capacity)
    }

    mutating func addObject(byteCount: UInt64) -> Int {
        lastObject += 1
        objects[lastObject] = Object(byteCount: byteCount)
        return lastObject
    }

    /// Forgets an object.
    /// - Returns: Those who waited for its blocks.
    mutating func removeObject(_ object: Int) -> [BlockWaiter] {
        let waiters = removeAll(of: object)
        objects[object] = nil
        return waiters
    }

    /// Forgets all blocks of an object.
    /// - Returns: Those who waited for them.
    mutating func removeAll(of object: Int) -> [BlockWaiter] {
        guard let entries = objects[object]?.entries else { return [] }
        for entry in entries.values where entry.buffer != nil { noteFreed(entry) }
        objects[object]?.entries = [:]
        objects[object]?.demanded = []
        objects[object]?.ahead = []
        ring.removeAll { $0.object == object }
        hand = 0
        return entries.values.flatMap(\.waiters)
    }

    /// Takes all who wait for blocks of an object out of it; its blocks stay.
    mutating func takeWaiters(of object: Int) -> [BlockWaiter] {
        guard let indices = objects[object]?.entries.keys else { return [] }
        var waiters: [BlockWaiter] = []
        for index in indices {
            waiters += objects[object]?.entries[index]?.waiters ?? []
            objects[object]?.entries[index]?.waiters = []
        }
        return waiters
    }

    /// The bytes of a block, in number.
    func byteCount(of key: Key) -> Int {
        guard let object = objects[key.object] else { return 0 }
        let (start, overflow) = key.index.multipliedReportingOverflow(by: UInt64(BlockBuffer.byteCount))
        guard !overflow, start < object.byteCount else { return 0 }
        return Int(min(UInt64(BlockBuffer.byteCount), object.byteCount - start))
    }

    /// A block that is here; the caller unpins it. Nil where it is not here. `isRead`: for someone who wants its bytes.
    mutating func pin(_ key: Key, isRead: Bool = true) -> BlockBuffer? {
        guard var entry = objects[key.object]?.entries[key.index], entry.state == .here,
            let buffer = entry.buffer
        else { return nil }
        entry.pinCount += 1
        if isRead { noteRead(&entry) }
        objects[key.object]?.entries[key.index] = entry
        return buffer
    }

    /// Blocks of an object that are wanted ahead, and that no one brings yet.
    func wantedAheadCount(of object: Int) -> Int { objects[object]?.ahead.count ?? 0 }

    func isHere(_ key: Key) -> Bool { objects[key.object]?.entries[key.index]?.state == .here }

    /// `buffer` is what was pinned: the block may have been forgotten since, and be here anew.
    mutating func unpin(_ key: Key, _ buffer: BlockBuffer) {
        guard let entry = objects[key.object]?.entries[key.index], entry.buffer === buffer, entry.pinCount > 0
        else { return }
        objects[key.object]?.entries[key.index]?.pinCount -= 1
    }

    /// Wants blocks `range`, as far as they are not here or on their way.
    /// - Returns: Whether any of them has to be brought.
    mutating func want(_ range: Range<UInt64>, of object: Int, isDemanded: Bool) -> Bool {
        var isAnyWanted = false
        for index in range where byteCount(of: Key(object: object, index: index)) > 0 {
            guard let entry = objects[object]?.entries[index] else {
                guard isDemanded || objects[object]?.ahead.count ?? 0 < Self.mostAhead else { break }
                objects[object]?.entries[index] = BlockEntry(isDemanded: isDemanded)
                if isDemanded {
                    objects[object]?.demanded.append(index)
                } else {
                    objects[object]?.ahead.append(index)
                }
                isAnyWanted = true
                continue
            }
            guard entry.state == .wanted else { continue }
            isAnyWanted = true
            guard isDemanded, !entry.isDemanded else { continue }
            objects[object]?.entries[index]?.isDemanded = true
            objects[object]?.demanded.append(index)
        }
        return isAnyWanted
    }

    /// Adds someone who waits for a block that is wanted or arriving.
    /// - Returns: False where it is neither: nothing will be told.
    mutating func wait(for key: Key, _ waiter: BlockWaiter) -> Bool {
        guard let entry = objects[key.object]?.entries[key.index], entry.state != .here else { return false }
        objects[key.object]?.entries[key.index]?.waiters.append(waiter)
        return true
    }

    mutating func stopWaiting(for key: Key, _ waiter: BlockWaiter) {
        objects[key.object]?.entries[key.index]?.waiters.removeAll { $0 === waiter }
    }

    mutating func nextTransfer() -> UInt64 {
        lastTransfer += 1
        return lastTransfer
    }

    /// Takes memory for a block: free, or that of one that is let go. Someone who waits gets it in any case.
    mutating func takeBuffer(isWaitedFor: Bool, isAhead: Bool) -> BlockBuffer? {
        // Half of the memory is for what is asked for.
        if isAhead, aheadCount >= capacity / 2 { return nil }
        while usedCount >= capacity {
            guard evictOne(evenUnread: !isAhead) else {
                guard isWaitedFor else { return nil }
                break
            }
        }
        usedCount += 1
        if isAhead { aheadCount += 1 }
        return spare.popLast() ?? BlockBuffer()
    }

    /// Lets one block go: one that was read and not lately, else one that was read, else any where `evenUnread`.
    private mutating func evictOne(evenUnread: Bool) -> Bool {
        for round in 0..<3 {
            guard round < 2 || evenUnread else { break }
            for _ in 0..<ring.count {
                if hand >= ring.count { hand = 0 }
                let key = ring[hand]
                guard var entry = objects[key.object]?.entries[key.index], entry.mayBeEvicted,
                    entry.wasRead || round == 2
                else {
                    hand += 1
                    continue
                }
                if entry.isRecent, round == 0 {
                    entry.isRecent = false
                    objects[key.object]?.entries[key.index] = entry
                    hand += 1
                    continue
                }
                if !entry.wasRead { unreadCount += 1 }
                noteFreed(entry)
                if let buffer = entry.buffer, spare.count < capacity, usedCount < capacity {
                    spare.append(buffer)
                }
                objects[key.object]?.entries[key.index] = nil
                ring[hand] = ring[ring.count - 1]
                ring.removeLast()
                return true
            }
        }
        return false
    }

    /// The memory of `entry` is no longer counted.
    mutating func noteFreed(_ entry: BlockEntry) {
        usedCount -= 1
        if entry.isAhead { aheadCount -= 1 }
    }

    mutating func noteRead(_ entry: inout BlockEntry) {
        entry.wasRead = true
        entry.isRecent = true
        if entry.isAhead {
            entry.isAhead = false
            aheadCount -= 1
        }
    }
}
