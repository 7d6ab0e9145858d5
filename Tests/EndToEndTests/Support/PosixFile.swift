// A file as the system calls see it: reads that say their errno, holes, attributes, mappings.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A system call that failed.
struct SystemCallError: Error, Equatable {
    let call: String
    let errno: CInt
}

/// An open file. Closed when the value ends.
struct PosixFile: ~Copyable {
    let descriptor: CInt

    /// - Parameters:
    ///   - path: the file.
    ///   - flags: as for open(2).
    /// - Throws: `SystemCallError` with open's errno.
    init(_ path: String, flags: CInt = O_RDONLY) throws(SystemCallError) {
        let descriptor = unsafe open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemCallError(call: "open", errno: errno) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// One pread(2): what it returned, which may be less than asked for.
    ///
    /// - Throws: `SystemCallError` with its errno.
    func read(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        var failure: SystemCallError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let result = unsafe pread(descriptor, buffer.baseAddress, count, offset)
            if result < 0 { failure = SystemCallError(call: "pread", errno: errno) }
            filled = max(0, result)
        }
        if let failure { throw failure }
        return bytes
    }

    /// The same, into memory that begins at a page: for a file that was opened with `direct`.
    ///
    /// - Throws: `SystemCallError` with its errno.
    func readAligned(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 4_096)
        defer { unsafe memory.deallocate() }
        let result = unsafe pread(descriptor, memory.baseAddress, count, offset)
        guard result >= 0 else { throw SystemCallError(call: "pread", errno: errno) }
        return unsafe Array(memory[..<result])
    }

    /// O_DIRECT of open(2), which the C library shows to GNU programs only.
    #if arch(arm64)
        static let direct: CInt = 0o200000
    #else
        static let direct: CInt = 0o40000
    #endif

    /// lseek(2) with SEEK_DATA or SEEK_HOLE; nil is ENXIO, which says that there is none.
    ///
    /// - Throws: `SystemCallError` for every other errno.
    func seek(_ offset: Int, _ whence: Whence) throws(SystemCallError) -> Int? {
        let result = lseek(descriptor, offset, whence.rawValue)
        if result >= 0 { return result }
        if errno == ENXIO { return nil }
        throw SystemCallError(call: "lseek", errno: errno)
    }

    /// Where seek(_:_:) looks for; Glibc's own names are macros that Swift does not see.
    enum Whence: CInt {
        case data = 3
        case hole = 4
    }

    /// The stretches of data, as SEEK_DATA and SEEK_HOLE say.
    ///
    /// - Throws: `SystemCallError` when a seek fails.
    func dataRanges() throws(SystemCallError) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var position = 0
        while let start = try seek(position, .data), let end = try seek(start, .hole), end > start {
            ranges.append(start..<end)
            position = end
        }
        return ranges
    }

    /// - Throws: `SystemCallError` when fstat(2) fails.
    func status() throws(SystemCallError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw SystemCallError(call: "fstat", errno: errno)
        }
        return status
    }

    /// The bytes of a private mapping of the file.
    ///
    /// - Parameters:
    ///   - count: in bytes, more than 0.
    ///   - offset: in bytes, a multiple of the page size.
    /// - Throws: `SystemCallError` with mmap's errno.
    /// - Returns: the bytes.
    func mapped(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        let address = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, offset)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw SystemCallError(call: "mmap", errno: errno)
        }
        defer { unsafe munmap(address, count) }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: address, count: count))
    }

    /// Copies a stretch into another file by sendfile(2).
    ///
    /// - Throws: `SystemCallError` with its errno; EIO when it ends early.
    func send(_ count: Int, at offset: Int, to other: borrowing PosixFile) throws(SystemCallError) {
        var position = offset
        let end = offset + count
        while position < end {
            let sent = unsafe sendfile(other.descriptor, descriptor, &position, end - position)
            guard sent >= 0 else { throw SystemCallError(call: "sendfile", errno: errno) }
            guard sent > 0 else { throw SystemCallError(call: "sendfile ended early", errno: EIO) }
        }
    }
}

/// The errno with which open(2) answers, or nil when it succeeds.
func openFailure(_ path: String, flags: CInt = O_RDONLY) -> CInt? {
    do {
        _ = try PosixFile(path, flags: flags)
        return nil
    } catch {
        return error.errno
    }
}
