// A part of another source: a member of a tar, a partition, an extent.
// SPDX-License-Identifier: Apache-2.0

/// Bytes `start ..< start + byteCount` of another source, read as a source of their own.
package struct SubrangeSource: ByteSource {
    private var base: any ByteSource
    private let start: UInt64
    package let byteCount: UInt64
    /// What errors call this part, such as a member's name.
    private let name: String

    /// - Throws: `ReadError.corrupt` where the part is not inside `base`.
    package init(
        of base: any ByteSource, from start: UInt64, byteCount: UInt64, named name: String
    ) throws(ReadError) {
        guard start <= base.byteCount, byteCount <= base.byteCount - start else {
            throw .corrupt(
                record: name, offset: start,
                reason: "\(byteCount) bytes from here, and the source ends at byte \(base.byteCount)")
        }
        self.base = base
        self.start = start
        self.byteCount = byteCount
        self.name = name
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try base.read(count, at: start + offset, into: &output)
    }

    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try base.gather(count, at: start + offset, into: list)
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        let clamped = range.clamped(to: 0..<byteCount)
        return try base.firstOffset(
            of: region, in: (start + clamped.lowerBound)..<(start + clamped.upperBound)
        ).map { $0 - start }
    }

    package func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        let clamped = range.clamped(to: 0..<byteCount)
        let found = try base.searchStep(
            for: region, in: (start + clamped.lowerBound)..<(start + clamped.upperBound))
        return switch found {
        case .found(let position): .found(at: position - start)
        case .unfinished(let position): .unfinished(at: position - start)
        case .absent: .absent
        }
    }

    package func prepare(_ range: Range<UInt64>) {
        let clamped = range.clamped(to: 0..<byteCount)
        guard !clamped.isEmpty else { return }
        base.prepare((start + clamped.lowerBound)..<(start + clamped.upperBound))
    }

    package func isAtHand(_ range: Range<UInt64>) -> Bool {
        let clamped = range.clamped(to: 0..<byteCount)
        return clamped.isEmpty || base.isAtHand((start + clamped.lowerBound)..<(start + clamped.upperBound))
    }

    package var arrivesInOrder: Bool { base.arrivesInOrder }

    package var isProvisional: Bool { base.isProvisional }

    package func keptBytes(_ count: Int, at offset: UInt64) -> [UInt8]? {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else { return nil }
        return base.keptBytes(count, at: start + offset)
    }

    package var withoutReadAhead: any ByteSource {
        var copy = self
        copy.base = base.withoutReadAhead
        return copy
    }

    package func validate() throws(ReadError) {
        try base.validate(start..<(start + byteCount))
    }

    package func validate(_ range: Range<UInt64>) throws(ReadError) {
        let clamped = range.clamped(to: 0..<byteCount)
        try base.validate((start + clamped.lowerBound)..<(start + clamped.upperBound))
    }

    package var isNear: Bool { base.isNear }

    package var versionMark: VersionMark? { base.versionMark?.part(from: start, byteCount: byteCount) }
}
