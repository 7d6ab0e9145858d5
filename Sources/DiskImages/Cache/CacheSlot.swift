// Memory for one cached cluster or table.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// An entry of the cache. `key` and what it is worth belong to the shard and change under its lock; the bytes are
/// written once under the slot's own lock, and then only read until the shard gives the slot to another key,
/// which it does only while no one has it pinned.
// SAFETY: every mutable part has the one owner that the lines above name.
@safe final class CacheSlot: LentMemory, @unchecked Sendable {
    private(set) var key: ClusterCache.Key
    private var wasRead = false
    private var wasReadAgain = false
    /// It was loaded for a reader who has not come yet.
    private(set) var isAwaited = false
    let byteCount: Int
    /// What loading it takes beside its own memory, in bytes; 0 once it is loaded.
    private(set) var loadingByteCount: Int

    /// Taken when the entry is first loaded, by the thread that loads it: the system may need a while to give it.
    private var memory: SlotMemory?
    private var start = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private let pins = Atomic<Int>(0)
    private let loaded = Atomic<Bool>(false)
    private let loading = LoadingLock()

    init(key: ClusterCache.Key, byteCount: Int, loadingByteCount: Int = 0) {
        self.key = key
        self.byteCount = byteCount
        self.loadingByteCount = loadingByteCount
    }

    /// What an entry of `byteCount` bytes takes of the cache's bound: its bytes and, for what stands around
    /// them, as much as was measured with 32,000 tables of 2 KiB.
    static func cost(ofByteCount byteCount: Int) -> Int {
        byteCount + 448
    }

    /// What the slot takes of the cache's bound by now.
    var cost: Int { Self.cost(ofByteCount: byteCount) + loadingByteCount }

    /// The bytes of a slot that is pinned and loaded.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: start[..<byteCount]) }

    var isLoaded: Bool { loaded.load(ordering: .acquiring) }
    var isPinned: Bool { pins.load(ordering: .acquiring) > 0 }

    func pin() { pins.add(1, ordering: .relaxed) }
    func release() { pins.subtract(1, ordering: .releasing) }

    /// Whether the entry may stay when the hand of the clock comes by. One that could not be loaded is worth nothing.
    var isWorthKeeping: Bool { (isAwaited || wasReadAgain) && isLoaded }

    func noteReader() {
        wasReadAgain = wasRead
        wasRead = true
        isAwaited = false
    }

    func noteAwaited() {
        isAwaited = true
    }

    func endLoading() {
        loadingByteCount = 0
    }

    /// It stays this time; to stay the next time, it has to be read or awaited again.
    func passOver() {
        wasReadAgain = false
        isAwaited = false
    }

    /// Gives the slot to another key; the shard makes sure that no one uses it.
    func reset(to key: ClusterCache.Key) {
        self.key = key
        wasRead = false
        wasReadAgain = false
        isAwaited = false
        loaded.store(false, ordering: .relaxed)
    }

    /// Tables are loaded for clusters that are being loaded.
    private var isTable: Bool { key.kind == .table }

    /// Loads the bytes, or waits for the thread that does.
    /// - Throws: `ReadError.wouldWait` where this thread may not wait, and would have to.
    func load(with load: (inout OutputRawSpan) throws(ReadError) -> Void) throws(ReadError) {
        try loading.acquire(isInner: isTable)
        defer { loading.release(isInner: isTable) }
        try fill(with: load)
    }

    /// Loads the bytes unless another thread is at it.
    func loadUnlessBusy(with load: (inout OutputRawSpan) throws(ReadError) -> Void) throws(ReadError) {
        guard loading.acquireIfFree(isInner: isTable) else { return }
        defer { loading.release(isInner: isTable) }
        try fill(with: load)
    }

    private func fill(with load: (inout OutputRawSpan) throws(ReadError) -> Void) throws(ReadError) {
        guard !isLoaded else { return }
        if memory == nil {
            let memory = try SlotMemory(byteCount: max(byteCount, 1))
            unsafe start = memory.bytes
            self.memory = consume memory
        }
        // SAFETY: the loading lock is held and nothing reads before `loaded` is set.
        var output = unsafe OutputRawSpan(
            buffer: UnsafeMutableRawBufferPointer(rebasing: start[..<byteCount]), initializedCount: 0)
        try load(&output)
        precondition(output.byteCount == byteCount, "a cache entry was loaded short")
        loaded.store(true, ordering: .releasing)
    }
}
