// The blocks of a file that comes in one piece, kept on disk for the next time.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Copies what has come from the file of a transfer to the disk cache, and back when the same version is opened anew.
final class SpoolKeeper: Sendable {
    private static let blockByteCount = UInt64(BlockBuffer.byteCount)

    private let stored: StoredObject
    private let file: SpoolFile
    private let byteCount: UInt64
    /// Blocks from the first one on that were kept, or are in the file because they were kept before.
    private let doneCount = SleepingMutex<UInt64>(0)

    /// Nil where nothing can be kept: the version or the length is not known.
    init?(_ object: RemoteObject, _ version: ObjectVersion, of file: SpoolFile, in store: BlockStore?) {
        guard version.byteCount != ObjectVersion.unknownByteCount, version.byteCount > 0,
            let stored = store?.object(object.address, version)
        else { return nil }
        self.stored = stored
        self.file = file
        byteCount = version.byteCount
    }

    /// Whether the start of the file is there, as far as can be seen without reading it.
    var hasStart: Bool { stored.has(0) }

    /// Whether all of the file is there, as far as can be seen without reading it.
    var hasAll: Bool {
        var index: UInt64 = 0
        while index * Self.blockByteCount < byteCount {
            guard stored.has(index) else { return false }
            index += 1
        }
        return true
    }

    /// Copies what is kept into the file, from the front up to the first block that is not there; `note` hears where that has
    /// come to, and says whether to go on.
    func restore(_ note: (_ frontier: UInt64) -> Bool) {
        var index: UInt64 = 0
        while index * Self.blockByteCount < byteCount {
            let range = range(ofBlock: index)
            var bytes = [UInt8](repeating: 0, count: range.count)
            // SAFETY: the array is the room, for the time of the call.
            let isThere = unsafe bytes.withUnsafeMutableBytes { unsafe stored.read(index, into: $0) }
            guard isThere else { break }
            // SAFETY: bytes have no padding.
            let span = unsafe bytes.span.bytes
            guard (try? file.write(span, at: range.lowerBound)) != nil else { break }
            index += 1
            doneCount.withLock { $0 = index }
            guard note(range.upperBound) else { break }
        }
    }

    /// Keeps all blocks that lie before `frontier` and are not kept yet.
    func keep(before frontier: UInt64) {
        doneCount.withLock { done in
            while done * Self.blockByteCount < byteCount {
                let range = range(ofBlock: done)
                guard range.upperBound <= frontier else { return }
                var bytes = [UInt8](repeating: 0, count: range.count)
                // SAFETY: the array is the room, for the time of the call.
                let isRead = unsafe bytes.withUnsafeMutableBytes {
                    unsafe file.fill($0, at: range.lowerBound)
                }
                if isRead { unsafe bytes.withUnsafeBytes { unsafe stored.write(done, $0) } }
                done += 1
            }
        }
    }

    private func range(ofBlock index: UInt64) -> Range<UInt64> {
        let start = index * Self.blockByteCount
        return start..<min(byteCount, start + Self.blockByteCount)
    }
}
