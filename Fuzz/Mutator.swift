// Damages bytes in the ways that parsers fear.
// SPDX-License-Identifier: Apache-2.0

/// Makes damaged inputs; the same ones for the same seed.
struct Mutator {
    private var random: SplitMix64

    /// The values at the edges of what a field can hold.
    private static let edges: [UInt64] = [
        0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x1ff, 0x200, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000,
        0xffff_ffff, 1 << 32, 1 << 40, 1 << 55, 1 << 60, UInt64(Int64.max), 1 << 63, UInt64.max - 1,
        UInt64.max,
    ]
    /// Longest input, so that stretches doubled again and again end.
    static let mostBytes = 8 << 20

    init(seed: UInt64) { random = SplitMix64(state: seed) }

    /// One of the samples with a few changes.
    ///
    /// - Parameters:
    ///   - samples: what to start from.
    ///   - repairsTar: whether the checksums of tar headers are mostly made right again.
    /// - Returns: the damaged bytes.
    mutating func damaged(_ samples: [[UInt8]], repairsTar: Bool) -> [UInt8] {
        var bytes = samples.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) { change(&bytes, samples) }
        if repairsTar, Int.random(in: 0..<4, using: &random) > 0 { Self.repairChecksums(&bytes) }
        return bytes
    }

    /// A place to change: often near an end, where headers and footers are, and often at a sector.
    private mutating func place(in count: Int) -> Int {
        guard count > 0 else { return 0 }
        let near = min(count, 4096)
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1: return Int.random(in: 0..<near, using: &random)
        case 2: return count - 1 - Int.random(in: 0..<near, using: &random)
        case 3:
            return min(
                count - 1,
                Int.random(in: 0...count / 512, using: &random) * 512 + Int.random(in: 0..<32, using: &random)
            )
        default: return Int.random(in: 0..<count, using: &random)
        }
    }

    private mutating func change(_ bytes: inout [UInt8], _ samples: [[UInt8]]) {
        let start = place(in: bytes.count)
        let end = min(bytes.count, start + Int.random(in: 1...600, using: &random))
        switch Int.random(in: 0..<9, using: &random) {
        case 0: if start < bytes.count { bytes[start] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
        case 1: if start < bytes.count { bytes[start] = UInt8.random(in: 0...255, using: &random) }
        case 2, 3: overwrite(&bytes, at: start)
        case 4: bytes.removeSubrange(start..<end)
        case 5: if bytes.count < Self.mostBytes { bytes.insert(contentsOf: bytes[start..<end], at: start) }
        case 6: bytes.removeLast(bytes.count - start)
        case 7: for index in start..<end { bytes[index] = UInt8.random(in: 0...255, using: &random) }
        default:
            guard let other = samples.randomElement(using: &random), bytes.count < Self.mostBytes else {
                return
            }
            let from = place(in: other.count)
            bytes.replaceSubrange(start..<end, with: other[from..<min(other.count, from + 600)])
        }
    }

    /// Writes an edge value as a field of 1 to 8 bytes, in either order of bytes, or as digits.
    private mutating func overwrite(_ bytes: inout [UInt8], at start: Int) {
        let value =
            (Self.edges.randomElement(using: &random) ?? 0) &+ UInt64.random(in: 0...1, using: &random)
        let width = [1, 2, 4, 8].randomElement(using: &random) ?? 8
        var field = (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: field.reverse()
        case 1: field = Array(String(value).utf8)
        case 2: field = Array(String(value, radix: 8).utf8)
        default: break
        }
        for (index, byte) in field.enumerated() where start + index < bytes.count {
            bytes[start + index] = byte
        }
    }

    /// Makes the checksum right in every block that says `ustar`.
    private static func repairChecksums(_ bytes: inout [UInt8]) {
        for block in stride(from: 0, to: bytes.count - 511, by: 512)
        where bytes[block + 257..<block + 262].elementsEqual("ustar".utf8) {
            for index in block + 148..<block + 156 { bytes[index] = UInt8(ascii: " ") }
            let sum = bytes[block..<block + 512].reduce(0) { $0 + Int($1) }
            let digits = String(sum, radix: 8)
            let field = String(repeating: "0", count: 6 - digits.count) + digits
            for (index, byte) in field.utf8.enumerated() { bytes[block + 148 + index] = byte }
            bytes[block + 154] = 0
        }
    }
}

/// Numbers that look random and are the same for the same start.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
