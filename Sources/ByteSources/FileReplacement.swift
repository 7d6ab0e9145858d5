// Files of a folder that are replaced as a whole, through the system's calls.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Writes files under another name first, so that whoever reads one meanwhile finds the old one or the new one, and takes
/// away what was begun so and never ended. Names are bytes.
package struct FileReplacement: Sendable {
    /// A file of the folder that is the user's.
    package struct Entry {
        package let name: [UInt8]
        package let byteCount: UInt64
        /// Since it was last written, in seconds.
        package let age: Double
    }

    /// A file that was begun longer ago than this, in seconds, is not written any more.
    private static let abandonedSeconds = 600.0
    /// So many of a folder's entries are looked at: it may be a folder with other things in it.
    private static let mostEntries = 100_000

    private let folder: CInt
    private let mark: [UInt8]

    /// Files of `folder`, a descriptor that stays open meanwhile. What is begun has a name that starts with `mark`, which
    /// no other file's does.
    package init(in folder: CInt, mark: String) {
        self.folder = folder
        self.mark = Array(mark.utf8)
    }

    /// Makes the file `name`, or replaces it, with one that only the user may read; errors call it `what`.
    /// - Throws: `ReadError.system` where that fails; nothing is left behind then.
    package func write(_ bytes: [UInt8], as name: [UInt8], called what: String) throws(ReadError) {
        let begun = mark + Array("\(getpid()).\(UInt64.random(in: 0 ... .max))".utf8)
        let temporary = Self.terminated(begun)
        let file = unsafe openat(
            folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system(call: "make \(what)", errno: errno) }
        var code: CInt = 0
        var position = 0
        while position < bytes.count, code == 0 {
            // SAFETY: the system reads what is left of the array.
            let step = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress?.advanced(by: position), bytes.count - position)
            }
            if step > 0 { position += step } else if errno != EINTR { code = errno }
        }
        // A name that stands for a file whose bytes were lost with the power would be worse than the file before.
        if code == 0, fsync(file) != 0, errno != EINVAL { code = errno }
        if close(file) != 0, code == 0 { code = errno }
        if code == 0, unsafe renameat(folder, temporary, folder, Self.terminated(name)) != 0 { code = errno }
        guard code == 0 else {
            remove(begun)
            throw .system(call: "write \(what)", errno: code)
        }
    }

    package func remove(_ name: [UInt8]) {
        _ = unsafe unlinkat(folder, Self.terminated(name), 0)
    }

    /// Takes away what was begun and never ended.
    package func removeAbandoned() {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let begun = entries { name in
            name.starts(with: mark)
                && name.dropFirst(mark.count).allSatisfy { digits ~= $0 || $0 == UInt8(ascii: ".") }
        }
        for entry in begun where entry.age > Self.abandonedSeconds { remove(entry.name) }
    }

    /// The regular files of the user's whose names are meant.
    package func entries(where isMeant: ([UInt8]) -> Bool) -> [Entry] {
        let copy = unsafe openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { return [] }
        guard let stream = unsafe fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { unsafe closedir(stream) }
        let now = Double(time(nil))
        var entries: [Entry] = []
        for _ in 0..<Self.mostEntries {
            // SAFETY: the entry lives until the next call, and its name ends with a NUL.
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
                unsafe Array($0.prefix { $0 != 0 })
            }
            var status = stat()
            guard isMeant(name),
                unsafe fstatat(folder, Self.terminated(name), &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid()
            else { continue }
            let writtenTime = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
            entries.append(
                Entry(
                    name: name, byteCount: UInt64(max(0, status.st_size)), age: now - writtenTime))
        }
        return entries
    }

    private static func terminated(_ name: [UInt8]) -> [CChar] {
        name.map(CChar.init(bitPattern:)) + [0]
    }
}
