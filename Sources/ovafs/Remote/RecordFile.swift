// The file of `record=`: what a mount read, written when it ends.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import RemoteSources
import SystemPackage

/// A place for a record, whose folder is opened before anything is mounted: the server changes to another folder.
/// Nothing is written over but an earlier record.
final class RecordFile: Sendable {
    private let folder: CInt
    private let name: FilePath.Component
    private let path: FilePath

    /// - Throws: `CommandFailure` where there is no such folder, or something else than a record has the name.
    init(_ path: FilePath) throws {
        guard let name = path.lastComponent, name.kind == .regular else {
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
        if let reason = reasonAgainstWriting() { throw Self.refusal(path, reason) }
    }

    deinit {
        close(folder)
    }

    private static func refusal(_ path: FilePath, _ reason: String) -> CommandFailure {
        CommandFailure(status: .wrongUsage, message: "record=\(path): \(reason)")
    }

    /// Why nothing may get the name; nil where nothing has it, or an earlier record.
    private func reasonAgainstWriting() -> String? {
        let notARecord = "this is there already, and is no record of reads; name another file"
        // Not waiting for who writes to a pipe.
        let file = unsafe name.withPlatformString {
            unsafe openat(folder, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        guard file >= 0 else {
            return errno == ENOENT ? nil : errno == ELOOP ? notARecord : "\(SystemError(errno: errno))"
        }
        defer { close(file) }
        // A device or a pipe has no such line.
        var start = [UInt8](repeating: 0, count: RecordedReads.firstLine.utf8.count)
        // SAFETY: no more is read than the array holds.
        let count = unsafe start.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
        return count == start.count && start.elementsEqual(RecordedReads.firstLine.utf8) ? nil : notARecord
    }

    /// Writes the record as a whole: whoever reads the file finds an earlier one or this one.
    /// - Throws: `ReadError.system` where that fails; nothing is left behind then.
    func save(_ reads: RecordedReads) throws(ReadError) {
        guard reasonAgainstWriting() == nil else {
            throw .system(call: "write \(path), which is no record any more,", errno: EEXIST)
        }
        let files = FileReplacement(in: folder, mark: ".ovafs-record.")
        files.removeAbandoned()
        try files.write(
            Array(reads.text.utf8), as: FilePath(root: nil, components: name).bytes, called: "\(path)")
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
            let status: ExitStatus = if case .corrupt = error { .damaged } else { .cannotReadSource }
            throw CommandFailure(status: status, message: "replay=\(path): \(error)")
        }
    }
}
