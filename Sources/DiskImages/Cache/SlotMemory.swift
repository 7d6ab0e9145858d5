// The memory of one cache entry.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// Memory that is the system's again as soon as it is given back: large pieces are mapped by themselves, because
/// the allocator keeps what lies between small ones, and a cache that holds tables first and clusters later
/// would grow far over its bound.
@safe struct SlotMemory: ~Copyable {
    /// From this size on, in bytes, a piece is mapped by itself.
    private static let leastMappedByteCount = 32 << 10
    /// Up to this size, in bytes, the pages of a mapped piece are asked for at once: all of them are written in a moment.
    private static let mostPopulatedByteCount = 1 << 20

    let bytes: UnsafeMutableRawBufferPointer
    private let isMapped: Bool

    /// - Throws: `ReadError.system` where there is no memory.
    init(byteCount: Int) throws(ReadError) {
        let populates = byteCount <= Self.mostPopulatedByteCount ? MAP_POPULATE : 0
        if byteCount >= Self.leastMappedByteCount,
            let start = unsafe mmap(
                nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | populates, -1, 0),
            unsafe start != MAP_FAILED
        {
            unsafe bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
            isMapped = true
        } else {
            unsafe bytes = try LargeMemory.take(byteCount, alignment: 16, for: "the cache")
            isMapped = false
        }
    }

    deinit {
        if isMapped {
            unsafe munmap(bytes.baseAddress, bytes.count)
        } else {
            unsafe LargeMemory.giveBack(bytes)
        }
    }
}
