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
    /// The CRC-32 and the length, in bytes, of what is decoded from here to the next point, or to the end.
    var checksum: UInt32 = 0
    var decodedByteCount: UInt64 = 0

    /// What is kept for the point, in bytes.
    var byteCount: UInt64 {
        80 + UInt64(snapshot == nil ? window.count : InflaterSnapshot.byteCount)
    }

    /// Takes note of what is decoded behind all that is known to follow.
    mutating func extend(by checksum: UInt32, byteCount: UInt64) {
        self.checksum = Inflater.combined(self.checksum, checksum, byteCount: byteCount)
        decodedByteCount &+= byteCount
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

    /// Restart points that were kept, as many of them as there is memory for.
    init(restoring points: [GzipRestartPoint], budget: OpeningBudget) {
        share = BudgetShare(of: budget)
        self.points = points
        while self.points.count > 1 {
            let byteCount = self.points.reduce(0) { $0 + $1.byteCount }
            if byteCount <= limit, (try? share.take(byteCount, for: Self.purpose)) != nil { return }
            self.points = Self.halved(self.points)
        }
    }

    private static let purpose = "restart points of a gzip file"

    /// Adds a point after all others. When there are too many, every other one goes and the spacing doubles.
    mutating func add(_ point: GzipRestartPoint) {
        while points.count > 1, !hasRoom(for: point) { thinOut() }
        // The first point is the start of the file, which keeps nothing.
        guard hasRoom(for: point) || points.isEmpty,
            (try? share.take(point.byteCount, for: Self.purpose)) != nil || points.isEmpty
        else {
            doubleSpacing()
            return
        }
        points.append(point)
    }

    /// Takes note of what was decoded since the last call, all of it behind the last point.
    mutating func extend(by checksum: UInt32, byteCount: UInt64) {
        guard !points.isEmpty else { return }
        points[points.count - 1].extend(by: checksum, byteCount: byteCount)
    }

    /// Has the last point go where it is inside of a block that ends soon behind it: the end of one is cheaper, and can be
    /// kept on disk. What was decoded from it on is counted with what is before.
    /// - Returns: Whether it went.
    mutating func dropLastInsideBlock() -> Bool {
        guard points.count > 1, let last = points.last, last.snapshot != nil else { return false }
        points.removeLast()
        points[points.count - 1].extend(by: last.checksum, byteCount: last.decodedByteCount)
        share.giveBack(last.byteCount)
        return true
    }

    private func hasRoom(for point: GzipRestartPoint) -> Bool {
        let kept = share.takenByteCount
        return points.count < Self.maximumPointCount && kept + point.byteCount <= limit
    }

    /// Most that the points may take now, in bytes.
    private var limit: UInt64 { min(Self.maximumByteCount, (share.takenByteCount + share.freeByteCount) / 4) }

    private mutating func thinOut() {
        let before = points.reduce(0) { $0 + $1.byteCount }
        points = Self.halved(points)
        share.giveBack(before - points.reduce(0) { $0 + $1.byteCount })
        doubleSpacing()
    }

    private mutating func doubleSpacing() {
        spacing = spacing > .max / 4 ? spacing : 2 * spacing
    }

    /// Every other point, the first one with them.
    private static func halved(_ points: [GzipRestartPoint]) -> [GzipRestartPoint] {
        merged(points.enumerated().map { ($0.offset.isMultiple(of: 2), $0.element) })
    }

    /// The points that are to be kept, each with the checksum of all up to the next one of them.
    static func merged(_ points: [(isKept: Bool, point: GzipRestartPoint)]) -> [GzipRestartPoint] {
        var kept: [GzipRestartPoint] = []
        for (isKept, point) in points {
            if isKept || kept.isEmpty {
                kept.append(point)
            } else {
                kept[kept.count - 1].extend(by: point.checksum, byteCount: point.decodedByteCount)
            }
        }
        return kept
    }

    /// The point at a stored byte; nil where there is none.
    func point(at inputOffset: UInt64) -> GzipRestartPoint? {
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low + high) / 2
            if points[middle].inputOffset < inputOffset { low = middle + 1 } else { high = middle }
        }
        return low < points.count && points[low].inputOffset == inputOffset ? points[low] : nil
    }
}
