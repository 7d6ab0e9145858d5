// Taking a mount away, as root or through fusermount3.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import CLinux
import Glibc
import SystemPackage

enum Unmounting {
    /// Why a mount is still there.
    enum Failure: Error, Equatable {
        case busy
        case other(String)
    }

    /// Unmounts what is mounted at `point`, which is an absolute path without links.
    ///
    /// `isLazy` takes it out of the tree of folders at once, and ends it when no one uses it any more.
    static func unmount(_ point: FilePath, isLazy: Bool) throws(Failure) {
        // A link that has come to stand there is not followed.
        let flags = ovafs_unmount_without_following | (isLazy ? CInt(MNT_DETACH) : 0)
        if unsafe point.withPlatformString({ unsafe umount2($0, flags) }) == 0 { return }
        switch errno {
        case EPERM: try askFusermount(point, isLazy: isLazy)
        case EBUSY: throw .busy
        default: throw .other("\(SystemError(errno: errno))")
        }
    }

    /// Whether the server of what is mounted at `point` has ended without unmounting it.
    static func isDead(_ point: FilePath) -> Bool {
        var status = statvfs()
        guard unsafe point.withPlatformString({ unsafe statvfs($0, &status) }) != 0 else { return false }
        return errno == ENOTCONN || errno == ECONNABORTED
    }

    private static func askFusermount(_ point: FilePath, isLazy: Bool) throws(Failure) {
        let words: String
        let child: pid_t
        do throws(SystemError) {
            let pipe = try ProgramPipe()
            defer { pipe.close() }
            let arguments = ["fusermount3", "-u"] + (isLazy ? ["-z"] : []) + ["--"]
            do {
                defer { close(pipe.writing) }
                child = try startFusermount(
                    arguments.map { Array($0.utf8) } + [point.bytes], [pipe.null, pipe.null, pipe.writing])
            }
            words = messages(from: pipe.reading)
        } catch {
            throw .other(
                error.errno == ENOENT
                    ? "fusermount3 (Debian package fuse3) is missing, and without it only root may unmount"
                    : "fusermount3: \(error)")
        }
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
