// The part of the cluster cache for large clusters: none is decoded before there is room for it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Many readers may each want another cluster of 64 MiB, whose stored form is as large. Whoever finds no room waits, in
/// turn, until what others have is used no more; one cluster has room however large it is.
///
/// What a reader has pinned counts until it is released, so no thread waits here for a second cluster while it has one:
/// what is read of a large cluster is copied out of it at once.
final class LargeClusters: Sendable {
    private struct State {
        var index: SlotIndex
        /// Those who wait, by numbers that they have drawn; the first is the next one.
        var queue: [UInt64] = []
        var drawnCount: UInt64 = 0
    }

    /// How often who waits looks whether anyone still waits for it, in seconds.
    private static let lookInterval = 0.25

    /// The most bytes that may be held by now.
    private let byteLimit: @Sendable () -> Int
    private let state: Monitor<State>

    init(awaited: AwaitedBytes, byteLimit: @escaping @Sendable () -> Int) {
        self.byteLimit = byteLimit
        state = Monitor(State(index: SlotIndex(awaited: awaited)))
    }

    /// Bytes that are held now: of clusters and, while they are decoded, of what they are decoded from.
    var byteCount: Int { state.withLock { $0.index.byteCount } }

    func holds(_ key: ClusterCache.Key) -> Bool {
        state.withLock { $0.index.slot(for: key)?.isLoaded ?? false }
    }

    /// The cluster, loaded and pinned, and whether it was there already; the caller gives it back by `release`.
    ///
    /// `loadingByteCount` is what `load` needs beside the cluster's own memory.
    /// - Throws: what `load` throws, and `ReadError.wouldWait` where the cluster is not there and this thread may not wait.
    func lend(
        _ key: ClusterCache.Key, byteCount: Int, loadingByteCount: Int,
        load: (inout OutputRawSpan) throws(ReadError) -> Void
    ) throws(ReadError) -> (slot: CacheSlot, wasThere: Bool) {
        let slot = try acquire(key, byteCount: byteCount, loadingByteCount: loadingByteCount)
        guard !slot.isLoaded else { return (slot, true) }
        do throws(ReadError) {
            guard Patience.current == .waits else { throw .wouldWait }
            try slot.load(with: load)
        } catch {
            release(slot)
            throw error
        }
        noteLoaded(slot)
        return (slot, false)
    }

    /// Loads the cluster where it is not there, no other thread is at it, no one waits for room and there is some.
    /// - Throws: as `lend` does.
    func prefetch(
        _ key: ClusterCache.Key, byteCount: Int, loadingByteCount: Int,
        load: (inout OutputRawSpan) throws(ReadError) -> Void
    ) throws(ReadError) {
        let found = state.withLock { state -> CacheSlot? in
            if let slot = state.index.slot(for: key) { return Self.take(slot, isAhead: true, in: state) }
            guard Patience.current == .waits, state.queue.isEmpty,
                makeRoom(byteCount, loadingByteCount, in: &state)
            else { return nil }
            let slot = state.index.add(key, byteCount: byteCount, loadingByteCount: loadingByteCount)
            return Self.take(slot, isAhead: true, in: state)
        }
        guard let slot = found else {
            guard Patience.current == .waits else { throw .wouldWait }
            return
        }
        defer { release(slot) }
        guard !slot.isLoaded else { return }
        guard Patience.current == .waits else { throw .wouldWait }
        try slot.loadUnlessBusy(with: load)
        if slot.isLoaded { noteLoaded(slot) }
    }

    /// Ends a loan. What could not be loaded is not kept.
    func release(_ slot: CacheSlot) {
        state.withLock { state in
            slot.release()
            if !slot.isLoaded, !slot.isPinned { state.index.remove(slot.key) }
        }
        state.wake()
    }

    /// The slot for `key`, pinned; it may not be loaded yet. May wait as long as others use what is there.
    private func acquire(
        _ key: ClusterCache.Key, byteCount: Int, loadingByteCount: Int
    ) throws(ReadError) -> CacheSlot {
        let found = state.withLock { state in
            state.index.slot(for: key).map { Self.take($0, isAhead: false, in: state) }
        }
        if let found { return found }
        guard Patience.current == .waits else { throw .wouldWait }
        let number = draw()
        var slot: CacheSlot?
        while slot == nil {
            do throws(ReadError) {
                try PatientRead.checkCancellation()
            } catch {
                leave(number)
                throw error
            }
            slot = PatientRead.blocking {
                let look = MonotonicClock.now + Self.lookInterval
                return state.withLock(
                    waitingWhile: { !mayTake(key, byteCount, loadingByteCount, number, in: &$0) }, until: look
                ) { state -> CacheSlot? in
                    guard mayTake(key, byteCount, loadingByteCount, number, in: &state) else { return nil }
                    state.queue.removeAll { $0 == number }
                    let slot =
                        state.index.slot(for: key)
                        ?? state.index.add(key, byteCount: byteCount, loadingByteCount: loadingByteCount)
                    return Self.take(slot, isAhead: false, in: state)
                }
            }
        }
        // Those who want the same one, and the next in the queue.
        state.wake()
        guard let slot else { throw .interrupted }
        return slot
    }

    /// Whether the cluster is there, or it is this one's turn and there is room.
    private func mayTake(
        _ key: ClusterCache.Key, _ byteCount: Int, _ loadingByteCount: Int, _ number: UInt64,
        in state: inout State
    ) -> Bool {
        if state.index.slot(for: key) != nil { return true }
        return state.queue.first == number && makeRoom(byteCount, loadingByteCount, in: &state)
    }

    /// Waits no longer.
    private func leave(_ number: UInt64) {
        state.withLock { state in state.queue.removeAll { $0 == number } }
        state.wake()
    }

    private func draw() -> UInt64 {
        state.withLock { state in
            state.drawnCount += 1
            state.queue.append(state.drawnCount)
            return state.drawnCount
        }
    }

    private static func take(_ slot: CacheSlot, isAhead: Bool, in state: State) -> CacheSlot {
        state.index.note(slot, isAhead: isAhead)
        slot.pin()
        return slot
    }

    /// Evicts what has to go, also where that is not enough yet: so those who read what is there cannot keep others waiting.
    /// The memory is given back at once, before more is taken.
    /// - Returns: Whether there is room.
    private func makeRoom(_ byteCount: Int, _ loadingByteCount: Int, in state: inout State) -> Bool {
        let cost = CacheSlot.cost(ofByteCount: byteCount) + loadingByteCount
        let limit = byteLimit()
        while !state.index.isEmpty, state.index.byteCount + cost > limit {
            guard let victim = state.index.nextVictim() else { return false }
            state.index.remove(at: victim)
        }
        return true
    }

    private func noteLoaded(_ slot: CacheSlot) {
        state.withLock { $0.index.noteLoaded(slot) }
        state.wake()
    }
}
