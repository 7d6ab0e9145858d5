// bzip2 files: their blocks are the units.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

struct Bzip2Format: UnitFormat {
    let unitName = "bzip2 block"
    let unitsPerByte: UInt64 = 8

    /// Opens a bzip2 file: all of it is decoded once, since nothing says how long a block is when decoded.
    static func open(
        _ base: any ByteSource, named name: String, in context: CompressedSource.Context, stored: StoredIndex?
    ) throws(ReadError) -> UnitSource {
        let share = BudgetShare(of: context.budget)
        if let known = try stored?.table(share: share, within: context.maximumByteCount) {
            return try UnitSource(
                base, named: name, as: Bzip2Format(), units: known.table, tableShare: share,
                checked: known.checked, in: context)
        }
        let layout = try Bzip2Layout.read(base, named: name, share: share, in: context)
        guard layout.isWhole || context.isLenient else {
            throw .refused(
                record: name, offset: layout.endOffset,
                reason: "what follows the last bzip2 stream is not another one", remedy: .lenient)
        }
        var checked = CheckedUnits(count: layout.table.units.count)
        checked.insertAll()
        if layout.isWhole { stored?.save(layout.table, checked: checked) }
        return try UnitSource(
            base, named: name, as: Bzip2Format(), units: layout.table, tableShare: share, checked: checked,
            in: context, leftOutByteCount: layout.isWhole ? 0 : base.byteCount - layout.endOffset)
    }

    func decoding(
        of unit: CompressedUnit, in base: any ByteSource, named name: String
    ) throws(ReadError) -> UnitDecoding {
        let input = try Bzip2BlockInput(unit.stored, of: base, level: unit.kind, named: name)
        return UnitDecoding(
            stream: DecoderStream(Bzip2Decoder(), of: input),
            byteCount: Bzip2Decoder.byteCount + 2 * RangeInput.pieceByteCount, hasChecksum: true)
    }
}
