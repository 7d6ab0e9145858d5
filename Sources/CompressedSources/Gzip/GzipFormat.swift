// gzip files: what lies between two restart points is a unit.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// A gzip file, several members one after the other being one content, as gzip(1) has it; zeros after a member are
/// left out, and other bytes there are damage.
///
/// Opening decodes the file once: its length is stored modulo 2^32 only and can be forged, so nothing less says
/// how long the content is. On the way its checksums are checked, restart points are noted, and what lies between them gets
/// checksums of its own.
struct GzipFormat: UnitFormat {
    let unitName = "gzip stretch"
    let unitsPerByte: UInt64 = 1

    private let index: GzipIndex

    /// Decodes `base` once, or takes the restart points that were kept of it.
    /// - Throws: `ReadError.corrupt` where it ends early, or a checksum is wrong; `ReadError.refused` where bytes follow
    ///   that are neither a member nor zeros, unless the context leaves them out; `ReadError.unsupported` where it decodes
    ///   to more than the context allows.
    static func open(
        _ base: any ByteSource, named name: String, in context: CompressedSource.Context, stored: StoredIndex?
    ) throws(ReadError) -> UnitSource {
        if let known = stored?.gzipIndex() {
            let source = try source(over: base, named: name, known, in: context)
            guard source.byteCount <= context.maximumByteCount else {
                throw .tooLong(name, context.maximumByteCount)
            }
            return source
        }
        let progress = context.progress?.begin(name, of: base.byteCount)
        defer { progress?.end() }
        var scan = try GzipScan(
            base, maximumByteCount: context.maximumByteCount, named: name, lenient: context.isLenient,
            budget: context.budget, progress: progress)
        try scan.run()
        let leftOut = base.byteCount - min(base.byteCount, scan.cursor.inputOffset)
        if leftOut == 0 { stored?.save(scan.index) }
        return try source(
            over: base, named: name, scan.index, in: context, isChecked: true, leftOutByteCount: leftOut)
    }

    private static func source(
        over base: any ByteSource, named name: String, _ index: GzipIndex,
        in context: CompressedSource.Context, isChecked: Bool = false, leftOutByteCount: UInt64 = 0
    ) throws(ReadError) -> UnitSource {
        let share = BudgetShare(of: context.budget)
        try share.take(
            UInt64(index.points.count), times: UnitTable.entryByteCount, for: "restart points of \(name)")
        var table = UnitTable()
        var end = base.byteCount
        var units: [CompressedUnit] = []
        // What holds nothing is a part of what is before it.
        for point in index.points.reversed() where point.decodedByteCount > 0 {
            units.append(
                CompressedUnit(
                    stored: point.inputOffset..<max(point.inputOffset + 1, end),
                    decodedByteCount: point.decodedByteCount, checksum: point.checksum))
            end = point.inputOffset
        }
        for unit in units.reversed() { try table.add(unit, in: name) }
        var checked = CheckedUnits(count: table.units.count)
        if isChecked { checked.insertAll() }
        return try UnitSource(
            base, named: name, as: GzipFormat(index: index), units: table, tableShare: share,
            checked: checked, in: context, leftOutByteCount: leftOutByteCount)
    }

    func decoding(
        of unit: CompressedUnit, in base: any ByteSource, named name: String
    ) throws(ReadError) -> UnitDecoding {
        guard let point = index.point(at: unit.stored.lowerBound) else {
            throw .corrupt(record: name, offset: unit.stored.lowerBound, reason: "there is no restart point")
        }
        return UnitDecoding(
            stream: GzipStretch(unit, from: point, of: base, named: name), byteCount: GzipCursor.byteCount,
            hasChecksum: true, digest: GzipStretchDigest(expecting: unit.checksum))
    }
}
