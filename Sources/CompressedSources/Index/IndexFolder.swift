// The folder of indexes, through the system's calls.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// A folder of the user's own, in which files are replaced as a whole.
final class IndexFolder: Sendable {
    private let descriptor: CInt
    /// What all indexes may take together, in bytes.
    private let byteLimit: UInt64

    /// What the names of indexes end with.
    static let suffix = ".ovafs-index"
    /// A file that was begun longer ago than this, in seconds, is not written any more.
    private static let staleSeconds = 600.0

    /// The longest index that is read, in bytes.
    private static let largestByteCount = 64 << 20

    /// Opens the folder, which is made where it is not there.
    init(path: [UInt8], byteLimit: UInt64) throws(ReadError) {
        self.byteLimit = byteLimit
        let shown = String(decoding: path, as: UTF8.self)
        let name = path.map(CChar.init(bitPattern:)) + [0]
        // SAFETY: the name ends with a NUL and lives for the calls.
        guard unsafe mkdir(name, 0o700) == 0 || errno == EEXIST else {
            throw .system(call: "make the cache folder \(shown)", errno: errno)
        }
        let descriptor = unsafe open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open the cache folder \(shown)", errno: errno) }
        self.descriptor = descriptor
        guard Self.isOwn(descriptor, S_IFDIR) else {
            throw .unsupported(
                feature: "a cache folder that others may write to, or own: \(shown) must be yours, "
                    + "with no rights to write for others")
        }
        sweep()
    }

    deinit {
        close(descriptor)
    }

    /// What is in a file; nil where there is none that is ours.
    /// - Throws: `ReadError.overBudget` where there is not the memory for it.
    func read(_ name: String, share: BudgetShare) throws(ReadError) -> [UInt8]? {
        let file = unsafe openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard Self.isOwn(file, S_IFREG), unsafe fstat(file, &status) == 0,
            1...Self.largestByteCount ~= Int(status.st_size)
        else { return nil }
        // Once as it is, once taken apart.
        try share.take(2 * UInt64(status.st_size), for: "an index of the cache folder")
        let byteCount = Int(status.st_size)
        // SAFETY: the system writes at most as many bytes as it is told of.
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            while count < byteCount {
                let step = unsafe Glibc.read(file, buffer.baseAddress?.advanced(by: count), byteCount - count)
                guard step > 0 else {
                    if step < 0, errno == EINTR { continue }
                    return
                }
                count += step
            }
        }
    }

    /// Replaces a file as a whole: whoever reads it meanwhile finds the old one or the new one.
    func write(_ bytes: [UInt8], as name: String) throws(ReadError) {
        let temporary = ".\(name).\(getpid()).\(UInt64.random(in: 0 ... .max))"
        let file = unsafe openat(
            descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system(call: "make an index", errno: errno) }
        var code: CInt = 0
        var position = 0
        while position < bytes.count, code == 0 {
            // SAFETY: the system reads what is left of the array.
            let step = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress?.advanced(by: position), bytes.count - position)
            }
            if step > 0 { position += step } else if errno != EINTR { code = errno }
        }
        if close(file) != 0, code == 0 { code = errno }
        if code == 0, unsafe renameat(descriptor, temporary, descriptor, name) != 0 { code = errno }
        guard code == 0 else {
            _ = unsafe unlinkat(descriptor, temporary, 0)
            throw .system(call: "write an index", errno: code)
        }
        sweep()
    }

    /// Takes away what was begun and never ended and, where the indexes are more than they may be, the oldest ones.
    private func sweep() {
        let files = files()
        for file in files where file.name.hasPrefix(".") && file.age > Self.staleSeconds {
            _ = unsafe unlinkat(descriptor, file.name, 0)
        }
        let indexes = files.filter { !$0.name.hasPrefix(".") }.sorted { $0.age < $1.age }
        var byteCount: UInt64 = 0
        for (number, file) in indexes.enumerated() {
            byteCount = byteCount.addingReportingOverflow(file.byteCount).partialValue
            // The newest one stays: else there would be no use in writing any.
            if byteCount > byteLimit, number > 0 { _ = unsafe unlinkat(descriptor, file.name, 0) }
        }
    }

    /// One of our files.
    private struct File {
        let name: String
        let byteCount: UInt64
        /// In seconds.
        let age: Double
    }

    /// Indexes and what will be some, of the folder's first entries: it may be a folder with other things in it.
    private func files() -> [File] {
        let copy = unsafe openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { return [] }
        guard let stream = unsafe fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { unsafe closedir(stream) }
        let now = Double(time(nil))
        var files: [File] = []
        for _ in 0..<Self.mostEntries {
            // SAFETY: the entry lives until the next call, and its name ends with a NUL.
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard name.hasSuffix(Self.suffix) || name.hasPrefix(".") && name.contains("\(Self.suffix).")
            else {
                continue
            }
            var status = stat()
            guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid()
            else { continue }
            files.append(
                File(
                    name: name, byteCount: UInt64(max(0, status.st_size)),
                    age: now - Double(status.st_mtim.tv_sec) - Double(status.st_mtim.tv_nsec) / 1e9))
        }
        return files
    }

    private static let mostEntries = 100_000

    /// Whether a file is of this kind, belongs to the user, and is written by no one else.
    private static func isOwn(_ file: CInt, _ kind: mode_t) -> Bool {
        var status = stat()
        return unsafe fstat(file, &status) == 0 && status.st_mode & S_IFMT == kind
            && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }
}
