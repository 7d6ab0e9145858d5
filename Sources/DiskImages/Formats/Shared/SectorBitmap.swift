// Bitmaps that have a bit for each sector: the longest run of equal bits, and how many are set.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Which bit of a byte stands for its first sector.
enum SectorBitOrder: Sendable {
    case lowestFirst
    case highestFirst
}

/// The bits of a bitmap. Its length is a whole number of 64-bit words.
extension RawSpan {
    /// The longest run of equal bits around bit `index`, which is in `limits`, that does not leave them.
    func runOfBits(
        around index: Int, within limits: Range<Int>, _ order: SectorBitOrder
    ) -> (range: Range<Int>, isSet: Bool) {
        let isSet = word(index / 64, order) >> UInt64(index % 64) & 1 == 1
        // Where a bit of the other kind is, words have a 1.
        let flip: UInt64 = isSet ? .max : 0
        var start = limits.lowerBound
        var number = index / 64
        // The bits up to `index` in its word.
        var mask = UInt64.max >> UInt64(63 - index % 64)
        while number * 64 + 63 >= limits.lowerBound {
            let others = (word(number, order) ^ flip) & mask
            if others != 0 {
                start = Swift.max(start, number * 64 + 64 - others.leadingZeroBitCount)
                break
            }
            number -= 1
            mask = .max
        }
        var end = limits.upperBound
        number = index / 64
        mask = UInt64.max << UInt64(index % 64)
        while number * 64 < limits.upperBound {
            let others = (word(number, order) ^ flip) & mask
            if others != 0 {
                end = Swift.min(end, number * 64 + others.trailingZeroBitCount)
                break
            }
            number += 1
            mask = .max
        }
        return (start..<end, isSet)
    }

    /// How many of the bits in `limits` are set.
    func countOfSetBits(within limits: Range<Int>, _ order: SectorBitOrder) -> Int {
        var count = 0
        var position = limits.lowerBound
        while position < limits.upperBound {
            let end = Swift.min(position / 64 * 64 + 64, limits.upperBound)
            let length = UInt64(end - position)
            let bits = word(position / 64, order) >> UInt64(position % 64)
            count += (bits & (UInt64.max >> (64 - length))).nonzeroBitCount
            position = end
        }
        return count
    }

    /// Word `number`, whose lowest bit is that of the first sector.
    private func word(_ number: Int, _ order: SectorBitOrder) -> UInt64 {
        var word = littleEndian(UInt64.self, at: number * 8)
        guard order == .highestFirst else { return word }
        // Turns the bits of each byte around.
        word = (word >> 1 & 0x5555_5555_5555_5555) | (word & 0x5555_5555_5555_5555) << 1
        word = (word >> 2 & 0x3333_3333_3333_3333) | (word & 0x3333_3333_3333_3333) << 2
        return (word >> 4 & 0x0f0f_0f0f_0f0f_0f0f) | (word & 0x0f0f_0f0f_0f0f_0f0f) << 4
    }
}
