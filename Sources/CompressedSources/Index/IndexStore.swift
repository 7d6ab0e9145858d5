// A folder in which what was found out about compressed files is kept for the next time they are opened.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Codecs
import Glibc

/// The folder of `cache_dir=`. What cannot be kept there is no error: it is told as a problem, and the file is decoded again
/// the next time.
package final class IndexStore: Sendable {
    private struct Notes {
        var waiting: [String] = []
        var told: Set<String> = []
        var report: (@Sendable (String) -> Void)?
    }

    private let folder: IndexFolder
    private let settlingSeconds: Double
    private let notes = SleepingMutex(Notes())

    /// Most problems that are told, each once.
    private static let mostNotes = 16
    /// The default of `cache_dir_size=`, in bytes.
    package static let defaultByteLimit: UInt64 = 10 << 30

    /// Uses a folder that is there, for indexes of at most `byteLimit` bytes together.
    ///
    /// No index is kept of a file that was changed less than `settlingSeconds` before it is opened: a further change may
    /// have the same time.
    /// `path` is the bytes of its path.
    /// - Throws: `ReadError.system` where it cannot be opened; `ReadError.unsupported` where others than the user of
    ///   this process may write there: whoever can change an index can change what a disk shows.
    package init(
        folder path: [UInt8], byteLimit: UInt64 = defaultByteLimit, settlingSeconds: Double = 2
    ) throws(ReadError) {
        folder = try IndexFolder(path: path, byteLimit: byteLimit)
        self.settlingSeconds = settlingSeconds
    }

    /// What could not be kept so far, and why.
    package func takeProblems() -> [String] {
        notes.withLock { notes in
            defer { notes.waiting = [] }
            return notes.waiting
        }
    }

    /// Has what cannot be kept from now on told to `report`.
    package func reportProblems(to report: @escaping @Sendable (String) -> Void) {
        notes.withLock { $0.report = report }
    }

    func note(_ problem: String) {
        let report: (@Sendable (String) -> Void)? = notes.withLock { notes in
            guard notes.told.count < Self.mostNotes, notes.told.insert(problem).inserted else { return nil }
            if notes.report == nil { notes.waiting.append(problem) }
            return notes.report
        }
        report?(problem)
    }

    /// The place of what is known of `base`, which may have none.
    func place(
        of base: any ByteSource, named name: String, _ format: CompressionFormat, budget: OpeningBudget
    ) throws(ReadError) -> StoredIndex {
        var key: IndexKey?
        var isSettled = true
        if let mark = base.versionMark {
            isSettled = mark.changeTime.map { Self.now - $0 >= settlingSeconds } ?? true
            if isSettled { key = IndexKey(mark, format, digest: try Self.digest(of: base)) }
        }
        return StoredIndex(
            store: self, key: key, name: name, isSettled: isSettled, storedByteCount: base.byteCount,
            budget: budget)
    }

    /// In seconds since 1970, as the times of files are.
    private static var now: Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static let digestedByteCount: UInt64 = 64 << 10

    /// A checksum of the first and the last bytes of `base`.
    private static func digest(of base: any ByteSource) throws(ReadError) -> UInt64 {
        let count = min(digestedByteCount, base.byteCount)
        let head = CRC64.checksum(of: try base.bytes(Int(count), at: 0))
        return CRC64.checksum(head, of: try base.bytes(Int(count), at: base.byteCount - count))
    }

    /// What is kept of `key`; nil where there is nothing, or nothing of use.
    /// - Throws: `ReadError.overBudget` where there is not the memory for it.
    func read(_ key: IndexKey, share: BudgetShare) throws(ReadError) -> [UInt8]? {
        guard let bytes = try folder.read(key.fileName, share: share) else { return nil }
        return IndexRecord.payload(of: bytes, for: key)
    }

    func write(_ payload: [UInt8], for key: IndexKey) {
        do throws(ReadError) {
            try folder.write(IndexRecord.bytes(payload, for: key), as: key.fileName)
        } catch {
            note("an index is not kept in the cache folder: \(error)")
        }
    }
}
