// Where decoding of a gzip stream can start again without what is before.
// SPDX-License-Identifier: Apache-2.0

import Codecs

/// A place in a gzip stream where decoding can start.
struct GzipRestartPoint: Sendable {
    /// In the decoded bytes.
    let outputOffset: UInt64
    /// The next byte of the stored bytes that is not used whole.
    let inputOffset: UInt64
    /// Bits of the byte before, which belong to what follows; 0 to 7.
    let bitCount: Int
    let bits: UInt8
    /// The bytes decoded before, to which what follows may refer; empty at the start of a member.
    let window: [UInt8]
    /// Whether the member's header is here, not a deflate block.
    let isMemberStart: Bool
}

/// Restart points, spaced so that all of them together stay within a bound.
struct GzipIndex: Sendable {
    /// Ascending; the first is the start.
    private(set) var points: [GzipRestartPoint] = []
    /// The least distance of two points, in decoded bytes.
    private(set) var spacing: UInt64 = 1 << 20

    /// Most that the windows of all points take, in bytes.
    static let maximumByteCount = 32 << 20
    static let maximumPointCount = maximumByteCount / Inflater.windowByteCount

    /// Whether a point at `outputOffset` is far enough from the last one.
    func wantsPoint(at outputOffset: UInt64) -> Bool {
        guard let last = points.last else { return true }
        return outputOffset - last.outputOffset >= spacing
    }

    /// Adds a point behind all others. When there are too many, every other one goes and the spacing doubles.
    mutating func add(_ point: GzipRestartPoint) {
        points.append(point)
        guard points.count > Self.maximumPointCount else { return }
        points = points.indices.filter { $0.isMultiple(of: 2) }.map { points[$0] }
        spacing *= 2
    }

    /// The last point that is not behind `outputOffset`.
    func point(atOrBefore outputOffset: UInt64) -> GzipRestartPoint? {
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low + high) / 2
            if points[middle].outputOffset <= outputOffset { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? points[low - 1] : nil
    }
}
