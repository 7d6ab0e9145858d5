// The lock of what is being loaded or counted: a cache entry, the data of a disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Held by the one thread that is at it. Who may wait for a disk waits for its holder whatever that one does; who
/// may not, only for a holder that may not either, and so is done as soon as a processor allows.
struct LoadingLock: ~Copyable, Sendable {
    enum Holder {
        case none
        /// Takes what is in memory, and decodes.
        case decoding
        /// May wait for whatever the source likes.
        case waiting
    }

    /// Not private: Swift 6.3 does not compile that inside of a type that cannot be copied.
    struct State {
        var holder = Holder.none
        /// Threads that wait.
        var sleeperCount = 0
    }

    private let state = Monitor(State())

    #if DEBUG
        /// Held while decoding, so it has its place in the order of all locks.
        private let site: LockSite
        private let innerSite: LockSite

        init(file: StaticString = #fileID, line: UInt = #line) {
            site = LockWatch.site(file, line)
            innerSite = LockWatch.site("within-a-lock-of-its-kind", line)
        }
    #endif

    /// `isInner`: what it guards may be loaded by who loads something else of its kind, and loads nothing of the kind itself:
    /// a table, for a cluster.
    /// - Throws: `ReadError.wouldWait` where this thread may not wait for the holder.
    func acquire(isInner: Bool = false) throws(ReadError) {
        #if DEBUG
            LockWatch.willTake(isInner ? innerSite : site)
        #endif
        try wait()
        noteTaken(isInner)
    }

    private func wait() throws(ReadError) {
        let mayWait = Patience.current == .waits
        let isTaken = state.withLock { state in
            guard case .none = state.holder else { return false }
            state.holder = mayWait ? .waiting : .decoding
            return true
        }
        guard !isTaken else { return }
        guard mayWait else { return try sleep(mayWait: false) }
        try PatientRead.blocking { () throws(ReadError) in try sleep(mayWait: true) }
    }

    /// Takes the lock where no one holds it.
    func acquireIfFree(isInner: Bool = false) -> Bool {
        let holder = Patience.current == .waits ? Holder.waiting : .decoding
        let isTaken = state.withLock { state in
            guard case .none = state.holder else { return false }
            state.holder = holder
            return true
        }
        if isTaken { noteTaken(isInner) }
        return isTaken
    }

    private func noteTaken(_ isInner: Bool) {
        #if DEBUG
            LockWatch.noteTaken(isInner ? innerSite : site)
        #endif
    }

    func release(isInner: Bool = false) {
        #if DEBUG
            LockWatch.leave(isInner ? innerSite : site)
        #endif
        let hasSleepers = state.withLock { state in
            state.holder = .none
            return state.sleeperCount > 0
        }
        if hasSleepers { state.wake() }
    }

    private func sleep(mayWait: Bool) throws(ReadError) {
        var isCounted = false
        try state.withLock(
            waitingWhile: { state throws(ReadError) in
                let isToWait: Bool
                switch state.holder {
                case .none: isToWait = false
                case .decoding: isToWait = true
                case .waiting:
                    guard mayWait else {
                        if isCounted { state.sleeperCount -= 1 }
                        throw .wouldWait
                    }
                    isToWait = true
                }
                if isToWait, !isCounted {
                    isCounted = true
                    state.sleeperCount += 1
                }
                return isToWait
            },
            { state throws(ReadError) in
                if isCounted { state.sleeperCount -= 1 }
                state.holder = mayWait ? .waiting : .decoding
            })
    }
}
