// One part of the cluster cache: an index behind a lock, and the order in which entries make room.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Finds, makes and evicts slots. Eviction goes round like the hand of a clock and passes once over entries that were
/// read again since it last came by, and over those whose reader is still to come: what a sequential reader has
/// left behind goes before what was decoded for it.
final class CacheShard: Sendable {
    private struct State {
        var positions: [ClusterCache.Key: Int] = [:]
        var slots: [CacheSlot] = []
        var hand = 0
        var byteCount = 0
    }

    private let byteLimit: Int
    private let awaited: AwaitedBytes
    private let state = SleepingMutex(State())

    /// `awaited` counts, for all shards of a cache, what was loaded for readers who have not come yet.
    init(byteLimit: Int, awaited: AwaitedBytes) {
        self.byteLimit = byteLimit
        self.awaited = awaited
    }

    var byteCount: Int { state.withLock { $0.byteCount } }

    func holds(_ key: ClusterCache.Key) -> Bool {
        state.withLock { state in
            guard let position = state.positions[key] else { return false }
            return state.slots[position].isLoaded
        }
    }

    /// The slot for `key`, pinned: the caller releases it. It may not be loaded yet. `isAhead` says that no reader
    /// has come for it yet.
    func acquire(_ key: ClusterCache.Key, byteCount: Int, isAhead: Bool) -> CacheSlot {
        // What is dropped gives its memory back after the lock: that of a large entry takes a while.
        var dropped: [CacheSlot] = []
        return state.withLock { state in
            let slot: CacheSlot
            if let position = state.positions[key] {
                slot = state.slots[position]
            } else {
                slot = makeRoom(for: key, byteCount: byteCount, in: &state, dropping: &dropped)
            }
            change(slot) { if isAhead { $0.noteAwaited() } else { $0.noteReader() } }
            slot.pin()
            return slot
        }
    }

    /// Takes note that the entry could not be loaded: it is the next one to make room.
    func noteFailure(_ key: ClusterCache.Key) {
        state.withLock { state in
            guard let position = state.positions[key], !state.slots[position].isLoaded else { return }
            state.hand = position
        }
    }

    /// Puts `key` into a slot of its own, evicting what has to go. A slot of the same size is used again as it
    /// is, so that a cache that is full allocates nothing.
    private func makeRoom(
        for key: ClusterCache.Key, byteCount: Int, in state: inout State, dropping dropped: inout [CacheSlot]
    ) -> CacheSlot {
        let cost = CacheSlot.cost(ofByteCount: byteCount)
        while state.byteCount + cost > byteLimit, let victim = nextVictim(in: &state) {
            let slot = state.slots[victim]
            state.positions[slot.key] = nil
            if slot.byteCount == byteCount, state.byteCount <= byteLimit {
                change(slot) { $0.reset(to: key) }
                state.positions[key] = victim
                state.hand = victim + 1
                return slot
            }
            dropped.append(slot)
            remove(at: victim, from: &state)
        }
        let slot = CacheSlot(key: key, byteCount: byteCount)
        state.byteCount += cost
        state.positions[key] = state.slots.count
        state.slots.append(slot)
        return slot
    }

    /// The position of an entry that no one uses; nil where all are in use.
    private func nextVictim(in state: inout State) -> Int? {
        // Twice round: the first may only clear marks.
        for _ in 0..<(2 * state.slots.count) {
            if state.hand >= state.slots.count { state.hand = 0 }
            let slot = state.slots[state.hand]
            if slot.isPinned {
                state.hand += 1
            } else if slot.isWorthKeeping {
                change(slot) { $0.passOver() }
                state.hand += 1
            } else {
                return state.hand
            }
        }
        return nil
    }

    /// Keeps count of what is awaited while `body` changes what a slot is worth.
    private func change(_ slot: CacheSlot, _ body: (CacheSlot) -> Void) {
        let wasAwaited = slot.isAwaited
        body(slot)
        guard slot.isAwaited != wasAwaited else { return }
        awaited.add(wasAwaited ? -slot.byteCount : slot.byteCount)
    }

    /// Takes a slot out; the last one moves into its place.
    private func remove(at position: Int, from state: inout State) {
        if state.slots[position].isAwaited { awaited.add(-state.slots[position].byteCount) }
        state.byteCount -= CacheSlot.cost(ofByteCount: state.slots[position].byteCount)
        let last = state.slots.removeLast()
        guard position < state.slots.count else { return }
        state.slots[position] = last
        state.positions[last.key] = position
    }
}
