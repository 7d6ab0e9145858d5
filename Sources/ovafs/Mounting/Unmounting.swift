// Taking a mount away, as root or through fusermount3.
// SPDX-License-Identifier: Apache-2.0

import Glibc

enum Unmounting {
    /// Why a mount is still there.
    enum Failure: Error, Equatable {
        case busy
        case other(String)
    }

    /// Unmounts what is mounted at `point`, which is an absolute path without links.
    ///
    /// `isLazy` takes it out of the tree of folders at once, and ends it when no one uses it any more.
    static func unmount(_ point: String, isLazy: Bool) throws(Failure) {
        // A link that has come to stand there is not followed.
        let flags = noFollow | (isLazy ? CInt(MNT_DETACH) : 0)
        if unsafe umount2(point, flags) == 0 { return }
        switch errno {
        case EPERM: try askFusermount(point, isLazy: isLazy)
        case EBUSY: throw .busy
        default: throw .other("\(SystemError(errno: errno))")
        }
    }

    /// Whether the server of what is mounted at `point` has ended without unmounting it.
    static func isDead(_ point: String) -> Bool {
        var status = statvfs()
        guard unsafe statvfs(point, &status) != 0 else { return false }
        return errno == ENOTCONN || errno == ECONNABORTED
    }

    /// UMOUNT_NOFOLLOW of umount2(2), which the C library has as a constant that Swift does not see.
    private static let noFollow: CInt = 8

    private static func askFusermount(_ point: String, isLazy: Bool) throws(Failure) {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw .other("\(SystemError(errno: errno))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        defer {
            close(ends[0])
            close(null)
        }
        let child: pid_t
        do throws(SystemError) {
            defer { close(ends[1]) }
            let arguments = ["fusermount3", "-u"] + (isLazy ? ["-z"] : []) + ["--", point]
            child = try startFusermount(arguments.map { Array($0.utf8) }, [null, null, ends[1]])
        } catch {
            throw .other(
                error.errno == ENOENT
                    ? "fusermount3 (Debian package fuse3) is missing, and without it only root may unmount"
                    : "fusermount3: \(error)")
        }
        let words = messages(from: ends[0])
        guard ProgramStart.wait(for: child) != 0 else { return }
        if words.contains("busy") { throw .busy }
        throw .other(words.isEmpty ? "fusermount3 fails" : words)
    }

    /// From PATH, or from where libfuse looks for it.
    private static func startFusermount(
        _ arguments: [[UInt8]], _ descriptors: [CInt]
    ) throws(SystemError) -> pid_t {
        do throws(SystemError) {
            return try ProgramStart.start("fusermount3", arguments, descriptors: descriptors)
        } catch {
            guard error.errno == ENOENT else { throw error }
            return try ProgramStart.start("/usr/bin/fusermount3", arguments, descriptors: descriptors)
        }
    }

    /// What a program writes until it ends, up to a limit, without its name in front.
    private static func messages(from descriptor: CInt) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1024)
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            if bytes.count < 4096 { bytes += buffer.prefix(count) }
        }
        let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).last ?? ""
        let prefix = "fusermount3: "
        return String(text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : text)
    }
}
