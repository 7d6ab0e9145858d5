// Where decoding of a gzip stream can start again without what is before.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
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
    /// The inflater's whole state, for a place inside a block; nil elsewhere.
    var snapshot: InflaterSnapshot?

    /// What is kept for the point, in bytes.
    var byteCount: UInt64 {
        64 + UInt64(snapshot == nil ? window.count : InflaterSnapshot.byteCount)
    }
}

/// Restart points, spaced so that all of them together stay within a bound: 32 MiB, and a quarter of what the budget
/// has left, so that many compressed disks of one appliance each get some. Fewer points make reading slower, and
/// never fail it.
struct GzipIndex: Sendable {
    /// Ascending; the first is the start.
    private(set) var points: [GzipRestartPoint] = []
    /// The least distance of two points, in decoded bytes or in stored ones: there are blocks that hold nothing.
    private(set) var spacing: UInt64 = 1 << 20
    private let share: BudgetShare

    /// Most that all points take, in bytes.
    static let maximumByteCount: UInt64 = 32 << 20
    static let maximumPointCount = 1_024
    /// The longest window of a point, in bytes.
    static let windowByteCount = UInt64(Inflater.windowByteCount)

    init(budget: OpeningBudget) {
        share = BudgetShare(of: budget)
    }

    /// Whether a point at `outputOffset`, of the stored byte `inputOffset`, is far enough from the last one.
    func wantsPoint(at outputOffset: UInt64, _ inputOffset: UInt64) -> Bool {
        isDistant(outputOffset, inputOffset, spacing)
    }

    /// Whether a point at `outputOffset` is wanted although no block ends there: the end of one is cheaper, and comes
    /// soon in nearly every file.
    func wantsPointInsideBlock(at outputOffset: UInt64, _ inputOffset: UInt64) -> Bool {
        isDistant(outputOffset, inputOffset, 2 * spacing)
    }

    private func isDistant(_ outputOffset: UInt64, _ inputOffset: UInt64, _ distance: UInt64) -> Bool {
        guard let last = points.last else { return true }
        return outputOffset - last.outputOffset >= distance || inputOffset - last.inputOffset >= distance
    }

    /// Adds a point after all others. When there are too many, every other one goes and the spacing doubles.
    mutating func add(_ point: GzipRestartPoint) {
        while points.count > 1, !hasRoom(for: point) { thinOut() }
        // The first point is the start of the file, which keeps nothing.
        guard hasRoom(for: point) || points.isEmpty,
            (try? share.take(point.byteCount, for: "restart points of a gzip file")) != nil || points.isEmpty
        else {
            spacing *= 2
            return
        }
        points.append(point)
    }

    private func hasRoom(for point: GzipRestartPoint) -> Bool {
        let kept = share.takenByteCount
        let limit = min(Self.maximumByteCount, (kept + share.freeByteCount) / 4)
        return points.count < Self.maximumPointCount && kept + point.byteCount <= limit
    }

    private mutating func thinOut() {
        var kept: [GzipRestartPoint] = []
        var freed: UInt64 = 0
        for (index, point) in points.enumerated() {
            if index.isMultiple(of: 2) { kept.append(point) } else { freed += point.byteCount }
        }
        points = kept
        share.giveBack(freed)
        spacing *= 2
    }

    /// The last point that is not after `outputOffset`.
    func point(atOrBefore outputOffset: UInt64) -> GzipRestartPoint? {
        let next = firstPoint { $0.outputOffset > outputOffset }
        return next > 0 ? points[next - 1] : nil
    }

    /// The stored bytes, of `byteCount`, that the decoded bytes `range` and what is before them up to a restart point
    /// are made of.
    func storedRange(of range: Range<UInt64>, in byteCount: UInt64) -> Range<UInt64> {
        // A point may have bits of the byte before.
        let first = point(atOrBefore: range.lowerBound)?.inputOffset ?? 0
        let start = min(byteCount, first - min(first, 1))
        let next = firstPoint { $0.outputOffset >= range.upperBound }
        return start..<max(start, next < points.count ? points[next].inputOffset : byteCount)
    }

    /// The number of the first point for which `isAfter` holds, as it does for all that follow.
    private func firstPoint(where isAfter: (GzipRestartPoint) -> Bool) -> Int {
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low + high) / 2
            if isAfter(points[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
