// Where the entries of one part of the cluster cache are, and the order in which they make room.
// SPDX-License-Identifier: Apache-2.0

/// Slots by their keys; one thread at a time uses an index. The order of eviction goes round like the hand of a clock
/// and passes once over entries that were read again since it last came by, and over those whose reader is still to
/// come: what a sequential reader has left behind goes before what was decoded for it.
struct SlotIndex {
    private var positions: [ClusterCache.Key: Int] = [:]
    private var slots: [CacheSlot] = []
    private var hand = 0
    /// What the entries take together, in bytes.
    private(set) var byteCount = 0
    private let awaited: AwaitedBytes

    /// `awaited` counts, for all parts of a cache, what was loaded for readers who have not come yet.
    init(awaited: AwaitedBytes) {
        self.awaited = awaited
    }

    var isEmpty: Bool { slots.isEmpty }

    func slot(for key: ClusterCache.Key) -> CacheSlot? {
        positions[key].map { slots[$0] }
    }

    func slot(at position: Int) -> CacheSlot { slots[position] }

    /// Takes note of who wants the entry: a reader, or one who loads it ahead of a reader.
    func note(_ slot: CacheSlot, isAhead: Bool) {
        change(slot) { if isAhead { $0.noteAwaited() } else { $0.noteReader() } }
    }

    /// Adds an entry for `key`, which has none; loading it takes `loadingByteCount` bytes more for that time.
    mutating func add(_ key: ClusterCache.Key, byteCount: Int, loadingByteCount: Int = 0) -> CacheSlot {
        let slot = CacheSlot(key: key, byteCount: byteCount, loadingByteCount: loadingByteCount)
        self.byteCount += slot.cost
        positions[key] = slots.count
        slots.append(slot)
        return slot
    }

    /// Gives the slot at `position` to `key`.
    mutating func reuse(at position: Int, for key: ClusterCache.Key) -> CacheSlot {
        let slot = slots[position]
        positions[slot.key] = nil
        change(slot) { $0.reset(to: key) }
        positions[key] = position
        hand = position + 1
        return slot
    }

    /// The position of an entry that no one uses and that `isSpared` does not keep; nil where there is none.
    mutating func nextVictim(sparing isSpared: (CacheSlot) -> Bool = { _ in false }) -> Int? {
        // Twice round: the first may only clear marks.
        for _ in 0..<(2 * slots.count) {
            if hand >= slots.count { hand = 0 }
            let slot = slots[hand]
            if slot.isPinned || isSpared(slot) {
                hand += 1
            } else if slot.isWorthKeeping {
                change(slot) { $0.passOver() }
                hand += 1
            } else {
                return hand
            }
        }
        return nil
    }

    /// Takes an entry out; the last one moves into its place.
    mutating func remove(at position: Int) {
        let slot = slots[position]
        if slot.isAwaited { awaited.add(-slot.byteCount) }
        positions[slot.key] = nil
        byteCount -= slot.cost
        let last = slots.removeLast()
        guard position < slots.count else { return }
        slots[position] = last
        positions[last.key] = position
    }

    /// Takes an entry out.
    mutating func remove(_ key: ClusterCache.Key) {
        if let position = positions[key] { remove(at: position) }
    }

    /// Takes note that the entry could not be loaded: it is the next one to make room.
    mutating func noteFailure(_ key: ClusterCache.Key) {
        guard let position = positions[key], !slots[position].isLoaded else { return }
        hand = position
    }

    /// Takes note that the slot is loaded: what that took beside the entry itself is free.
    mutating func noteLoaded(_ slot: CacheSlot) {
        byteCount -= slot.loadingByteCount
        slot.endLoading()
    }

    /// Keeps count of what is awaited while `body` changes what a slot is worth.
    private func change(_ slot: CacheSlot, _ body: (CacheSlot) -> Void) {
        let wasAwaited = slot.isAwaited
        body(slot)
        guard slot.isAwaited != wasAwaited else { return }
        awaited.add(wasAwaited ? -slot.byteCount : slot.byteCount)
    }
}
