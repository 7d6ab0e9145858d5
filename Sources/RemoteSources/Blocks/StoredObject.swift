// The blocks of one remote object on disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Crypto
import Glibc

/// Reads and writes blocks. Fetching one holds a lock on its digest, which ends with the process.
final class StoredObject: Sendable {
    private static let digestByteCount: UInt64 = 32
    /// How long a block that another process fetches is waited for, in seconds.
    private static let longestWait = 5.0
    private static let lookIntervalInMicroseconds: UInt32 = 50_000
    private static let blockByteCount = UInt64(BlockBuffer.byteCount)

    private let key: StoreKey
    private let blocks: StoreFile
    private let digests: StoreFile
    /// Locked as shared: the object is in use.
    private let use: StoreFile
    private let store: BlockStore

    /// Nil where the files cannot be used.
    init?(_ key: StoreKey, in folder: StoreFolder, of store: BlockStore) {
        guard let use = folder.file("object.json"), use.lock(0..<1, isShared: true),
            let blocks = folder.file("blocks"), let digests = folder.file("digests")
        else { return nil }
        let text = Array(key.text.utf8)
        if use.bytes(text.count, at: 0) != text {
            guard use.write(text, at: 0) == 0 else { return nil }
        }
        self.key = key
        self.use = use
        self.blocks = blocks
        self.digests = digests
        self.store = store
        digests.touch()
    }

    /// Whether a block is there, as far as can be seen without reading it.
    func has(_ index: UInt64) -> Bool {
        guard let digest = digest(of: index) else { return false }
        return digest.contains { $0 != 0 }
    }

    /// Whether block `index`, of `byteCount` bytes, is there and whole.
    func hasWhole(_ index: UInt64, _ byteCount: Int) -> Bool {
        var room = [UInt8](repeating: 0, count: byteCount)
        // SAFETY: the array is the room, for the time of the call.
        return unsafe room.withUnsafeMutableBytes { unsafe read(index, into: $0) }
    }

    /// Fills `room` with block `index`, which is as long; false where it is not there or damaged.
    func read(_ index: UInt64, into room: UnsafeMutableRawBufferPointer) -> Bool {
        guard let digest = digest(of: index), digest.contains(where: { $0 != 0 }),
            unsafe blocks.read(into: room, at: index * Self.blockByteCount)
        else { return false }
        return unsafe self.digest(of: index, UnsafeRawBufferPointer(room)) == digest
    }

    /// Keeps block `index`; what cannot be kept is no error.
    func write(_ index: UInt64, _ bytes: UnsafeRawBufferPointer) {
        guard !store.isFull else { return }
        let digest = unsafe digest(of: index, bytes)
        var code = unsafe blocks.write(bytes, at: index * Self.blockByteCount)
        if code == 0 { code = digests.write(digest, at: index * Self.digestByteCount) }
        guard code == 0 else { return store.noteFailure(code) }
        store.noteWritten(UInt64(bytes.count))
    }

    /// Locks the first blocks of `range`, as many as no other process fetches; waits where that is none.
    /// - Returns: What is to be fetched now, and unlocked then; nil where the first block has come meanwhile.
    func lockForFetching(_ range: Range<UInt64>, asIfAbsent damaged: Set<UInt64> = []) -> Range<UInt64>? {
        let isThere = { (index: UInt64) in !damaged.contains(index) && self.has(index) }
        let start = MonotonicClock.now
        while true {
            var count = (range.lowerBound..<range.upperBound).prefix { !isThere($0) }.count
            guard count > 0 else { return nil }
            while count > 0 {
                let part = range.lowerBound..<(range.lowerBound + UInt64(count))
                guard !digests.lock(Self.digestRange(part)) else {
                    guard isThere(range.lowerBound) else { return part }
                    unlock(part)
                    return nil
                }
                count /= 2
            }
            // Who has it may be as stuck as anyone.
            guard MonotonicClock.now - start < Self.longestWait else {
                return range.lowerBound..<(range.lowerBound + 1)
            }
            usleep(Self.lookIntervalInMicroseconds)
        }
    }

    func unlock(_ range: Range<UInt64>) {
        digests.unlock(Self.digestRange(range))
    }

    /// Lets blocks of an object go, the first ones first, until `byteCount` bytes are free.
    /// - Returns: How many bytes that were.
    static func evict(from blocks: StoreFile, _ digests: StoreFile, _ byteCount: UInt64) -> UInt64 {
        var freed: UInt64 = 0
        var position: UInt64 = 0
        let zeros = [UInt8](repeating: 0, count: Int(digestByteCount))
        while freed < byteCount, let data = blocks.nextData(from: position) {
            let index = data / blockByteCount
            // The digest first: whoever reads meanwhile finds an absent block.
            guard digests.write(zeros, at: index * digestByteCount) == 0 else { break }
            let before = blocks.state.storedByteCount
            blocks.punch(index * blockByteCount..<(index + 1) * blockByteCount)
            let after = blocks.state.storedByteCount
            freed += before - min(before, after)
            position = (index + 1) * blockByteCount
        }
        return freed
    }

    private static func digestRange(_ range: Range<UInt64>) -> Range<UInt64> {
        (range.lowerBound * digestByteCount)..<(range.upperBound * digestByteCount)
    }

    private func digest(of index: UInt64) -> [UInt8]? {
        digests.bytes(Int(Self.digestByteCount), at: index * Self.digestByteCount)
    }

    private func digest(of index: UInt64, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = SHA256()
        hash.update(data: key.digest)
        hash.update(data: (0..<8).map { UInt8(truncatingIfNeeded: index >> UInt64(8 * $0)) })
        unsafe hash.update(bufferPointer: bytes)
        return Array(hash.finalize())
    }
}
