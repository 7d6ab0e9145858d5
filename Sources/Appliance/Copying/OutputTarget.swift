// What stands at the path of an output, looked at before anything is written.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Glibc
package import SystemPackage

/// What a disk can be copied to.
package enum OutputTarget: Sendable {
    /// A regular file: nothing is there yet, or a file that may be replaced.
    case file(FilePath)
    /// A block device, which is overwritten in place.
    case device(FilePath)
    /// /dev/null.
    case null

    /// Linux's number of /dev/null: major 1, minor 3.
    private static let nullDevice: dev_t = 0x103

    /// Looks at `path`, and changes nothing.
    ///
    /// `overwrites` says whether a file or a device that is there may be overwritten; `sources` are the files
    /// that the disk is read from.
    ///
    /// - Throws: `CopyError.exists`, `.refused` where the path names nothing that a disk can be copied to, and
    ///   `.output` where it cannot be looked at.
    package init(
        at path: FilePath, overwrites: Bool, sources: Set<FileNumber> = []
    ) throws(CopyError) {
        let name = path.string
        try Self.checkFileSystem(of: path, sources: sources)
        guard var status = try FileStatus.ofName(path) else {
            try PartialFile.check(for: path, sources: sources)
            self = .file(path)
            return
        }
        if status.st_mode & S_IFMT == S_IFLNK {
            // Devices have names that are links, as in /dev/disk. A file is not written through one.
            guard let behind = try FileStatus.behindName(path),
                behind.st_mode & S_IFMT == S_IFBLK || behind.st_mode & S_IFMT == S_IFCHR
            else { throw .refused("\(name) is a symbolic link; give the name that it leads to") }
            status = behind
        }
        guard !DeviceStack.system.isAnySource(sources, changedBy: FileNumber(status)) else {
            throw .isSource(path)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            guard overwrites else { throw .exists(path) }
            try PartialFile.check(for: path, sources: sources)
            self = .file(path)
        case S_IFBLK:
            guard overwrites else { throw .refused("\(name) is a block device; --force overwrites it") }
            self = .device(path)
        case S_IFCHR where status.st_rdev == Self.nullDevice:
            self = .null
        case S_IFDIR:
            throw .refused("\(name) is a directory, where a file is to be written")
        case S_IFIFO:
            throw .refused("\(name) is a pipe; '-o -' writes one disk to standard output")
        default:
            throw .refused("\(name) is neither a file, nor a block device, nor /dev/null")
        }
    }

    /// Makes sure that no source is a device, or the file of one, whose file system has `path`.
    private static func checkFileSystem(of path: FilePath, sources: Set<FileNumber>) throws(CopyError) {
        let folder = path.removingLastComponent()
        guard let status = try FileStatus.behindName(folder.isEmpty ? "." : folder),
            DeviceStack.system.isAnySource(sources, changedByFilesOn: status.st_dev)
        else { return }
        throw .refused("\(path) is on a file system that is part of what the disk is read from")
    }

    /// Opens the output for a disk of `byteCount` bytes.
    ///
    /// `overwrites` says whether a file that comes to be there meanwhile may be replaced.
    package func open(byteCount: UInt64, overwrites: Bool) throws(CopyError) -> any CopyOutput {
        switch self {
        case .file(let path): try OutputFile(path: path, byteCount: byteCount, overwrites: overwrites)
        case .device(let path): try OutputDevice(path: path, byteCount: byteCount)
        case .null: NullOutput()
        }
    }
}

/// /dev/null: what is written is gone.
private struct NullOutput: CopyOutput {
    let keepsHoles = true
    let isFinished = false
    func write(_ buffer: CopyBuffer, _ range: Range<Int>, at offset: UInt64) {}
    func finish(isDurable: Bool) {}
    func discard() -> String? { nil }
}
