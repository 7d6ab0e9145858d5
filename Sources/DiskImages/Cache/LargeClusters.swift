// The part of the cluster cache for large clusters: none is decoded before there is room for it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Many readers may each want another cluster of 64 MiB, whose stored form is as large. Whoever finds no room waits, in
/// turn, until what others have is used no more; one cluster has room however large it is. Who goes through a cluster from
/// front to back has it for a turn (`ClusterTurns`), and the longest wait of the first in the queue is one such turn.
///
/// What a reader has pinned counts until it is released, so no thread waits here for a second cluster while it has one:
/// what is read of a large cluster is copied out of it at once.
final class LargeClusters: Sendable {
    private struct State {
        var index: SlotIndex
        var turns: ClusterTurns
        /// Those who wait, by numbers that they have drawn; the first is the next one.
        var queue: [Waiter] = []
        var drawnCount: UInt64 = 0
    }

    private struct Waiter {
        let number: UInt64
        /// Since when, in seconds of the monotonic clock.
        let startTime: Double
    }

    /// What a reader wants.
    private struct Request {
        let key: ClusterCache.Key
        let byteCount: Int
        let loadingByteCount: Int
        /// What is read of the cluster; nil where that is not known.
        let range: Range<Int>?
    }

    /// How often who waits looks whether anyone still waits for it, and whether a turn has ended, in seconds.
    private static let lookInterval = 0.05

    /// The most bytes that may be held by now.
    private let byteLimit: @Sendable () -> Int
    /// In seconds: nobody who finds its cluster in memory passes a first in the queue that has waited for longer.
    private let longestWait: Double
    private let state: Monitor<State>

    init(
        awaited: AwaitedBytes, turns limits: ClusterTurns.Limits, byteLimit: @escaping @Sendable () -> Int
    ) {
        self.byteLimit = byteLimit
        longestWait = limits.longestSeconds
        state = Monitor(State(index: SlotIndex(awaited: awaited), turns: ClusterTurns(limits: limits)))
    }

    /// Bytes that are held now: of clusters and, while they are decoded, of what they are decoded from.
    var byteCount: Int { state.withLock { $0.index.byteCount } }

    func holds(_ key: ClusterCache.Key) -> Bool {
        state.withLock { $0.index.slot(for: key)?.isLoaded ?? false }
    }

    /// The cluster, loaded and pinned, and whether it was there already; the caller gives it back by `release`.
    ///
    /// `loadingByteCount` is what `load` needs beside the cluster's own memory, `range` what the caller reads of it.
    /// - Throws: what `load` throws, and `ReadError.wouldWait` where the cluster is not there and this thread may not wait.
    func lend(
        _ key: ClusterCache.Key, byteCount: Int, loadingByteCount: Int, reading range: Range<Int>?,
        load: (inout OutputRawSpan) throws(ReadError) -> Void
    ) throws(ReadError) -> (slot: CacheSlot, wasThere: Bool) {
        let slot = try acquire(
            Request(key: key, byteCount: byteCount, loadingByteCount: loadingByteCount, range: range))
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

    /// Loads the cluster where it is not there, no other thread is at it, no one waits for room and there is some beside
    /// what readers are in the middle of, or are still to come for.
    /// - Throws: as `lend` does.
    func prefetch(
        _ key: ClusterCache.Key, byteCount: Int, loadingByteCount: Int,
        load: (inout OutputRawSpan) throws(ReadError) -> Void
    ) throws(ReadError) {
        let found = state.withLock { state -> CacheSlot? in
            if let slot = state.index.slot(for: key) { return Self.take(slot, isAhead: true, in: state) }
            let now = MonotonicClock.now
            guard Patience.current == .waits, state.queue.isEmpty,
                makeRoom(
                    byteCount, loadingByteCount, in: &state,
                    sparing: { turns, slot in turns.isToBeRead(slot.key, now: now) })
            else { return nil }
            let slot = state.index.add(key, byteCount: byteCount, loadingByteCount: loadingByteCount)
            state.turns.noteAwaited(key, byteCount: byteCount, now: now)
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
            state.turns.noteUse(of: slot.key, isLoaded: false, now: MonotonicClock.now)
            if !slot.isLoaded, !slot.isPinned { state.index.remove(slot.key) }
        }
        state.wake()
    }

    /// The slot for what is wanted, pinned; it may not be loaded yet. May wait as long as others use what is there.
    private func acquire(_ request: Request) throws(ReadError) -> CacheSlot {
        let found = state.withLock { state -> CacheSlot? in
            guard let slot = state.index.slot(for: request.key), !isOverdue(in: state),
                slot.isLoaded || Patience.current == .waits
            else { return nil }
            return take(slot, request, mayBegin: state.queue.isEmpty, in: &state)
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
                    waitingWhile: { !mayTake(request, number, in: &$0) }, until: look
                ) { state -> CacheSlot? in
                    guard mayTake(request, number, in: &state) else { return nil }
                    let wasFirst = state.queue.first?.number == number
                    state.queue.removeAll { $0.number == number }
                    let slot = state.index.slot(for: request.key) ?? add(request, in: &state)
                    return take(slot, request, mayBegin: wasFirst, in: &state)
                }
            }
        }
        // Those who want the same one, and the next in the queue.
        state.wake()
        guard let slot else { throw .interrupted }
        return slot
    }

    /// Whether the cluster is there, or it is this one's turn and there is room.
    private func mayTake(_ request: Request, _ number: UInt64, in state: inout State) -> Bool {
        let isFirst = state.queue.first?.number == number
        if state.index.slot(for: request.key) != nil { return isFirst || !isOverdue(in: state) }
        guard isFirst else { return false }
        let now = MonotonicClock.now
        let (byteCount, loadingByteCount) = (request.byteCount, request.loadingByteCount)
        // What readers are in the middle of, or still to come for, goes last.
        return makeRoom(
            byteCount, loadingByteCount, in: &state,
            sparing: { turns, slot in turns.isToBeRead(slot.key, now: now) })
            || makeRoom(
                byteCount, loadingByteCount, in: &state,
                sparing: { turns, slot in turns.isRunning(slot.key, now: now) })
    }

    /// Whether the first in the queue has waited so long that no other may be served before it.
    private func isOverdue(in state: State) -> Bool {
        guard let first = state.queue.first else { return false }
        return MonotonicClock.now - first.startTime > longestWait
    }

    /// Waits no longer.
    private func leave(_ number: UInt64) {
        state.withLock { state in state.queue.removeAll { $0.number == number } }
        state.wake()
    }

    private func draw() -> UInt64 {
        state.withLock { state in
            state.drawnCount += 1
            state.queue.append(Waiter(number: state.drawnCount, startTime: MonotonicClock.now))
            return state.drawnCount
        }
    }

    private func add(_ request: Request, in state: inout State) -> CacheSlot {
        state.turns.noteAnew(request.key)
        return state.index.add(
            request.key, byteCount: request.byteCount, loadingByteCount: request.loadingByteCount)
    }

    private func take(
        _ slot: CacheSlot, _ request: Request, mayBegin: Bool, in state: inout State
    ) -> CacheSlot {
        if let range = request.range {
            state.turns.note(
                range, of: slot.key, byteCount: slot.byteCount, mayBegin: mayBegin, now: MonotonicClock.now)
        }
        return Self.take(slot, isAhead: false, in: state)
    }

    private static func take(_ slot: CacheSlot, isAhead: Bool, in state: State) -> CacheSlot {
        state.index.note(slot, isAhead: isAhead)
        slot.pin()
        return slot
    }

    /// Evicts what has to go, also where that is not enough yet: so those who read what is there cannot keep others waiting.
    /// The memory is given back at once, before more is taken. What `isSpared` says so of stays.
    /// - Returns: Whether there is room.
    private func makeRoom(
        _ byteCount: Int, _ loadingByteCount: Int, in state: inout State,
        sparing isSpared: (ClusterTurns, CacheSlot) -> Bool
    ) -> Bool {
        let cost = CacheSlot.cost(ofByteCount: byteCount) + loadingByteCount
        let limit = byteLimit()
        while !state.index.isEmpty, state.index.byteCount + cost > limit {
            let turns = state.turns
            guard let victim = state.index.nextVictim(sparing: { isSpared(turns, $0) }) else { return false }
            state.index.remove(at: victim)
        }
        return true
    }

    private func noteLoaded(_ slot: CacheSlot) {
        state.withLock { state in
            state.index.noteLoaded(slot)
            state.turns.noteUse(of: slot.key, isLoaded: true, now: MonotonicClock.now)
        }
        state.wake()
    }
}
