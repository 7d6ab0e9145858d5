// A folder in which what was found out about compressed files is kept for the next time they are opened.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Codecs
import Synchronization

/// The folder of `cache_dir=`. What cannot be kept there is no error: `problems` has it, and the file is decoded again the
/// next time.
package final class IndexStore: Sendable {
    private let folder: IndexFolder
    private let notes = Mutex<[String]>([])

    /// Uses a folder that is there.
    /// - Parameter path: The bytes of its path.
    /// - Throws: `ReadError.system` where it cannot be opened; `ReadError.unsupported` where others than the user of
    ///   this process may write there: whoever can change an index can change what a disk shows.
    package init(folder path: [UInt8]) throws(ReadError) {
        folder = try IndexFolder(path: path)
    }

    /// What could not be kept, and why; each is told once.
    package func takeProblems() -> [String] {
        notes.withLock { notes in
            defer { notes = [] }
            return notes
        }
    }

    /// The place of what is known of `base`; nil where it has no identity that could be told again.
    func place(
        of base: any ByteSource, _ format: CompressedSource.Format, budget: OpeningBudget
    ) throws(ReadError) -> StoredIndex? {
        guard let mark = base.versionMark else { return nil }
        return StoredIndex(
            store: self, key: IndexKey(mark, format, digest: try Self.digest(of: base)),
            storedByteCount: base.byteCount, budget: budget)
    }

    private static let digestedByteCount: UInt64 = 64 << 10

    /// A checksum of the first and the last bytes of `base`.
    private static func digest(of base: any ByteSource) throws(ReadError) -> UInt64 {
        let count = min(digestedByteCount, base.byteCount)
        let head = CRC64.checksum(of: try base.bytes(Int(count), at: 0))
        return CRC64.checksum(head, of: try base.bytes(Int(count), at: base.byteCount - count))
    }

    func read(_ key: IndexKey, share: BudgetShare) -> [UInt8]? {
        guard let bytes = folder.read(key.fileName, share: share) else { return nil }
        return IndexRecord.payload(of: bytes, for: key)
    }

    func write(_ payload: [UInt8], for key: IndexKey) {
        do throws(ReadError) {
            try folder.write(IndexRecord.bytes(payload, for: key), as: key.fileName)
        } catch {
            notes.withLock { notes in
                if notes.count < 16 { notes.append("an index is not kept in the cache folder: \(error)") }
            }
        }
    }
}
