// A file of the local system, opened once and read by offset.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization
package import SystemPackage

/// A regular file or a block device. A change of the file after it was opened makes every later read fail with
/// `ReadError.stale`: bytes of two versions are never mixed. What counts as a change: `FileIdentity`.
package final class LocalFile: ByteSource {
    package let byteCount: UInt64
    /// What the file system keeps for the file, in bytes; less than `byteCount` for a sparse file.
    package let allocatedByteCount: UInt64
    /// The last modification, in seconds since 1970.
    package let modificationTime: Int64
    package let path: FilePath
    /// Which file was opened, whatever its name stands for by now.
    package let number: FileNumber

    /// Reads that are gathered and shorter than this, in bytes, do not ask whether there is a hole: reading its zeros
    /// takes no longer than asking.
    private static let leastByteCountToAskForHoles = 128 << 10

    /// What errors call it; made once, as a path becomes a string only by an allocation.
    let name: String
    let descriptor: FileDescriptor
    private let identity: FileIdentity
    /// Once the file was seen changed it stays so, whatever is set back later.
    private let wasChanged = Atomic<Bool>(false)
    private let knownChangeTime: Atomic<Int64>
    /// Whether the change time moved and was taken for a new name or mode: from then on the watch is asked each time,
    /// since bytes written through a mapping are told of only when the mapping ends.
    private let isSuspect = Atomic<Bool>(false)
    /// So many of the watch's events are known to have changed nothing.
    private let harmlessEventCount: Atomic<UInt64>
    private let watch: WriteWatch.WatchedFile?
    let knownRuns = SleepingMutex(FileRuns())
    let nearness: Nearness

    /// What a thread that may not wait can do with the file.
    enum Nearness {
        /// It lives in memory: reading waits for nothing.
        case memory
        /// The system says which of its bytes are in memory.
        case cached
        /// A file system of another machine or program, which does not say.
        case far
    }

    package var isNear: Bool { nearness != .far }

    package let versionMark: VersionMark?

    /// Opens `path`, a file or a block device, following symbolic links.
    package convenience init(path: FilePath) throws(ReadError) {
        let descriptor: FileDescriptor
        do {
            // A FIFO without a writer would hold up everyone.
            descriptor = try FileDescriptor.open(
                path, .readOnly, options: [.closeOnExec, .nonBlocking])
        } catch {
            throw .system(call: "open \(path)", error)
        }
        try self.init(adopting: descriptor, path: path, mayBeDevice: true)
    }

    /// Takes over an open descriptor; it is closed when the file is no longer used.
    /// - Throws: `ReadError.unsupported` where it is not a regular file, nor a block device where
    ///   `mayBeDevice`; or a device that has no bytes.
    package init(
        adopting descriptor: FileDescriptor, path: FilePath, mayBeDevice: Bool = false
    ) throws(ReadError) {
        self.descriptor = descriptor
        self.path = path
        name = path.string
        // Before the file is looked at, so that nothing happens in between.
        watch = WriteWatch.shared.add(descriptor)
        // Whoever has the file open already shares the watch; what it noted by now is of before.
        WriteWatch.shared.takeEvents()
        harmlessEventCount = Atomic(watch?.eventCount ?? 0)
        let status: stat
        let length: UInt64
        do throws(ReadError) {
            status = try Self.status(of: descriptor, path: path)
            length = try Self.length(of: descriptor, status, path: path, mayBeDevice: mayBeDevice)
            try Self.makeBlocking(descriptor, path: path)
        } catch {
            if let watch { WriteWatch.shared.remove(watch) }
            try? descriptor.close()
            throw error
        }
        byteCount = length
        let isDevice = status.st_mode & S_IFMT == S_IFBLK
        allocatedByteCount = isDevice ? length : UInt64(max(0, status.st_blocks)) &* 512
        modificationTime = Int64(status.st_mtim.tv_sec)
        identity = FileIdentity(status)
        number = FileNumber(status)
        // A device says nothing of when it was written.
        versionMark =
            isDevice
            ? nil
            : VersionMark(
                place: [UInt64(status.st_ino)],
                version: [status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
                    .map { UInt64(bitPattern: Int64($0)) } + [UInt64(bitPattern: identity.changeTime)],
                changeTime: Double(status.st_ctim.tv_sec) + Double(status.st_ctim.tv_nsec) / 1e9)
        knownChangeTime = Atomic(identity.changeTime)
        // What was written before the look above is in it; the next look, which finds the same, calls these events harmless.
        WriteWatch.shared.takeEvents()
        nearness = Self.nearness(of: descriptor)
    }

    deinit {
        if let watch, !wasChanged.load(ordering: .relaxed) { WriteWatch.shared.remove(watch) }
        try? descriptor.close()
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        guard count > 0 else { return }
        var failure: ReadError?
        // SAFETY: the buffer is the free room of `output`; what pread filled is what is reported as filled.
        unsafe output.withUnsafeMutableBytes { buffer, initializedCount in
            let destination = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[initializedCount..<(initializedCount + count)])
            do throws(ReadError) {
                if nearness == .memory || Patience.current == .waits {
                    try PatientRead.blocking { () throws(ReadError) in
                        try unsafe fill(destination, from: offset)
                    }
                } else {
                    try unsafe fillWithoutWaiting(destination, from: offset)
                }
                initializedCount += count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        // After the read, so that what was read is known to be from before any change.
        try validate()
    }

    /// Large reads of a sparse file leave out the hole that they start in.
    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        var start = offset
        var rest = count
        if count >= Self.leastByteCountToAskForHoles, allocatedByteCount < byteCount,
            mayAskForHoles(at: offset)
        {
            let end = offset + UInt64(count)
            let data = try firstOffset(of: .data, in: offset..<end) ?? end
            list.appendZeros(Int(data - offset))
            start = data
            rest = Int(end - data)
        }
        try list.append(rest) { output throws(ReadError) in try read(rest, at: start, into: &output) }
    }

    /// Whether it is known where the next data is, or this thread may wait for the answer.
    private func mayAskForHoles(at offset: UInt64) -> Bool {
        Patience.current == .waits || knownRuns.withLock { $0.firstOffset(of: .data, from: offset) != nil }
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        guard !range.isEmpty, range.lowerBound < byteCount else { return nil }
        let known = knownRuns.withLock { $0.firstOffset(of: region, from: range.lowerBound) }
        let found = if let known { known } else { try seek(region, from: range.lowerBound) }
        // After the question, as after a read: behind the end of a file that was cut short there is no data, and
        // whoever takes that for a hole reads zeros.
        try validate()
        if known == nil {
            knownRuns.withLock { $0.note(region, foundAt: found, askedFrom: range.lowerBound) }
        }
        return range.contains(found) ? found : nil
    }

    package func validate() throws(ReadError) {
        guard !wasChanged.load(ordering: .relaxed) else { throw .stale(source: name) }
        // Before the file is looked at: what was noted by then had happened by then.
        let eventCount = watch?.eventCount ?? 0
        let current = try currentIdentity()
        guard current.isSameContent(as: identity), isUnwritten(at: current.changeTime, eventCount) else {
            throw noteChange()
        }
    }

    /// Whether a change time that moved stands for a new name, mode or owner, and not for new bytes whose time was set
    /// back. Where the kernel does not tell, it is taken to. `eventCount` is from before the change time.
    private func isUnwritten(at changeTime: Int64, _ eventCount: UInt64) -> Bool {
        let isMoved = changeTime != knownChangeTime.load(ordering: .relaxed)
        guard isMoved || isSuspect.load(ordering: .relaxed) else {
            // Whoever opened the file for writing until now wrote nothing: that would have moved the time.
            // The most that any thread knows of: one that was held up after it asked has an older number.
            _ = harmlessEventCount.max(eventCount, ordering: .relaxed)
            return true
        }
        if let watch {
            WriteWatch.shared.takeEvents()
            guard watch.eventCount == harmlessEventCount.load(ordering: .relaxed) else { return false }
        }
        isSuspect.store(true, ordering: .relaxed)
        knownChangeTime.store(changeTime, ordering: .relaxed)
        return true
    }

    /// The error for a file that was changed. Nothing more has to be known of it, so that it is no longer watched: a writer
    /// that goes on would fill the kernel's queue.
    func noteChange() -> ReadError {
        if !wasChanged.exchange(true, ordering: .relaxed), let watch { WriteWatch.shared.remove(watch) }
        return .stale(source: name)
    }

    private func currentIdentity() throws(ReadError) -> FileIdentity {
        guard nearness == .far else { return FileIdentity(try Self.status(of: descriptor, path: path)) }
        guard Patience.current != .waits else {
            return try PatientRead.blocking { () throws(ReadError) in
                FileIdentity(try Self.status(of: descriptor, path: path))
            }
        }
        // Of what is far only bytes that are here already are taken without waiting; whoever reads more asks.
        var state = ovafs_file_state()
        guard unsafe ovafs_known_file_state(descriptor.rawValue, &state) == 0 else { throw .wouldWait }
        return FileIdentity(state)
    }
}
