// Decoded clusters and the tables that lead to them, kept within a bound of bytes.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Synchronization

/// A cache that many threads use at once. Each entry is loaded once, however many threads ask for it: waiting
/// for an entry is taking that entry's own lock. No lock of the index is held while an entry is loaded or used.
///
/// Entries are spread over shards by their number, so that neighbouring clusters meet different locks.
package final class ClusterCache: Sendable {
    /// What an entry is, for one disk.
    package struct Key: Hashable, Sendable {
        package enum Kind: UInt8, Sendable {
            case cluster
            case table
        }

        package let disk: DiskNumber
        package let kind: Kind
        package let index: UInt64

        package init(disk: DiskNumber, kind: Kind, index: UInt64) {
            self.disk = disk
            self.kind = kind
            self.index = index
        }

        /// One step of hashing, not three: every look-up comes through here.
        package func hash(into hasher: inout Hasher) {
            hasher.combine(index ^ UInt64(disk.rawValue) << 40 ^ UInt64(kind.rawValue) << 39)
        }
    }

    /// The most bytes that are kept; entries in use at the moment may exceed it by their own size, and large clusters
    /// have half of it whatever else is kept.
    package let byteLimit: Int
    package let statistics = ReadStatistics()

    /// The largest cluster that is kept among all others, in bytes, and that is decoded by a thread that may not wait: a
    /// millisecond or two. cloop's have up to 64 MiB.
    static let mostPlainByteCount = 1 << 20

    /// A shard holds at least this much, so that all that is kept in one fits it.
    private static let leastShardByteCount = 8 << 20
    private static let mostShards = 16

    private let shards: [CacheShard]
    private let awaited: AwaitedBytes
    private let large: LargeClusters
    private let nextDiskNumber = Atomic<UInt32>(0)

    package convenience init(byteLimit: Int) {
        self.init(byteLimit: byteLimit, turns: ClusterTurns.Limits())
    }

    init(byteLimit: Int, turns: ClusterTurns.Limits) {
        self.byteLimit = byteLimit
        var shardCount = 1
        while shardCount < Self.mostShards, byteLimit / (shardCount * 2) >= Self.leastShardByteCount {
            shardCount *= 2
        }
        let awaited = AwaitedBytes()
        self.awaited = awaited
        let shardLimit = byteLimit / shardCount
        let shards = (0..<shardCount).map { _ in CacheShard(byteLimit: shardLimit, awaited: awaited) }
        self.shards = shards
        large = LargeClusters(awaited: awaited, turns: turns) {
            byteLimit - min(byteLimit / 2, shards.reduce(0) { $0 + $1.byteCount })
        }
    }

    private static func isLarge(_ key: Key, byteCount: Int) -> Bool {
        byteCount > mostPlainByteCount && key.kind == .cluster
    }

    package func makeDiskNumber() -> DiskNumber {
        DiskNumber(rawValue: nextDiskNumber.add(1, ordering: .relaxed).oldValue)
    }

    /// Calls `body` with the entry's bytes, loading them first where they are not there yet.
    ///
    /// An entry of one key is always `byteCount` bytes long, and `load` appends exactly so many; for that time it needs
    /// `loadingByteCount` bytes more, which are counted where the cluster is a large one. Where it throws, nothing is kept
    /// and the next call tries again. `body` asks for no other entry where this one may be large, and uses no more of it
    /// than `range`: a large one is kept for who goes through it.
    package func withCluster<Result>(
        _ key: Key, byteCount: Int, loadingByteCount: Int = 0, reading range: Range<Int>? = nil,
        load: (inout OutputRawSpan) throws(ReadError) -> Void,
        body: (RawSpan) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        guard !Self.isLarge(key, byteCount: byteCount) else {
            let (slot, wasThere) = try large.lend(
                key, byteCount: byteCount, loadingByteCount: loadingByteCount, reading: range, load: load)
            defer { large.release(slot) }
            if wasThere { statistics.countHit() }
            // SAFETY: on loan, so the memory stays as it is.
            return try unsafe body(slot.bytes.bytes)
        }
        let slot = try lend(key, byteCount: byteCount, load: load)
        defer { slot.release() }
        // SAFETY: on loan, so the memory stays as it is.
        return try unsafe body(slot.bytes.bytes)
    }

    /// The entry, which is no large cluster, on loan: it stays as it is until the caller releases it.
    func lend(
        _ key: Key, byteCount: Int, load: (inout OutputRawSpan) throws(ReadError) -> Void
    ) throws(ReadError) -> CacheSlot {
        precondition(!Self.isLarge(key, byteCount: byteCount), "a large cluster is copied, not lent")
        let shard = shard(for: key, byteCount: byteCount)
        let slot = shard.acquire(key, byteCount: byteCount, isAhead: false)
        if slot.isLoaded {
            if key.kind == .cluster { statistics.countHit() }
            return slot
        }
        do throws(ReadError) {
            try Self.load { () throws(ReadError) in try slot.load(with: load) }
        } catch {
            slot.release()
            shard.noteFailure(key)
            throw error
        }
        return slot
    }

    /// Loads the entry where it is not there yet and no other thread is at it; for reading ahead. A large cluster, whose
    /// loading takes `loadingByteCount` bytes beside its own, is left to its reader where there is no room.
    package func prefetch(
        _ key: Key, byteCount: Int, loadingByteCount: Int = 0,
        load: (inout OutputRawSpan) throws(ReadError) -> Void
    ) throws(ReadError) {
        guard !Self.isLarge(key, byteCount: byteCount) else {
            return try large.prefetch(
                key, byteCount: byteCount, loadingByteCount: loadingByteCount, load: load)
        }
        let shard = shard(for: key, byteCount: byteCount)
        let slot = shard.acquire(key, byteCount: byteCount, isAhead: true)
        defer { slot.release() }
        guard !slot.isLoaded else { return }
        do throws(ReadError) {
            try Self.load { () throws(ReadError) in try slot.loadUnlessBusy(with: load) }
        } catch {
            shard.noteFailure(key)
            throw error
        }
    }

    private static func load(_ load: () throws(ReadError) -> Void) throws(ReadError) {
        guard Patience.current != .usesCacheOnly else { throw .wouldWait }
        try Patience.asLittleAsPossible(load)
    }

    /// Whether the entry is loaded now. It may be gone a moment later.
    package func holds(_ key: Key) -> Bool {
        shard(for: key, byteCount: 0).holds(key) || shards[0].holds(key) || large.holds(key)
    }

    /// Bytes that are kept now, with what stands around them and what large clusters are being decoded from.
    package var byteCount: Int {
        shards.reduce(large.byteCount) { $0 + $1.byteCount }
    }

    /// Bytes of entries that were loaded ahead of readers who have not come yet.
    package var awaitedByteCount: Int { awaited.value }

    /// A table that is larger than a shard stays beyond the shard's limit until the next one comes: all of those are
    /// in the first shard, so that one stays and not one in each.
    private func shard(for key: Key, byteCount: Int) -> CacheShard {
        guard byteCount <= byteLimit / shards.count else { return shards[0] }
        // The number of shards is a power of two. Folding the higher bits in spreads strided readers too.
        let number = key.index ^ (key.index >> 4) ^ (key.index >> 8)
        let salt = UInt64(key.disk.rawValue) &* 7 &+ UInt64(key.kind.rawValue)
        return shards[Int(truncatingIfNeeded: number &+ salt) & (shards.count - 1)]
    }
}
