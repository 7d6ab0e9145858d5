// The life of a mount: from the session's start to its end.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
package import FileTree
import Glibc
package import Logging

/// Serves a tree through the kernel until it is unmounted.
package struct FuseServer {
    /// Threads that are left for requests that only look at the tree, while others read.
    private static let metadataThreadCount = 4
    /// How long workers that a source holds up are waited for, in seconds.
    private static let longestEnd = 1.0

    private let served: ServedTree

    /// Serves `tree`; where there is a `catalogue`, its folders come and go in the tree's root.
    package init(
        tree: FileTree, catalogue: (any FolderCatalogue)? = nil, options: SessionOptions,
        statistics: ServerStatistics, log: Logger
    ) {
        served = ServedTree(
            tree: tree, catalogue: catalogue, options: options, statistics: statistics, log: log)
    }

    /// As below, with a mount on `directory` that this process makes. `directory` is the bytes of an absolute path, so that
    /// unmounting works wherever the process stands by then.
    package func serve(
        at directory: [UInt8], whenUsable: @escaping @Sendable () -> Void, whenGone: () -> Void = {}
    ) throws(MountError) {
        let keeper = OwnMount(at: directory, options: served.options, log: served.log)
        try serve(through: keeper, whenUsable: whenUsable, whenGone: whenGone)
    }

    /// Has `keeper` make the mount, answers requests, and returns when the mount is gone: by umount(8), by
    /// fusermount3(1), or because of SIGINT, SIGTERM or SIGHUP, which have it taken away.
    ///
    /// `whenUsable` is called once, on another thread, when the first request has been answered, and `whenGone` once when
    /// there is no mount any more: what a source holds up may keep this from returning for a while after that.
    /// Signals that end a mount are let in meanwhile, and held back when this returns.
    ///
    /// - Throws: `MountError` where the mount does not come about, or its session fails.
    package func serve(
        through keeper: some MountKeeper, whenUsable: @escaping @Sendable () -> Void,
        whenGone: () -> Void = {}
    ) throws(MountError) {
        LibraryMessages.capture()
        let session = unsafe try KernelMount.makeSession(
            served.options, operations: makeOperations(),
            // SAFETY: `served` outlives the session, which does not own it.
            context: Unmanaged.passUnretained(served).toOpaque())
        unsafe served.notices.begin(session)
        // SAFETY: the session and what it points to live until the end of this function; a thread that the kernel holds up
        // keeps the session, which ends with the process then.
        defer {
            if served.notices.end(until: MonotonicClock.now + Self.longestEnd) {
                unsafe fuse_session_destroy(session)
            }
            withExtendedLifetime(served) {}
        }
        guard unsafe fuse_set_signal_handlers(session) == 0 else {
            throw KernelMount.failure("cannot handle signals")
        }
        // One that is repeated finds a handler, or waits until the caller lets it in: what was made for the mount is
        // taken away by then.
        EndingSignals.letIn()
        defer {
            EndingSignals.holdBack()
            unsafe fuse_remove_signal_handlers(session)
        }
        let starter = MountStarter(awaiting: { keeper.waitUntilUsable() }, whenUsable: whenUsable)
        do throws(ReadError) {
            try served.waiting.begin { [served] request, take in
                switch request {
                case .file(let request): served.serveWaiting(request, take)
                case .work(let work): served.perform(work)
                // Answered by those who do what it waits for.
                case .folder: break
                }
            }
        } catch {
            throw KernelMount.failure("cannot start a thread: \(error)")
        }
        // After the unmount below, which lets its request go where no one is left to answer it. What a source holds up
        // is not waited for: it has been answered.
        defer {
            starter.wait()
            served.waiting.join(until: MonotonicClock.now + Self.longestEnd)
        }
        // Before the session goes; where the mount does not come about, this is the end.
        defer { served.waiting.end() }
        let device = try keeper.mount()
        guard unsafe KernelMount.adopt(device, by: session) else {
            keeper.takeAway(wasCut: true)
            throw KernelMount.failure("libfuse refuses the mount")
        }
        defer {
            served.waiting.end()
            // Closed first, so that whoever takes the mount away does not wait for this process.
            keeper.takeAway(wasCut: unsafe KernelMount.letGo(of: session))
            // Not before `whenUsable` has been.
            starter.wait()
            whenGone()
        }
        starter.start()
        guard unsafe InitialExchange.perform(session) else {
            throw KernelMount.failure("the kernel and libfuse did not come to terms")
        }
        let configuration = unsafe fuse_loop_cfg_create()
        defer { unsafe fuse_loop_cfg_destroy(configuration) }
        unsafe fuse_loop_cfg_set_clone_fd(configuration, 1)
        let threadCount = UInt32(served.options.threadCount + Self.metadataThreadCount)
        unsafe fuse_loop_cfg_set_max_threads(configuration, threadCount)
        unsafe fuse_loop_cfg_set_idle_threads(configuration, threadCount)
        let result = unsafe ovafs_fuse_session_loop_mt(session, configuration)
        // A positive result is the signal that ended the loop.
        guard result >= 0 else {
            throw KernelMount.failure("the session ended: \(unsafe String(cString: strerror(-result)))")
        }
    }
}
