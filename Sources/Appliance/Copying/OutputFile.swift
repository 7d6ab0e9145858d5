// A file that is written whole or not at all.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CLinux
import Glibc
package import SystemPackage

/// A regular file that a disk is copied to. It is written under another name, `<name>.partial`, and gets its own when
/// it is complete.
package final class OutputFile: CopyOutput {
    package let path: FilePath
    package let keepsHoles = true

    private enum State {
        case writing
        case finished
        case discarded
    }

    /// Which file it is, by whatever name.
    package let number: FileNumber

    private let descriptor: FileDescriptor
    private let partialPath: FilePath
    /// The folder that it is written in, wherever that is moved meanwhile.
    private let folder: OutputFolder
    /// How long the file has to be; changed under the lock of `writing`, or before anyone else has the file.
    private let length: SleepingMutex<off_t>
    private let overwrites: Bool
    private let state = SleepingMutex(State.writing)
    /// One write at a time: the file system has one lock a file, and those that wait for it spin, on cores that
    /// should decode.
    private let writing = SleepingMutex(())

    /// Opens the output for a disk of `byteCount` bytes.
    ///
    /// `overwrites` says whether a file that is there already may be replaced.
    ///
    /// - Throws: as `OutputTarget.init`, and `CopyError.output` as open(2) and ftruncate(2) fail.
    package init(path: FilePath, byteCount: UInt64, overwrites: Bool) throws(CopyError) {
        let name = path.string
        guard let length = off_t(exactly: byteCount) else {
            throw .output(call: "create \(name)", errno: EFBIG)
        }
        if !overwrites, try FileStatus.ofName(path) != nil { throw .exists(path) }
        self.path = path
        self.overwrites = overwrites
        partialPath = Self.partialPath(for: path)
        folder = try OutputFolder(of: path)
        self.length = SleepingMutex(length)
        do throws(CopyError) {
            (descriptor, number) = try PartialFile.create(for: path)
        } catch {
            folder.close()
            throw error
        }
        guard ftruncate(descriptor.rawValue, length) == 0 else {
            let code = errno
            discard()
            throw .output(call: "set the length of \(name)", errno: code)
        }
    }

    /// The name that the file for `path` has until it is complete.
    package static func partialPath(for path: FilePath) -> FilePath { PartialFile.path(for: path) }

    deinit {
        discard()
        try? descriptor.close()
        folder.close()
    }

    /// Writes bytes `range` of `buffer` at `offset`.
    package func write(_ buffer: CopyBuffer, _ range: Range<Int>, at offset: UInt64) throws(CopyError) {
        try writing.withLock { _ throws(CopyError) in
            try checkLength()
            try buffer.write(range, to: descriptor, at: offset, named: path)
        }
    }

    /// Writes a text, from the start of the file.
    package func write(_ text: [UInt8]) throws(CopyError) {
        do {
            try descriptor.writeAll(toAbsoluteOffset: 0, text)
        } catch {
            throw .output(call: "write \(path)", error)
        }
        length.withLock { $0 = max($0, off_t(text.count)) }
    }

    /// Makes sure that no other program has cut or lengthened the file, whose bytes before that would be gone.
    private func checkLength() throws(CopyError) {
        let known = ovafs_known_length(descriptor.rawValue)
        guard known >= 0 else { throw .output(call: "look at \(partialPath)", errno: errno) }
        guard known == length.withLock({ $0 }) else {
            throw .refused("\(partialPath) was cut or lengthened by another program while it was written")
        }
    }

    /// Gives the finished file its name.
    ///
    /// `isDurable` says whether it has to be on the disk by then, name and all: without that, a crash of the machine
    /// soon after can leave the name without the bytes.
    package func finish(isDurable: Bool = false) throws(CopyError) {
        let name = path.string
        if isDurable, fsync(descriptor.rawValue) != 0, errno != EINVAL {
            throw .output(call: "write \(name)", errno: errno)
        }
        // Some file systems tell of failed writes when a file is closed; closing a duplicate keeps the lock.
        do {
            try descriptor.duplicate().close()
        } catch {
            throw .output(call: "close \(name)", error)
        }
        // While the lock is held, so that no other copy takes the file for a leftover.
        try state.withLock { state throws(CopyError) in
            guard case .writing = state else { return }
            guard try FileStatus.ofName(partialPath).map(FileNumber.init) == number else {
                throw .refused("\(partialPath) was replaced, moved or removed while it was written")
            }
            try checkLength()
            try FinalName.give(path, to: partialPath, overwrites: overwrites)
            state = .finished
        }
        if isDurable { try synchronizeDirectory() }
    }

    /// Writes the new name to the disk.
    private func synchronizeDirectory() throws(CopyError) {
        let folder = path.removingLastComponent()
        do {
            let descriptor = try FileDescriptor.open(
                folder.isEmpty ? "." : folder, .readOnly, options: [.directory, .closeOnExec])
            defer { try? descriptor.close() }
            guard fsync(descriptor.rawValue) == 0 || errno == EINVAL else { throw Errno(rawValue: errno) }
        } catch {
            throw .output(call: "write the directory of \(path)", error)
        }
    }

    package var isFinished: Bool {
        state.withLock { if case .finished = $0 { true } else { false } }
    }

    /// Removes what was written, unless it has its name.
    @discardableResult
    package func discard() -> String? {
        state.withLock { state in
            guard case .writing = state else { return nil }
            state = .discarded
            return remove(partialPath)
        }
    }

    /// Removes what was written, also where it has its name: for a file that must not stand without another.
    @discardableResult
    package func withdraw() -> String? {
        state.withLock { state in
            defer { state = .discarded }
            switch state {
            case .writing: return remove(partialPath)
            case .finished: return remove(path)
            case .discarded: return nil
            }
        }
    }

    /// Removes the file from its folder, unless the name is another's by now.
    /// - Returns: What is left behind.
    private func remove(_ path: FilePath) -> String? {
        folder.remove(path, number).map { "\(path) cannot be removed: \($0)" }
    }
}
