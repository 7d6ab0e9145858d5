// What is left to do once the kernel and the server talk to each other.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// Waits on a thread of its own for the mount to answer, and tells the one who waits for it; where that is gone by then, its
/// server's end does.
final class MountStarter: Sendable {
    private let isUsable: @Sendable () -> Bool
    private let whenUsable: @Sendable () -> Void
    private let thread = Mutex<WorkerThread?>(nil)

    /// `isUsable` waits for the mount, and says whether it came to be.
    init(awaiting isUsable: @escaping @Sendable () -> Bool, whenUsable: @escaping @Sendable () -> Void) {
        self.isUsable = isUsable
        self.whenUsable = whenUsable
    }

    func start() {
        // Without a thread to spare, those who wait are told at once: requests queue in the kernel.
        guard let started = try? WorkerThread({ if self.isUsable() { self.whenUsable() } }) else {
            return whenUsable()
        }
        thread.withLock { $0 = started }
    }

    /// Waits until the thread has ended.
    func wait() {
        thread.withLock { $0.take() }?.join()
    }
}
