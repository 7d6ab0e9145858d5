// What libfuse does to make a mount, and its device apart from the session that serves it.
// SPDX-License-Identifier: Apache-2.0

import CFuse
import Glibc

/// Mounting by libfuse: with the kernel's own call as root, through fusermount3 for others.
package enum KernelMount {
    /// Mounts on `directory`, which ends with a NUL.
    /// - Throws: `MountError` with what libfuse or fusermount3 says.
    /// - Returns: The kernel's device for the mount. When the last descriptor of it is closed the mount is dead, and still
    ///   there.
    package static func make(at directory: [CChar], _ options: SessionOptions) throws(MountError) -> CInt {
        let session = unsafe try mountedSession(at: directory, options)
        // Leaves the mount alone, and closes what is duplicated below.
        defer { unsafe fuse_session_destroy(session) }
        return unsafe try duplicatedDevice(of: session)
    }

    /// A session that has made a mount, and does not serve it.
    static func mountedSession(
        at directory: [CChar], _ options: SessionOptions
    ) throws(MountError) -> OpaquePointer {
        LibraryMessages.capture()
        let session = unsafe try makeSession(options, operations: fuse_lowlevel_ops(), context: nil)
        let (mounted, messages) = StandardErrorCapture.during {
            unsafe fuse_session_mount(session, directory)
        }
        guard mounted == 0 else {
            unsafe fuse_session_destroy(session)
            let name = String(decoding: directory.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw failure("cannot mount on \(name)", messages)
        }
        return unsafe session
    }

    /// One more descriptor of a session's device; where there is none to be had, its mount is taken away.
    static func duplicatedDevice(of session: OpaquePointer) throws(MountError) -> CInt {
        let device = unsafe fcntl(fuse_session_fd(session), F_DUPFD_CLOEXEC, 3)
        guard device >= 0 else {
            let reason = unsafe String(cString: strerror(errno))
            unsafe fuse_session_unmount(session)
            throw MountError(description: "cannot keep the device of the mount: \(reason)")
        }
        return device
    }

    /// A session that has no mount yet.
    static func makeSession(
        _ options: SessionOptions, operations: fuse_lowlevel_ops, context: UnsafeMutableRawPointer?
    ) throws(MountError) -> OpaquePointer {
        var arguments = unsafe fuse_args(argc: 0, argv: nil, allocated: 0)
        defer { unsafe fuse_opt_free_args(&arguments) }
        for argument in [Array("ovafs".utf8), Array("-o".utf8), mountOptions(options)] {
            let string = argument.map(CChar.init(bitPattern:)) + [0]
            guard unsafe fuse_opt_add_arg(&arguments, string) == 0 else {
                throw failure("no memory for the mount options")
            }
        }
        var operations = operations
        guard
            let session = unsafe fuse_session_new(
                &arguments, &operations, MemoryLayout<fuse_lowlevel_ops>.size, context)
        else { throw failure("libfuse refuses the session") }
        return unsafe session
    }

    /// Gives `session` the device of a mount that was made, which it closes at its end.
    static func adopt(_ device: CInt, by session: OpaquePointer) -> Bool {
        if unsafe fuse_session_mount(session, "/dev/fd/\(device)") == 0 { return true }
        close(device)
        return false
    }

    /// Closes a session's device; the number stays taken until the session ends.
    /// - Returns: Whether its connection was cut before, as it is where the mount has gone.
    static func letGo(of session: OpaquePointer) -> Bool {
        let device = unsafe fuse_session_fd(session)
        var state = pollfd(fd: device, events: 0, revents: 0)
        let wasCut = unsafe poll(&state, 1, 0) == 1 && Int32(state.revents) & POLLERR != 0
        let other = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        if other >= 0 {
            dup2(other, device)
            close(other)
        }
        return wasCut
    }

    /// The options that go to the kernel, read-only above all.
    private static func mountOptions(_ options: SessionOptions) -> [UInt8] {
        var list = ["ro", "nosuid", "nodev", "default_permissions", "subtype=ova"]
        if options.allowsOtherUsers { list.append("allow_other") }
        if !options.permitsExecution { list.append("noexec") }
        return Array((list + ["fsname="]).joined(separator: ",").utf8) + escaped(options.sourceName)
    }

    /// A value inside a list of options: commas and backslashes stand behind a backslash.
    private static func escaped(_ value: [UInt8]) -> [UInt8] {
        let special = [UInt8(ascii: ","), UInt8(ascii: "\\")]
        return value.flatMap { special.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
    }

    /// An error with what was said of it, by fusermount3 in `messages` or by libfuse.
    static func failure(_ what: String, _ messages: String = "") -> MountError {
        let library = LibraryMessages.take()
        let helper = messages.split(separator: "\n").last.map { String($0.trimmingPrefix("fusermount3: ")) }
        guard let reason = helper ?? library else { return MountError(description: what) }
        return MountError(description: "\(what): \(reason)")
    }
}
