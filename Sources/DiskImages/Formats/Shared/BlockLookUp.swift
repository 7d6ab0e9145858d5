// What the entry of a block says, and what is wrong with it by itself.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A table and the rules for the places that it names: all of a map but what comparing the blocks shows.
struct BlockLookUp<Format: BlockFormat>: Sendable {
    let format: Format
    let table: EntryTable
    let geometry: BlockGeometry
    let rules: PlaceRules

    /// The entry of `block`; nil where the file ends before it.
    func entry(of block: UInt64) throws(ReadError) -> UInt64? {
        let index = format.entryIndex(ofBlock: block)
        return index < table.presentEntryCount ? try table.entry(index) : nil
    }

    /// Where a block's place starts, unless the entry is wrong by itself: it takes no place away from others then.
    func soundPlace(of block: UInt64) throws(ReadError) -> UInt64? {
        guard let entry = try entry(of: block),
            case .stored(let start) = format.meaning(of: entry, block: block),
            start < rules.fileByteCount, problem(of: block, at: start) == nil
        else { return nil }
        return start
    }

    /// What is wrong with the place of `block`, as far as it is in the file.
    func problem(of block: UInt64, at start: UInt64) -> PlaceRules.Problem? {
        // What lies behind the file's end is not on anything.
        let inFile = rules.fileByteCount - min(start, rules.fileByteCount)
        return rules.problem(at: start, byteCount: min(geometry.neededByteCount(of: block), inFile))
    }

    /// Guest bytes of blocks that are stored, or damaged, and the first byte of a file that would have all of their places.
    func contents() throws(ReadError) -> (allocatedByteCount: UInt64, placesEnd: UInt64) {
        var count: UInt64 = 0
        var end: UInt64 = 0
        for block in 0..<geometry.blockCount {
            guard let entry = try entry(of: block) else {
                count += geometry.virtualByteCount - geometry.guestRange(of: block).lowerBound
                break
            }
            let meaning = format.meaning(of: entry, block: block)
            switch meaning {
            case .absent, .zeros: break
            case .stored, .invalid:
                let guest = geometry.guestRange(of: block)
                count += guest.upperBound - guest.lowerBound
            }
            guard case .stored(let start) = meaning else { continue }
            let (placeEnd, overflow) = start.addingReportingOverflow(geometry.neededByteCount(of: block))
            if !overflow { end = max(end, placeEnd) }
        }
        return (count, end)
    }
}
