// The file of `record=`: what a mount read, written when it ends.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import RemoteSources
import SystemPackage

/// A place for a record, whose folder is opened before anything is mounted: the server changes to another folder.
final class RecordFile: Sendable {
    private let folder: CInt
    private let name: String
    private let path: FilePath

    /// - Throws: `CommandFailure` where there is no such folder, or the path names one.
    init(_ path: FilePath) throws {
        guard let name = path.lastComponent, name.kind == .regular, path.kind != S_IFDIR else {
            throw CommandFailure(
                status: .wrongUsage, message: "record=\(path): this is not the name of a file")
        }
        let parent = path.removingLastComponent()
        // SAFETY: the path lives for the call.
        let folder = unsafe (parent.isEmpty ? "." : parent).withPlatformString {
            unsafe open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard folder >= 0 else {
            throw CommandFailure(status: .wrongUsage, message: "record=\(path): \(SystemError(errno: errno))")
        }
        self.folder = folder
        self.name = name.string
        self.path = path
    }

    deinit {
        close(folder)
    }

    /// Writes the record as a whole: whoever reads the file finds an earlier one or this one.
    /// - Throws: `ReadError.system` where that fails; nothing is left behind then.
    func save(_ reads: RecordedReads) throws(ReadError) {
        let bytes = Array(reads.text.utf8)
        let temporary = ".\(name).\(getpid())"
        let file = unsafe openat(
            folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system(call: "make \(path)", errno: errno) }
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
        if code == 0, unsafe renameat(folder, temporary, folder, name) != 0 { code = errno }
        guard code == 0 else {
            _ = unsafe unlinkat(folder, temporary, 0)
            throw .system(call: "write \(path)", errno: code)
        }
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
