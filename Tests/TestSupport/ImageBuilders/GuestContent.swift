// What the guest disks of built images hold.
// SPDX-License-Identifier: Apache-2.0

/// A grain as a test wants it stored.
package enum GrainContent: Sendable, Equatable {
    /// Entry 0: never written.
    case absent
    /// Entry 1: zeros.
    case zeros
    /// Stored, with bytes that compress a little and tell where they are from.
    case text
    /// Stored, with bytes that do not compress.
    case noise
    /// Stored, with words in no order: bytes that compress to about a third, as files do.
    case prose
    /// Stored: these bytes, and zeros behind them.
    case bytes([UInt8])

    /// The grains of `disk`, of `byteCount` bytes each; those of zeros are absent.
    package static func grains(of disk: [UInt8], byteCount: Int) -> [GrainContent] {
        stride(from: 0, to: disk.count, by: byteCount).map { start in
            let grain = disk[start..<min(start + byteCount, disk.count)]
            return grain.contains { $0 != 0 } ? .bytes(Array(grain)) : .absent
        }
    }

    /// Holes, runs and single grains, of every kind.
    package static func mixed(_ count: Int) -> [GrainContent] {
        let pattern: [GrainContent] = [
            .text, .text, .absent, .noise, .zeros, .text, .text, .text, .absent, .absent,
        ]
        return (0..<count).map { pattern[$0 % pattern.count] }
    }

    /// The bytes of grain `index`, `byteCount` of them; nil for one that is not stored.
    func bytes(ofGrain index: Int, byteCount: Int) -> [UInt8]? {
        // Large grains repeat after 64 KiB, which is out of reach of zlib's window.
        let periodByteCount = min(byteCount, 65_536)
        var bytes: [UInt8]
        switch self {
        case .absent, .zeros:
            return nil
        case .text:
            let words = Array("grain \(index) of the disk that a test made; ".utf8)
            bytes = (0..<periodByteCount).map {
                words[$0 % words.count] ^ UInt8(truncatingIfNeeded: $0 / 509)
            }
        case .noise:
            var random = SeededRandom(seed: UInt64(index) + 1)
            bytes = random.bytes(periodByteCount)
        case .bytes(let known):
            return known + [UInt8](repeating: 0, count: max(0, byteCount - known.count))
        case .prose:
            bytes = Self.prose(periodByteCount, seed: UInt64(index) + 1)
        }
        while bytes.count < byteCount {
            bytes.append(contentsOf: Array(bytes.prefix(byteCount - bytes.count)))
        }
        return bytes
    }

    private static func prose(_ byteCount: Int, seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        // Words of 3 to 10 letters; those in front are used more often, as in a language.
        let words = (0..<512).map { _ in
            (0..<Int.random(in: 3...10, using: &random)).map { _ in
                UInt8.random(in: UInt8(ascii: "a")...UInt8(ascii: "z"), using: &random)
            }
        }
        var result: [UInt8] = []
        result.reserveCapacity(byteCount + 16)
        while result.count < byteCount {
            let limit = Int.random(in: 1...words.count, using: &random)
            result += words[Int.random(in: 0..<limit, using: &random)] + [UInt8(ascii: " ")]
        }
        return Array(result.prefix(byteCount))
    }
}
