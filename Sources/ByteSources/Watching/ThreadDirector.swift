// Who decides, in tests, which of several threads goes on.
// SPDX-License-Identifier: Apache-2.0

#if DEBUG
    /// Lets one of its threads run at a time. Locks ask it where a thread could lose or give up the processor, and the clock
    /// asks it for the time: so a test can go through all orders in which threads may run.
    package protocol ThreadDirector: AnyObject, Sendable {
        /// The time, in seconds of a clock of its own.
        var now: Double { get }

        /// Returns when it is the calling thread's turn; others may have had theirs.
        func turn()
        /// Returns when it is the calling thread's turn and no other of the threads has the lock.
        func take(_ lock: UInt, _ site: LockSite)
        /// The calling thread has taken a lock that was free.
        func hold(_ lock: UInt)
        /// The calling thread has the lock no longer.
        func leave(_ lock: UInt)
        /// Gives up the lock, if any, until someone wakes who waits for it, or `deadline` (seconds of `now`); then takes it.
        /// - Returns: Whether someone did.
        func wait(for lock: UInt?, until deadline: Double) -> Bool
        /// Wakes those who wait for the lock, or one of them.
        func wake(_ lock: UInt, all: Bool)

        /// A thread is about to be started.
        /// - Returns: Its number.
        func add() -> Int
        /// The first call of a thread: returns when it is its turn.
        func begin(_ number: Int)
        /// The last call of a thread.
        func end()
    }
#endif
