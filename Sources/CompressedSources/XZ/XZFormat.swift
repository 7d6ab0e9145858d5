// xz files: their blocks are the units.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs
import Glibc

struct XZFormat: UnitFormat {
    let unitName = "xz block"
    let unitsPerByte: UInt64 = 1

    /// The largest dictionary that is decoded with, in bytes: 128 MiB.
    private static let largestDictionaryByteCount: UInt64 = 128 << 20
    /// What a decoder takes beside its dictionary, at least, in bytes.
    private static let spareByteCount: UInt64 = 512 << 10

    /// Opens an xz file by its index; nothing is decoded yet.
    static func open(
        _ base: any ByteSource, named name: String, in context: CompressedSource.Context, stored: StoredIndex?
    ) throws(ReadError) -> UnitSource {
        let share = BudgetShare(of: context.budget)
        let (table, leftOutByteCount) = try XZIndex.units(
            of: base, named: name, share: share, lenient: context.isLenient)
        // Nothing is kept of a file of which something is left out.
        let stored = leftOutByteCount == 0 ? stored : nil
        return try UnitSource(
            base, named: name, as: XZFormat(), units: table, tableShare: share,
            checked: stored?.checkedUnits(of: table, share: share), in: context,
            leftOutByteCount: leftOutByteCount, keeper: stored?.keeper(of: table))
    }

    func decoding(
        of unit: CompressedUnit, in base: any ByteSource, named name: String
    ) throws(ReadError) -> UnitDecoding {
        let record = "\(name), xz block"
        let start = unit.stored.lowerBound
        func corrupt(_ reason: String) -> ReadError {
            .corrupt(record: record, offset: start, reason: reason)
        }
        // Its first byte says how long the header is.
        let head = try base.bytes(
            Int(min(UInt64(XZBlockDecoder.largestHeaderByteCount), base.byteCount - start)), at: start)
        guard let first = head.first, first != 0 else {
            throw corrupt("there is no block where the index says")
        }
        let headerByteCount = XZBlockDecoder.headerByteCount(first: first)
        let storedByteCount = unit.stored.upperBound - start
        guard headerByteCount <= head.count, UInt64(headerByteCount) < storedByteCount else {
            throw corrupt("its header is longer than the block")
        }
        let decoder: XZBlockDecoder
        do throws(XZBlockDecoder.Refusal) {
            decoder = try XZBlockDecoder(
                header: Array(head[..<headerByteCount]), check: unit.kind, unpaddedByteCount: storedByteCount,
                decodedByteCount: unit.decodedByteCount)
        } catch {
            switch error {
            case .damaged: throw corrupt("its header is damaged, or says something else than the index")
            case .unsupported:
                throw .unsupported(feature: "\(name) has a block with filters that are not known")
            case .noMemory: throw .system(call: "lzma_block_header_decode", errno: ENOMEM)
            }
        }
        let dictionary = decoder.dictionaryByteCount
        guard dictionary <= Self.largestDictionaryByteCount else {
            throw .unsupported(
                feature: "\(name) has a block with a dictionary of \(dictionary) bytes; "
                    + "at most \(Self.largestDictionaryByteCount) are decoded with")
        }
        // What stands behind the block is its padding.
        let end = start + (storedByteCount + 3) & ~3
        // No more of a dictionary is touched than there is to decode.
        let touched = min(decoder.decoderByteCount, unit.decodedByteCount &+ Self.spareByteCount)
        let input = RangeInput((start + UInt64(headerByteCount))..<end, of: base)
        return UnitDecoding(
            stream: DecoderStream(decoder, of: input),
            byteCount: touched + RangeInput.pieceByteCount, hasChecksum: unit.kind != 0)
    }
}
