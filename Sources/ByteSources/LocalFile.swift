// A file of the local system, opened once and read by offset.
// SPDX-License-Identifier: Apache-2.0

import Glibc
package import SystemPackage

/// A regular file or a block device. A change of the file after it was opened makes every later read fail with
/// `ReadError.stale`: bytes of two versions are never mixed.
package final class LocalFile: ByteSource {
    package let byteCount: UInt64
    /// What the file system keeps for the file, in bytes; less than `byteCount` for a sparse file.
    package let allocatedByteCount: UInt64
    /// The last modification, in seconds since 1970.
    package let modificationTime: Int64
    package let path: FilePath

    /// SEEK_DATA and SEEK_HOLE of lseek(2), which the C library shows to GNU programs only.
    private static let seekData: CInt = 3
    private static let seekHole: CInt = 4

    private let descriptor: FileDescriptor
    private let identity: Identity

    /// Opens `path`, a file or a block device, following symbolic links.
    package convenience init(path: FilePath) throws(ReadError) {
        let descriptor: FileDescriptor
        do {
            descriptor = try FileDescriptor.open(
                path, .readOnly, options: [.closeOnExec, .nonBlocking])
        } catch {
            throw .system(call: "open \(path)", error)
        }
        try self.init(adopting: descriptor, path: path, mayBeDevice: true)
    }

    /// Takes over an open descriptor; it is closed when the file is no longer used.
    /// - Throws: `ReadError.unsupported` where it is not a regular file, nor a block device where
    ///   `mayBeDevice`.
    package init(
        adopting descriptor: FileDescriptor, path: FilePath, mayBeDevice: Bool = false
    ) throws(ReadError) {
        self.descriptor = descriptor
        self.path = path
        let status: stat
        let length: UInt64
        do throws(ReadError) {
            status = try Self.status(of: descriptor, path: path)
            length = try Self.length(of: descriptor, status, path: path, mayBeDevice: mayBeDevice)
        } catch {
            try? descriptor.close()
            throw error
        }
        byteCount = length
        let isDevice = status.st_mode & S_IFMT == S_IFBLK
        allocatedByteCount = isDevice ? length : UInt64(max(0, status.st_blocks)) &* 512
        modificationTime = Int64(status.st_mtim.tv_sec)
        identity = Identity(status)
    }

    deinit {
        try? descriptor.close()
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: path.string)
        guard count > 0 else { return }
        var failure: ReadError?
        // SAFETY: the buffer is the free room of `output`; what pread filled is what is reported as filled.
        unsafe output.withUnsafeMutableBytes { buffer, initializedCount in
            let destination = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[initializedCount..<(initializedCount + count)])
            do throws(ReadError) {
                try unsafe fill(destination, from: offset)
                initializedCount += count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        // After the read, so that what was read is known to be from before any change.
        try validate()
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        guard !range.isEmpty, let start = off_t(exactly: range.lowerBound) else { return nil }
        let found = lseek(descriptor.rawValue, start, region == .data ? Self.seekData : Self.seekHole)
        let code = errno
        // After the question, as after a read: behind the end of a file that was cut short there is no data, and
        // whoever takes that for a hole reads zeros.
        try validate()
        if found >= 0 { return range.contains(UInt64(found)) ? UInt64(found) : nil }
        switch code {
        case ENXIO: return nil
        // File systems without holes: all data.
        case EINVAL: return region == .data ? range.lowerBound : nil
        default: throw .system(call: "lseek \(path)", errno: code)
        }
    }

    package func validate() throws(ReadError) {
        guard Identity(try Self.status(of: descriptor, path: path)).isSameContent(as: identity) else {
            throw .stale(source: path.string)
        }
    }

    /// Fills `destination` from `offset`, going on after short reads and interruptions.
    private func fill(
        _ destination: UnsafeMutableRawBufferPointer, from offset: UInt64
    ) throws(ReadError) {
        var filled = 0
        while filled < destination.count {
            let step: Int
            do {
                step = try unsafe descriptor.read(
                    fromAbsoluteOffset: Int64(offset) + Int64(filled),
                    into: UnsafeMutableRawBufferPointer(rebasing: destination[filled...]))
            } catch {
                throw .system(call: "read \(path)", error)
            }
            // Short of what fstat said: the file was truncated after it was opened.
            guard step > 0 else { throw .stale(source: path.string) }
            filled += step
        }
    }

    /// Length, in bytes; stat(2) does not know that of a device.
    private static func length(
        of descriptor: FileDescriptor, _ status: stat, path: FilePath, mayBeDevice: Bool
    ) throws(ReadError) -> UInt64 {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return UInt64(max(0, status.st_size))
        case S_IFBLK where mayBeDevice:
            do {
                return UInt64(max(0, try descriptor.seek(offset: 0, from: .end)))
            } catch {
                throw .system(call: "seek \(path)", error)
            }
        default: throw .unsupported(feature: "\(path) is not a regular file")
        }
    }

    private static func status(of descriptor: FileDescriptor, path: FilePath) throws(ReadError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor.rawValue, &status) == 0 else {
            throw .system(call: "stat \(path)", errno: errno)
        }
        return status
    }
}

extension LocalFile {
    /// What tells one version of a file from another.
    ///
    /// The change time is left out: a rename, a hard link or a chmod moves it and leaves the bytes alone. A
    /// file that has lost its last name was replaced or removed.
    private struct Identity {
        private let byteCount: Int64
        private let modificationSeconds: Int64
        private let modificationNanoseconds: Int64
        private let isLinked: Bool

        init(_ status: stat) {
            byteCount = Int64(status.st_size)
            modificationSeconds = Int64(status.st_mtim.tv_sec)
            modificationNanoseconds = Int64(status.st_mtim.tv_nsec)
            isLinked = status.st_nlink > 0
        }

        func isSameContent(as opened: Identity) -> Bool {
            byteCount == opened.byteCount && modificationSeconds == opened.modificationSeconds
                && modificationNanoseconds == opened.modificationNanoseconds
                && isLinked == opened.isLinked
        }
    }
}
