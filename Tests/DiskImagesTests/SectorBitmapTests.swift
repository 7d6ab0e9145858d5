// Tests of runs of bits.
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import DiskImages

@Suite("Bitmaps of sectors")
struct SectorBitmapTests {
    @Test(
        "runs and counts are those of a bit at a time",
        arguments: [SectorBitOrder.lowestFirst, .highestFirst])
    func reference(order: SectorBitOrder) {
        var random = SeededRandom(seed: 11)
        for density in [0, 1, 8, 64, 200, 255, 256] {
            var bits = (0..<512).map { _ in Int.random(in: 0..<256, using: &random) < density }
            // Long runs, too.
            for index in 130..<260 { bits[index] = density > 8 }
            var bytes = [UInt8](repeating: 0, count: 64)
            for (index, bit) in bits.enumerated() where bit {
                bytes[index / 8] |= order == .lowestFirst ? 1 << UInt8(index % 8) : 0x80 >> UInt8(index % 8)
            }
            for limits in [0..<512, 0..<1, 3..<509, 64..<128, 63..<65, 100..<511] {
                // SAFETY: bytes have no padding.
                let count = unsafe bytes.span.bytes.countOfSetBits(within: limits, order)
                #expect(count == limits.count { bits[$0] })
                for index in limits {
                    // SAFETY: bytes have no padding.
                    let run = unsafe bytes.span.bytes.runOfBits(around: index, within: limits, order)
                    var start = index
                    while start > limits.lowerBound, bits[start - 1] == bits[index] { start -= 1 }
                    var end = index + 1
                    while end < limits.upperBound, bits[end] == bits[index] { end += 1 }
                    #expect(run.range == start..<end && run.isSet == bits[index])
                }
            }
        }
    }
}
