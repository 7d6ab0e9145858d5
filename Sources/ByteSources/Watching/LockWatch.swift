// What debug builds do at each lock: they check the order in which locks are taken, and let tests decide whose turn it is.
// SPDX-License-Identifier: Apache-2.0

#if DEBUG
    import Glibc

    /// Called by every lock of the program. Where the variable OVAFS_LOCK_CHECK is set, a wrong order ends the program at once,
    /// where it is first taken, whether or not any thread waits; so do waiting for a change while another lock is held, and
    /// taking a lock twice.
    package enum LockWatch {
        /// What one thread holds.
        // SAFETY: belongs to one thread.
        private final class Thread: @unchecked Sendable {
            struct Held {
                let site: LockSite
                /// Where the lock is; 0 for one that is not the C library's.
                let address: UInt
            }

            var held: [Held] = []
            /// Pairs that were noted before.
            var known: Set<UInt64> = []
            /// What is wrong, where a test wants to know; else nil.
            var complaints: [String]?
            var director: (any ThreadDirector)?
        }

        private static let shared = SharedLockOrder()
        private static let isFatal = unsafe getenv("OVAFS_LOCK_CHECK") != nil

        private static let key = {
            var key = pthread_key_t()
            // SAFETY: balances the retain of `current`.
            let result = unsafe pthread_key_create(&key) { context in
                if let context = unsafe context { unsafe Unmanaged<Thread>.fromOpaque(context).release() }
            }
            precondition(result == 0, "the C library has no more keys for threads")
            return key
        }()

        private static var existing: Thread? {
            guard let context = unsafe pthread_getspecific(key) else { return nil }
            // SAFETY: set by `current`, which keeps it until the thread ends.
            return unsafe Unmanaged<Thread>.fromOpaque(context).takeUnretainedValue()
        }

        private static var current: Thread {
            if let existing { return existing }
            let thread = Thread()
            unsafe pthread_setspecific(key, Unmanaged.passRetained(thread).toOpaque())
            return thread
        }

        // MARK: Locks

        /// The locks that are made at a place of the source.
        package static func site(_ file: StaticString, _ line: UInt) -> LockSite {
            shared.site(file, line)
        }

        /// A lock is about to be taken, and will be.
        /// - Returns: Whether a test directs the thread, and the lock is free.
        static func take(_ site: LockSite, at address: UInt) -> Bool {
            let thread = current
            if thread.held.contains(where: { $0.address == address }) {
                complain("\(shared.name(of: site)) is taken by a thread that has it", thread)
            }
            note(site, in: thread)
            thread.held.append(Thread.Held(site: site, address: address))
            guard let director = thread.director else { return false }
            director.take(address, site)
            return true
        }

        /// A lock was taken that was free, without waiting for it.
        static func noteTaken(_ site: LockSite, at address: UInt) {
            let thread = current
            thread.held.append(Thread.Held(site: site, address: address))
            thread.director?.hold(address)
        }

        static func leave(at address: UInt) {
            guard let thread = existing else { return }
            if let index = thread.held.lastIndex(where: { $0.address == address }) {
                thread.held.remove(at: index)
            }
            thread.director?.leave(address)
        }

        /// The thread waits for others, and gives up this lock meanwhile; 0 where it gives up none.
        static func checkWaiting(at address: UInt) {
            guard let thread = existing else { return }
            for held in thread.held where held.address != address && held.address != 0 {
                let waiting = thread.held.first { $0.address == address }.map { shared.name(of: $0.site) }
                complain(
                    "\(waiting ?? "a thread") is waited for with \(shared.name(of: held.site)) held", thread)
            }
        }

        /// A lock that is made of others is about to be taken by who may have to wait for it.
        package static func willTake(_ site: LockSite) { note(site, in: current) }

        package static func noteTaken(_ site: LockSite) {
            current.held.append(Thread.Held(site: site, address: 0))
        }

        package static func leave(_ site: LockSite) {
            guard let thread = existing,
                let index = thread.held.lastIndex(where: { $0.site == site && $0.address == 0 })
            else { return }
            thread.held.remove(at: index)
        }

        private static func note(_ site: LockSite, in thread: Thread) {
            for held in thread.held {
                let pair = UInt64(held.site.number) << 32 | UInt64(site.number)
                guard !thread.known.contains(pair) else { continue }
                if let circle = shared.note(site, after: held.site) {
                    complain("locks are taken in a circle: " + circle.joined(separator: ", then "), thread)
                } else {
                    thread.known.insert(pair)
                }
            }
        }

        private static func complain(_ complaint: String, _ thread: Thread) {
            guard thread.complaints == nil else { return thread.complaints?.append(complaint) ?? () }
            if isFatal { fatalError(complaint) }
        }

        // MARK: Tests

        /// What this thread does wrong while it runs `body`, which would end the program otherwise.
        package static func complaints(during body: () -> Void) -> [String] {
            let thread = current
            let before = thread.complaints
            thread.complaints = []
            body()
            defer { thread.complaints = before }
            return thread.complaints ?? []
        }

        /// Who decides when this thread runs; nil where the system does.
        package static var director: (any ThreadDirector)? { existing?.director }

        /// Runs `body` as thread `number` of `director`.
        package static func perform(
            _ number: Int, of director: any ThreadDirector, _ body: () -> Void
        ) {
            director.begin(number)
            current.director = director
            body()
            current.director = nil
            director.end()
        }

        package static func name(of site: LockSite) -> String { shared.name(of: site) }
    }
#endif
