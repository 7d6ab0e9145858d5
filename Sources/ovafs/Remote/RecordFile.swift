// The file of `record=`: what a mount read, written when it ends.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import RemoteSources
import SystemPackage

/// A place for a record, whose folder is opened before anything is mounted: the server changes to another folder.
/// Nothing is written over but an earlier record and an empty file.
final class RecordFile: Sendable {
    private let folder: CInt
    private let name: FilePath.Component
    private let path: FilePath

    /// - Throws: `CommandFailure` where there is no such folder, or something else than a record has the name.
    /// - Parameter bytes: The path; one that ends with a slash names a folder.
    init(_ bytes: [UInt8]) throws {
        let path = FilePath(bytes: bytes)
        let isFolder = bytes.last == UInt8(ascii: "/")
        guard let name = path.lastComponent, name.kind == .regular, !isFolder else {
            throw Self.refusal(path, "this is not the name of a file")
        }
        let parent = path.removingLastComponent()
        // SAFETY: the path lives for the call.
        let folder = unsafe (parent.isEmpty ? "." : parent).withPlatformString {
            unsafe open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard folder >= 0 else { throw Self.refusal(path, "\(SystemError(errno: errno))") }
        self.folder = folder
        self.name = name
        self.path = path
        guard unsafe faccessat(folder, ".", W_OK | X_OK, 0) == 0 else {
            throw Self.refusal(path, "the folder cannot be written to: \(SystemError(errno: errno))")
        }
        if let reason = reasonAgainstWriting() { throw Self.refusal(path, reason) }
    }

    deinit {
        close(folder)
    }

    private static func refusal(_ path: FilePath, _ reason: String) -> CommandFailure {
        CommandFailure(status: .wrongUsage, message: "record=\(path): \(reason)")
    }

    /// Why nothing may get the name; nil where nothing has it, an empty file or an earlier record.
    private func reasonAgainstWriting() -> String? {
        let notARecord = "this is there already, and is no record of reads; name another file"
        // What is no regular file is not opened: a pipe would lose what is in it, and a device may do something.
        do throws(Errno) {
            guard let kind = try FileStatus.kind(ofName: name, in: folder) else { return nil }
            guard kind == S_IFREG else { return notARecord }
        } catch {
            return "\(SystemError(errno: error.rawValue))"
        }
        let file = unsafe name.withPlatformString {
            unsafe openat(folder, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        guard file >= 0 else {
            return errno == ENOENT ? nil : errno == ELOOP ? notARecord : "\(SystemError(errno: errno))"
        }
        defer { close(file) }
        var start = [UInt8](repeating: 0, count: RecordedReads.firstLine.utf8.count)
        // SAFETY: no more is read than the array holds.
        let count = unsafe start.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
        // An empty file, as mktemp(1) makes it, holds nothing that could be lost.
        return count == 0 || count == start.count && start.elementsEqual(RecordedReads.firstLine.utf8)
            ? nil : notARecord
    }

    /// Writes the record as a whole: whoever reads the file finds an earlier one or this one. A record of the same version
    /// with as many blocks or more stays: a mount that no one read does not make a boot be forgotten.
    /// - Returns: Whether it was written.
    /// - Throws: `ReadError.system` where that fails; nothing is left behind then.
    func save(_ reads: RecordedReads) throws(ReadError) -> Bool {
        guard reasonAgainstWriting() == nil else {
            throw .system(call: "write \(path), which is no record any more,", errno: EEXIST)
        }
        if let earlier = earlier(), earlier.isOfTheSameVersion(as: reads),
            earlier.blockCount >= reads.blockCount
        {
            return false
        }
        let files = FileReplacement(in: folder, mark: ".ovafs-record.")
        files.removeAbandoned()
        try files.write(
            Array(reads.text.utf8), as: FilePath(root: nil, components: name).bytes, called: "\(path)")
        return true
    }

    /// The record that is in the file now; nil where there is none that can be read.
    private func earlier() -> RecordedReads? {
        let file = unsafe name.withPlatformString {
            unsafe openat(folder, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        guard file >= 0 else { return nil }
        defer { close(file) }
        // It begins as a record does, which no device and no pipe does.
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= RecordedReads.fileByteLimit {
            // SAFETY: no more is read than the array holds.
            let step = unsafe piece.withUnsafeMutableBytes {
                unsafe Glibc.read(file, $0.baseAddress, $0.count)
            }
            guard step > 0 else { break }
            bytes += piece[..<step]
        }
        guard bytes.count <= RecordedReads.fileByteLimit else { return nil }
        return try? RecordedReads(parsing: bytes)
    }

    /// The record that an earlier mount wrote.
    /// - Throws: `CommandFailure` where the file cannot be read, or is no record.
    static func reads(at path: FilePath) throws -> RecordedReads {
        do throws(ReadError) {
            let file = try LocalFile(path: path)
            guard file.byteCount <= UInt64(RecordedReads.fileByteLimit) else {
                throw .corrupt(record: "record of reads", offset: 0, reason: "the file is too long for one")
            }
            return try RecordedReads(parsing: try file.bytes(Int(file.byteCount), at: 0))
        } catch {
            // A file that an option names and that cannot be used is a mistake in the option.
            throw CommandFailure(status: .wrongUsage, message: "replay=\(path): \(error)")
        }
    }
}

extension FilePath {
    /// Whether the file of that name is in `folder`, or in one below it.
    func isBelow(_ folder: FilePath) -> Bool {
        let parent = removingLastComponent()
        guard let own = (parent.isEmpty ? "." : parent).resolved, let top = folder.resolved else {
            return false
        }
        return own.starts(with: top)
    }

    /// Whether both lead to one name, as far as that can be told of a file that may not be there.
    func names(theSameAs other: FilePath) -> Bool {
        guard let name = lastComponent, name == other.lastComponent else { return false }
        let folders = [self, other].map { path in
            let parent = path.removingLastComponent()
            return FileNumber(at: parent.isEmpty ? "." : parent)
        }
        return folders[0] != nil && folders[0] == folders[1]
    }
}
