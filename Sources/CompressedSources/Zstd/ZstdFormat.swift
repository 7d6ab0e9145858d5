// zstd files: their frames are the units.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

struct ZstdFormat: UnitFormat {
    let unitName = "zstd frame"
    let unitsPerByte: UInt64 = 1

    /// What a decoder takes beside its window, in bytes.
    private static let spareByteCount: UInt64 = 1 << 20

    /// Opens a zstd file by its seek table, or by the lengths of its frames. Frames that do not say how long they are when
    /// decoded are decoded once.
    static func open(
        _ base: any ByteSource, named name: String, in context: CompressedSource.Context, stored: StoredIndex?
    ) throws(ReadError) -> UnitSource {
        let format = ZstdFormat()
        let share = BudgetShare(of: context.budget)
        if let known = try stored?.table(share: share, within: context.maximumByteCount) {
            return try UnitSource(
                base, named: name, as: format, units: known.table, tableShare: share, checked: known.checked,
                in: context, keeper: stored?.keeper(of: known.table))
        }
        var (units, leftOutByteCount) = try units(of: base, named: name, share: share, in: context)
        let unknown = units.indices.filter {
            units[$0].decodedByteCount == CompressedUnit.unknownByteCount
        }
        let outcome = try SizingPass.run(
            on: unknown.map { units[$0] }, of: base, named: name, as: format, in: context)
        // Where it is not known how long a frame is, nothing behind it has a place.
        if let first = outcome.failures.keys.min(), let error = outcome.failures[first] { throw error }
        for (index, byteCount) in zip(unknown, outcome.byteCounts) {
            units[index] = CompressedUnit(stored: units[index].stored, decodedByteCount: byteCount ?? 0)
        }
        var table = UnitTable()
        for unit in units { try table.add(unit, in: name) }
        var checked = CheckedUnits(count: table.units.count)
        let places = Set(unknown.map { units[$0].stored.lowerBound })
        for (index, unit) in table.units.enumerated() where places.contains(unit.stored.lowerBound) {
            checked.insert(index)
        }
        let saved = leftOutByteCount == 0 ? stored : nil
        if !unknown.isEmpty { saved?.save(table, checked: checked) }
        return try UnitSource(
            base, named: name, as: format, units: table, tableShare: share, checked: checked, in: context,
            leftOutByteCount: leftOutByteCount, keeper: saved?.keeper(of: table))
    }

    private static func units(
        of base: any ByteSource, named name: String, share: BudgetShare, in context: CompressedSource.Context
    ) throws(ReadError) -> (units: [CompressedUnit], leftOutByteCount: UInt64) {
        if let table = try ZstdSeekTable.read(of: base, named: name, share: share) {
            // Those whose lengths nothing else vouches for: of two there is none that the first has to be like.
            let doubtful = table.units.count > 2 ? table.units.suffix(1) : table.units[...]
            let outcome = try SizingPass.run(
                on: doubtful.map(\.withoutLength), of: base, named: name, as: ZstdFormat(), in: context)
            if outcome.byteCounts == doubtful.map(\.decodedByteCount) { return (table.units, 0) }
        }
        var scan = ZstdScan(base, named: name, share: share)
        try scan.run(lenient: context.isLenient)
        return (scan.vouchedUnits, scan.leftOutByteCount)
    }

    /// - Throws: `ReadError.unsupported` for what is not decoded.
    static func check(_ header: ZstdFrameHeader, named name: String) throws(ReadError) {
        guard header.dictionary == 0 else {
            throw .unsupported(feature: "\(name) was compressed with a dictionary")
        }
        let largest = ZstdStreamDecoder.largestWindowByteCount
        guard header.windowByteCount <= largest else {
            throw .unsupported(
                feature: "\(name) has a zstd frame with a window of \(header.windowByteCount) bytes; "
                    + "at most \(largest) are decoded with")
        }
    }

    func decoding(
        of unit: CompressedUnit, in base: any ByteSource, named name: String
    ) throws(ReadError) -> UnitDecoding {
        let start = unit.stored.lowerBound
        let count = min(UInt64(ZstdFrameHeader.largestByteCount), unit.stored.upperBound - start)
        let head = try base.bytes(Int(count), at: start)
        func corrupt(_ reason: String) -> ReadError {
            .corrupt(record: "\(name), zstd frame", offset: start, reason: reason)
        }
        guard let header = try ZstdFrameHeader(head[...], record: name, at: start) else {
            throw corrupt("there is no zstd frame where one is said to be")
        }
        try Self.check(header, named: name)
        if let content = header.contentByteCount, unit.decodedByteCount != CompressedUnit.unknownByteCount,
            content != unit.decodedByteCount
        {
            throw corrupt("its header says \(content) bytes, the seek table \(unit.decodedByteCount)")
        }
        return UnitDecoding(
            stream: DecoderStream(ZstdStreamDecoder(), of: RangeInput(unit.stored, of: base)),
            byteCount: min(header.windowByteCount, unit.decodedByteCount) + Self.spareByteCount
                + RangeInput.pieceByteCount,
            hasChecksum: header.hasChecksum || unit.kind == 1,
            digest: unit.kind == 1 ? SeekTableDigest(expecting: unit.checksum) : nil)
    }
}
