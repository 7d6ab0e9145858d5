// What transfers do to the table of blocks.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Blocks that a transfer is to bring, with the memory for them.
struct BlockAssignment {
    let object: Int
    let transfer: UInt64
    /// Neighbours, ascending; not empty.
    let blocks: Range<UInt64>
    let buffers: [BlockBuffer]
    /// How many bytes of the first block are there already.
    let filledByteCount: Int
    /// Whether someone waits for the first block.
    let isDemanded: Bool
}

extension BlockTable {
    /// Gives the blocks that are to be brought next to a transfer; nil where nothing is wanted, or no memory is left.
    mutating func assign(of object: Int, mayGoAhead: Bool) -> BlockAssignment? {
        dropUnwanted(of: object)
        guard let plan = plan(of: object, mayGoAhead: mayGoAhead) else { return nil }
        let transfer = nextTransfer()
        var buffers: [BlockBuffer] = []
        for index in plan.blocks {
            guard var entry = objects[object]?.entries[index] else { break }
            if entry.buffer == nil {
                let isAhead = !entry.isDemanded
                guard
                    let buffer = takeBuffer(
                        isWaitedFor: buffers.isEmpty && !entry.waiters.isEmpty, isAhead: isAhead)
                else { break }
                entry.buffer = buffer
                entry.isAhead = isAhead
            }
            guard let buffer = entry.buffer else { break }
            entry.state = .arriving(transfer: transfer)
            entry.hasBegun = false
            objects[object]?.entries[index] = entry
            buffers.append(buffer)
        }
        guard !buffers.isEmpty else { return nil }
        let first = plan.blocks.lowerBound
        dropUnwanted(of: object)
        return BlockAssignment(
            object: object, transfer: transfer, blocks: first..<(first + UInt64(buffers.count)),
            buffers: buffers, filledByteCount: objects[object]?.entries[first]?.filledByteCount ?? 0,
            isDemanded: plan.isDemanded)
    }

    /// Gives one block, which no one brings, to who can bring it at once; nil where it is here or on its way.
    mutating func assign(_ key: Key) -> BlockAssignment? {
        var entry = objects[key.object]?.entries[key.index] ?? BlockEntry(isDemanded: true)
        guard objects[key.object] != nil, entry.state == .wanted, entry.filledByteCount == 0,
            byteCount(of: key) > 0
        else { return nil }
        guard let buffer = entry.buffer ?? takeBuffer(isWaitedFor: true, isAhead: false) else { return nil }
        let transfer = nextTransfer()
        entry.buffer = buffer
        entry.isDemanded = true
        entry.state = .arriving(transfer: transfer)
        entry.hasBegun = false
        objects[key.object]?.entries[key.index] = entry
        return BlockAssignment(
            object: key.object, transfer: transfer, blocks: key.index..<(key.index + 1), buffers: [buffer],
            filledByteCount: 0, isDemanded: true)
    }

    private func plan(of object: Int, mayGoAhead: Bool) -> RequestPlan? {
        guard let known = objects[object] else { return nil }
        // Who waits comes first, and gets memory in any case.
        let isWaitedFor = { (index: UInt64) in known.entries[index]?.waiters.isEmpty == false }
        return RequestPlan(
            demanded: known.demanded.filter(isWaitedFor) + known.demanded.filter { !isWaitedFor($0) },
            ahead: known.ahead, mayGoAhead: mayGoAhead,
            isWanted: { known.entries[$0]?.state == .wanted },
            isBegun: { known.entries[$0]?.filledByteCount ?? 0 > 0 })
    }

    /// Whether anything of an object is to be brought.
    func isAnyWanted(of object: Int) -> Bool {
        guard let known = objects[object] else { return false }
        return known.demanded.contains { known.entries[$0]?.state == .wanted }
            || known.ahead.contains { known.entries[$0]?.state == .wanted }
    }

    /// A transfer has come to a block.
    /// - Returns: False where it is no longer this one's to bring.
    mutating func begin(_ key: Key, transfer: UInt64) -> Bool {
        guard objects[key.object]?.entries[key.index]?.state == .arriving(transfer: transfer) else {
            return false
        }
        objects[key.object]?.entries[key.index]?.hasBegun = true
        return true
    }

    /// A transfer has brought all of a block.
    /// - Returns: Those who waited for it; it is pinned for each of them.
    mutating func finish(_ key: Key, transfer: UInt64) -> [BlockWaiter] {
        guard var entry = objects[key.object]?.entries[key.index],
            entry.state == .arriving(transfer: transfer)
        else { return [] }
        let waiters = entry.waiters
        entry.state = .here
        entry.filledByteCount = 0
        entry.waiters = []
        entry.pinCount += waiters.count
        if !waiters.isEmpty { noteRead(&entry) }
        objects[key.object]?.entries[key.index] = entry
        ring.append(key)
        return waiters
    }

    /// A transfer ends: what it has not brought is wanted again, as far as someone waits for it or `keepsAhead`. `filled` is
    /// the block that it brought a part of, and how many bytes of it are there.
    mutating func giveBack(
        _ assignment: BlockAssignment, filled: (index: UInt64, byteCount: Int)?, keepsAhead: Bool
    ) {
        for index in assignment.blocks {
            guard var entry = objects[assignment.object]?.entries[index],
                entry.state == .arriving(transfer: assignment.transfer)
            else { continue }
            if let filled, filled.index == index { entry.filledByteCount = filled.byteCount }
            entry.state = .wanted
            entry.hasBegun = false
            entry.isDemanded = !entry.waiters.isEmpty
            let isKept = entry.isDemanded || keepsAhead
            if !isKept || entry.filledByteCount == 0 {
                noteFreed(entry)
                entry.buffer = nil
                entry.isAhead = false
            }
            objects[assignment.object]?.entries[index] = isKept ? entry : nil
            guard isKept else { continue }
            if entry.isDemanded {
                objects[assignment.object]?.demanded.append(index)
            } else {
                objects[assignment.object]?.ahead.append(index)
            }
        }
    }

    /// Takes a block from a transfer that is far from it, so that another one brings it.
    /// - Returns: Whether that is so.
    mutating func takeFromTransfer(_ key: Key) -> Bool {
        guard var entry = objects[key.object]?.entries[key.index], case .arriving = entry.state,
            !entry.hasBegun
        else { return false }
        entry.state = .wanted
        entry.isDemanded = true
        objects[key.object]?.entries[key.index] = entry
        objects[key.object]?.demanded.insert(key.index, at: 0)
        return true
    }

    /// Forgets what is wanted and no one waits for.
    mutating func dropWanted(of object: Int) {
        guard let known = objects[object] else { return }
        for (index, entry) in known.entries where entry.state == .wanted && entry.waiters.isEmpty {
            if entry.buffer != nil { noteFreed(entry) }
            objects[object]?.entries[index] = nil
        }
        dropUnwanted(of: object)
    }

    /// Takes out of the queues what is no longer wanted.
    private mutating func dropUnwanted(of object: Int) {
        guard let known = objects[object] else { return }
        let demanded = known.demanded.filter {
            known.entries[$0]?.state == .wanted && known.entries[$0]?.isDemanded == true
        }
        let ahead = known.ahead.filter {
            known.entries[$0]?.state == .wanted && known.entries[$0]?.isDemanded == false
        }
        objects[object]?.demanded = demanded
        objects[object]?.ahead = ahead
    }
}
