// The folder of indexes, through the system's calls.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// A folder of the user's own, in which files are replaced as a whole.
final class IndexFolder: Sendable {
    private let descriptor: CInt
    private let files: FileReplacement
    /// What all indexes may take together, in bytes.
    private let byteLimit: UInt64

    /// What the names of indexes end with.
    static let suffix = ".ovafs-index"

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
        files = FileReplacement(in: descriptor, mark: "\(Self.suffix).")
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

    /// Replaces an index as a whole: whoever reads it meanwhile finds the old one or the new one.
    func write(_ bytes: [UInt8], as name: String) throws(ReadError) {
        try files.write(bytes, as: Array(name.utf8), called: "an index")
        sweep()
    }

    /// Takes away what was begun and never ended and, where the indexes are more than they may be, the oldest ones.
    private func sweep() {
        files.removeAbandoned()
        let suffix = Array(Self.suffix.utf8)
        let indexes = files.entries { $0.suffix(suffix.count).elementsEqual(suffix) }
            .sorted { $0.age < $1.age }
        var byteCount: UInt64 = 0
        for (number, index) in indexes.enumerated() {
            byteCount = byteCount.addingReportingOverflow(index.byteCount).partialValue
            // The newest one stays: else there would be no use in writing any.
            if byteCount > byteLimit, number > 0 { files.remove(index.name) }
        }
    }

    /// Whether a file is of this kind, belongs to the user, and is written by no one else.
    private static func isOwn(_ file: CInt, _ kind: mode_t) -> Bool {
        var status = stat()
        return unsafe fstat(file, &status) == 0 && status.st_mode & S_IFMT == kind
            && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }
}
