// The checksum that zstd's seek tables have of each frame.
// SPDX-License-Identifier: Apache-2.0

/// A hash of 64 bits, in pieces of any length.
/// Spec: xxHash, doc/xxhash_spec.md, "XXH64 Algorithm Description".
struct XXH64 {
    private static let primes: (UInt64, UInt64, UInt64, UInt64, UInt64) = (
        0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63,
        0x27d4_eb2f_1656_67c5
    )
    private static let stripeByteCount = 32

    private var lanes: (UInt64, UInt64, UInt64, UInt64) = (
        primes.0 &+ primes.1, primes.1, 0, 0 &- primes.0
    )
    private var byteCount: UInt64 = 0
    /// Bytes that do not fill a stripe yet.
    private var rest: [UInt8] = []

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount &+= UInt64(bytes.count)
        var position = 0
        if !rest.isEmpty {
            position = min(Self.stripeByteCount - rest.count, bytes.count)
            // SAFETY: the position is inside the buffer.
            unsafe rest += bytes[..<position]
            guard rest.count == Self.stripeByteCount else { return }
            let stripe = rest
            rest = []
            unsafe stripe.withUnsafeBytes { unsafe mix($0, at: 0) }
        }
        while bytes.count - position >= Self.stripeByteCount {
            unsafe mix(bytes, at: position)
            position += Self.stripeByteCount
        }
        rest = unsafe Array(bytes[position...])
    }

    // SAFETY: a whole stripe is in `bytes` from `position` on.
    private mutating func mix(_ bytes: UnsafeRawBufferPointer, at position: Int) {
        lanes.0 = Self.round(lanes.0, unsafe Self.word(bytes, at: position))
        lanes.1 = Self.round(lanes.1, unsafe Self.word(bytes, at: position + 8))
        lanes.2 = Self.round(lanes.2, unsafe Self.word(bytes, at: position + 16))
        lanes.3 = Self.round(lanes.3, unsafe Self.word(bytes, at: position + 24))
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotated(lane &+ word &* primes.1, by: 31) &* primes.0
    }

    private static func rotated(_ value: UInt64, by count: UInt64) -> UInt64 {
        value << count | value >> (64 - count)
    }

    /// The hash of all bytes so far.
    var value: UInt64 {
        let primes = Self.primes
        var hash = primes.4
        if byteCount >= UInt64(Self.stripeByteCount) {
            hash = Self.rotated(lanes.0, by: 1) &+ Self.rotated(lanes.1, by: 7)
            hash = hash &+ Self.rotated(lanes.2, by: 12) &+ Self.rotated(lanes.3, by: 18)
            for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
                hash = (hash ^ Self.round(0, lane)) &* primes.0 &+ primes.3
            }
        }
        hash = hash &+ byteCount
        var left = rest[...]
        func number(_ count: Int) -> UInt64 {
            left.prefix(count).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        }
        while left.count >= 8 {
            hash = Self.rotated(hash ^ Self.round(0, number(8)), by: 27) &* primes.0 &+ primes.3
            left = left.dropFirst(8)
        }
        if left.count >= 4 {
            hash = Self.rotated(hash ^ number(4) &* primes.0, by: 23) &* primes.1 &+ primes.2
            left = left.dropFirst(4)
        }
        for byte in left { hash = Self.rotated(hash ^ UInt64(byte) &* primes.4, by: 11) &* primes.0 }
        hash = (hash ^ hash >> 33) &* primes.1
        hash = (hash ^ hash >> 29) &* primes.2
        return hash ^ hash >> 32
    }
}

/// The lower half of the hash, as a seek table has it.
final class SeekTableDigest: UnitDigest {
    private let expected: UInt32
    private var hash = XXH64()

    init(expecting expected: UInt32) {
        self.expected = expected
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        unsafe hash.update(bytes)
    }

    func isRight() -> Bool { UInt32(truncatingIfNeeded: hash.value) == expected }
}
