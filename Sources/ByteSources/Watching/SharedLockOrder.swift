// The order of all locks of a process, as it has been seen by now.
// SPDX-License-Identifier: Apache-2.0

#if DEBUG
    import Glibc

    /// One for the process. Where the variable OVAFS_LOCK_ORDER names a file, each new pair is a line of it, in the form that
    /// tsort(1) takes: so pairs of several processes can be looked at together.
    // SAFETY: what is `var` is used under the mutex only, which stays where it is.
    @safe final class SharedLockOrder: @unchecked Sendable {
        private struct Place: Hashable {
            let file: UInt
            let line: UInt
        }

        // Not one of the program's own locks: those come here.
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private var order = LockOrder()
        private var sites: [Place: LockSite] = [:]
        private let path: String?

        init() {
            unsafe pthread_mutex_init(mutex, nil)
            path = unsafe getenv("OVAFS_LOCK_ORDER").flatMap { unsafe String(validatingCString: $0) }
        }

        deinit {
            unsafe pthread_mutex_destroy(mutex)
            unsafe mutex.deallocate()
        }

        func site(_ file: StaticString, _ line: UInt) -> LockSite {
            unsafe pthread_mutex_lock(mutex)
            defer { unsafe pthread_mutex_unlock(mutex) }
            let place = Place(file: unsafe UInt(bitPattern: file.utf8Start), line: line)
            if let site = sites[place] { return site }
            let site = order.site(named: "\(file):\(line)")
            sites[place] = site
            return site
        }

        func name(of site: LockSite) -> String {
            unsafe pthread_mutex_lock(mutex)
            defer { unsafe pthread_mutex_unlock(mutex) }
            return order.name(of: site)
        }

        /// Takes note of a pair.
        /// - Returns: The circle that it would close; nil where it closes none.
        func note(_ second: LockSite, after first: LockSite) -> [String]? {
            unsafe pthread_mutex_lock(mutex)
            defer { unsafe pthread_mutex_unlock(mutex) }
            switch order.note(second, after: first) {
            case .known: return nil
            case .circle(let names): return names
            case .new:
                write("\(order.name(of: first)) \(order.name(of: second))\n")
                return nil
            }
        }

        private func write(_ line: String) {
            guard let path else { return }
            let file = unsafe open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
            guard file >= 0 else { return }
            defer { close(file) }
            let bytes = Array(line.utf8)
            // SAFETY: the array is there for the time of the call.
            _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        }
    }
#endif
