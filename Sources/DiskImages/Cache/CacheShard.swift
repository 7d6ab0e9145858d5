// One part of the cluster cache: an index behind a lock.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Finds, makes and evicts slots.
final class CacheShard: Sendable {
    private let byteLimit: Int
    private let state: SleepingMutex<SlotIndex>

    /// `awaited` counts, for all shards of a cache, what was loaded for readers who have not come yet.
    init(byteLimit: Int, awaited: AwaitedBytes) {
        self.byteLimit = byteLimit
        state = SleepingMutex(SlotIndex(awaited: awaited))
    }

    var byteCount: Int { state.withLock { $0.byteCount } }

    func holds(_ key: ClusterCache.Key) -> Bool {
        state.withLock { $0.slot(for: key)?.isLoaded ?? false }
    }

    /// The slot for `key`, pinned: the caller releases it. It may not be loaded yet. `isAhead` says that no reader
    /// has come for it yet.
    func acquire(_ key: ClusterCache.Key, byteCount: Int, isAhead: Bool) -> CacheSlot {
        // What is dropped gives its memory back after the lock: that of a large entry takes a while.
        var dropped: [CacheSlot] = []
        return state.withLock { index in
            let slot =
                index.slot(for: key)
                ?? makeRoom(for: key, byteCount: byteCount, in: &index, dropping: &dropped)
            index.note(slot, isAhead: isAhead)
            slot.pin()
            return slot
        }
    }

    /// Takes note that the entry could not be loaded: it is the next one to make room.
    func noteFailure(_ key: ClusterCache.Key) {
        state.withLock { $0.noteFailure(key) }
    }

    /// Puts `key` into a slot of its own, evicting what has to go. A slot of the same size is used again as it
    /// is, so that a cache that is full allocates nothing.
    private func makeRoom(
        for key: ClusterCache.Key, byteCount: Int, in index: inout SlotIndex,
        dropping dropped: inout [CacheSlot]
    ) -> CacheSlot {
        let cost = CacheSlot.cost(ofByteCount: byteCount)
        while index.byteCount + cost > byteLimit, let victim = index.nextVictim() {
            let slot = index.slot(at: victim)
            if slot.byteCount == byteCount, index.byteCount <= byteLimit {
                return index.reuse(at: victim, for: key)
            }
            dropped.append(slot)
            index.remove(at: victim)
        }
        return index.add(key, byteCount: byteCount)
    }
}
