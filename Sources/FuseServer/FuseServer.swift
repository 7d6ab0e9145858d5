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

    /// Mounts on `directory`, answers requests, and returns when the mount is gone: by umount(8), by
    /// fusermount3(1), or because of SIGINT, SIGTERM or SIGHUP, which unmount it.
    ///
    /// `directory` is the bytes of an absolute path, so that unmounting works wherever the process stands by then.
    /// `whenUsable` is called once, on another thread, when the first request has been answered, and `whenGone` once when
    /// there is no mount any more: what a source holds up may keep this from returning for a while after that.
    /// Signals that end a mount are let in meanwhile, and held back when this returns.
    ///
    /// - Throws: `MountError` where the mount does not come about, or its session fails.
    package func serve(
        at directory: [UInt8], whenUsable: @escaping @Sendable () -> Void, whenGone: () -> Void = {}
    ) throws(MountError) {
        let path = directory.map(CChar.init(bitPattern:)) + [0]
        LibraryMessages.capture()
        let session = unsafe try makeSession()
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
            throw failure("cannot handle signals")
        }
        // One that is repeated finds a handler, or waits until the caller lets it in: what was made for the mount is
        // taken away by then.
        EndingSignals.letIn()
        defer {
            EndingSignals.holdBack()
            unsafe fuse_remove_signal_handlers(session)
        }
        let starter = MountStarter(directory: path, log: served.log, whenUsable: whenUsable)
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
            throw failure("cannot start a thread: \(error)")
        }
        // After the unmount below, which lets its request go where no one is left to answer it. What a source holds up
        // is not waited for: it has been answered.
        defer {
            starter.wait()
            served.waiting.join(until: MonotonicClock.now + Self.longestEnd)
        }
        // Before the session goes; where the mount does not come about, this is the end.
        defer { served.waiting.end() }
        let (mounted, messages) = StandardErrorCapture.during {
            unsafe fuse_session_mount(session, path)
        }
        guard mounted == 0 else {
            throw failure("cannot mount on \(String(decoding: directory, as: UTF8.self))", messages)
        }
        defer {
            served.waiting.end()
            unsafe fuse_session_unmount(session)
            Self.takeAway(mountAt: path)
            // Not before `whenUsable` has been.
            starter.wait()
            whenGone()
        }
        starter.start()
        guard unsafe InitialExchange.perform(session) else {
            throw failure("the kernel and libfuse did not come to terms")
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
            throw failure("the session ended: \(unsafe String(cString: strerror(-result)))")
        }
    }

    /// libfuse leaves a mount where it is whose connection was cut, as `umount -f` does; no one else would take it away.
    private static func takeAway(mountAt directory: [CChar]) {
        // Attributes the kernel would give from what it remembers.
        var status = statvfs()
        guard unsafe statvfs(directory, &status) != 0, errno == ENOTCONN else { return }
        _ = unsafe umount2(directory, CInt(MNT_DETACH))
    }

    private func makeSession() throws(MountError) -> OpaquePointer {
        var arguments = unsafe fuse_args(argc: 0, argv: nil, allocated: 0)
        defer { unsafe fuse_opt_free_args(&arguments) }
        for argument in [Array("ovafs".utf8), Array("-o".utf8), mountOptions] {
            let string = argument.map(CChar.init(bitPattern:)) + [0]
            guard unsafe fuse_opt_add_arg(&arguments, string) == 0 else {
                throw failure("no memory for the mount options")
            }
        }
        var operations = makeOperations()
        // SAFETY: `served` outlives the session, which does not own it.
        let context = unsafe Unmanaged.passUnretained(served).toOpaque()
        guard
            let session = unsafe fuse_session_new(
                &arguments, &operations, MemoryLayout<fuse_lowlevel_ops>.size, context)
        else { throw failure("libfuse refuses the session") }
        return unsafe session
    }

    /// The options that go to the kernel, read-only above all.
    private var mountOptions: [UInt8] {
        let options = served.options
        var list = ["ro", "nosuid", "nodev", "default_permissions", "subtype=ova"]
        if options.allowsOtherUsers { list.append("allow_other") }
        if !options.permitsExecution { list.append("noexec") }
        return Array((list + ["fsname="]).joined(separator: ",").utf8) + Self.escaped(options.sourceName)
    }

    /// A value inside a list of options: commas and backslashes stand behind a backslash.
    private static func escaped(_ value: [UInt8]) -> [UInt8] {
        let special = [UInt8(ascii: ","), UInt8(ascii: "\\")]
        return value.flatMap { special.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
    }

    /// An error with what was said of it, by fusermount3 in `messages` or by libfuse.
    private func failure(_ what: String, _ messages: String = "") -> MountError {
        let library = LibraryMessages.take()
        let helper = messages.split(separator: "\n").last.map { String($0.trimmingPrefix("fusermount3: ")) }
        guard let reason = helper ?? library else { return MountError(description: what) }
        return MountError(description: "\(what): \(reason)")
    }
}
