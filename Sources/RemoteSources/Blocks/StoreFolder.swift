// Folders and files of the disk cache, through the system's calls.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CLinux
import Glibc

/// A folder of the user's own.
final class StoreFolder: Sendable {
    let descriptor: CInt

    private init(adopting descriptor: CInt) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Opens the folder at `path`, which is made where it is not there.
    /// - Throws: `ReadError.unsupported` where others may write to it, or own it.
    convenience init(path: String) throws(ReadError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw .system(call: "make the cache folder \(path)", errno: errno)
        }
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open the cache folder \(path)", errno: errno) }
        self.init(adopting: descriptor)
        guard Self.isOwn(descriptor, S_IFDIR) else {
            throw .unsupported(
                feature: "a cache folder that others may write to, or own: \(path) must be yours, "
                    + "with no rights to write for others")
        }
    }

    /// A folder inside; nil where it cannot be made or is not the user's own.
    func folder(_ name: String) -> StoreFolder? {
        guard unsafe mkdirat(descriptor, name, 0o700) == 0 || errno == EEXIST else { return nil }
        let inner = unsafe openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard inner >= 0 else { return nil }
        let folder = StoreFolder(adopting: inner)
        return Self.isOwn(inner, S_IFDIR) ? folder : nil
    }

    /// A file inside, made where `isMade` and it is not there; nil where there is none that is the user's own.
    func file(_ name: String, isMade: Bool = true) -> StoreFile? {
        let file = unsafe openat(
            descriptor, name, O_RDWR | (isMade ? O_CREAT : 0) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard file >= 0 else { return nil }
        let made = StoreFile(adopting: file)
        return Self.isOwn(file, S_IFREG) ? made : nil
    }

    /// Why a folder or a file inside could not be opened or made; `path` is where this one is. Called right after that.
    func problem(with name: String, in path: String, isFolder: Bool) -> ReadError {
        let code = errno
        var status = stat()
        guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            return .system(call: "make \(path)/\(name)", errno: code)
        }
        let kind = isFolder ? "folder" : "file"
        return .unsupported(
            feature: "a cache folder in which \(path)/\(name) is there and is not a \(kind) of your own, "
                + "with no rights to write for others")
    }

    /// The names of what is inside, no more than `limit`.
    func names(limit: Int) -> [String] {
        let copy = unsafe openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { return [] }
        guard let stream = unsafe fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while names.count < limit, let entry = unsafe readdir(stream) {
            // SAFETY: the system ends the name with a NUL inside the record.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    func remove(_ name: String, isFolder: Bool = false) {
        _ = unsafe unlinkat(descriptor, name, isFolder ? AT_REMOVEDIR : 0)
    }

    private static func isOwn(_ file: CInt, _ kind: mode_t) -> Bool {
        var status = stat()
        return unsafe fstat(file, &status) == 0 && status.st_mode & S_IFMT == kind
            && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }
}

/// A file of the cache, read and written by offset. Its locks end with it.
final class StoreFile: Sendable {
    private let descriptor: CInt

    fileprivate init(adopting descriptor: CInt) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Fills `room` from `offset`; false where the file ends before, or cannot be read.
    func read(into room: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        var filled = 0
        while filled < room.count {
            guard let position = off_t(exactly: offset &+ UInt64(filled)) else { return false }
            let step = unsafe pread(
                descriptor, room.baseAddress?.advanced(by: filled), room.count - filled, position)
            if step > 0 { filled += step } else if step == 0 || errno != EINTR { return false }
        }
        return true
    }

    func bytes(_ count: Int, at offset: UInt64) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        // SAFETY: the array is the room, for the time of the call.
        return unsafe bytes.withUnsafeMutableBytes { unsafe read(into: $0, at: offset) } ? bytes : nil
    }

    /// 0, or the errno.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> CInt {
        var written = 0
        while written < bytes.count {
            guard let position = off_t(exactly: offset &+ UInt64(written)) else { return EFBIG }
            let step = unsafe pwrite(
                descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written, position)
            if step > 0 {
                written += step
            } else if step == 0 || errno != EINTR {
                return step == 0 ? EIO : errno
            }
        }
        return 0
    }

    func write(_ bytes: [UInt8], at offset: UInt64) -> CInt {
        // SAFETY: the array is read for the time of the call.
        unsafe bytes.withUnsafeBytes { unsafe write($0, at: offset) }
    }

    /// Whether bytes `range` are this one's alone (or, where `isShared`, no one's alone) from now on.
    func lock(_ range: Range<UInt64>, isShared: Bool = false) -> Bool {
        setLock(Int16(isShared ? F_RDLCK : F_WRLCK), range)
    }

    func unlock(_ range: Range<UInt64>) {
        _ = setLock(Int16(F_UNLCK), range)
    }

    private func setLock(_ type: Int16, _ range: Range<UInt64>) -> Bool {
        guard !range.isEmpty, let start = off_t(exactly: range.lowerBound),
            let length = off_t(exactly: range.upperBound - range.lowerBound)
        else { return false }
        return ovafs_lock_range(descriptor, type, start, length) == 0
    }

    func punch(_ range: Range<UInt64>) {
        guard !range.isEmpty, let start = off_t(exactly: range.lowerBound),
            let length = off_t(exactly: range.upperBound - range.lowerBound)
        else { return }
        _ = ovafs_punch_hole(descriptor, start, length)
    }

    /// Where the next stored byte is, from `offset` on; nil where there is none.
    func nextData(from offset: UInt64) -> UInt64? {
        guard let start = off_t(exactly: offset) else { return nil }
        // SEEK_DATA, which the C library shows to GNU programs only.
        let found = lseek(descriptor, start, 3)
        return found < 0 ? nil : UInt64(found)
    }

    /// The storage that it takes, in bytes, and when it was last written, in seconds since 1970.
    var state: (storedByteCount: UInt64, byteCount: UInt64, time: Int) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return (0, 0, 0) }
        return (
            UInt64(max(0, status.st_blocks)) &* 512, UInt64(max(0, status.st_size)), status.st_mtim.tv_sec
        )
    }

    /// Marks it as used now.
    func touch() {
        _ = futimens(descriptor, nil)
    }
}
