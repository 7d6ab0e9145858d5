// A GUID partition table: where it is, and which of its two copies is read.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A GPT whose checksums are right.
/// Spec: UEFI 2.10, 5.3 "GUID Partition Table (GPT) Disk Layout".
struct GUIDPartitionTable {
    let sectorByteCount: UInt64
    /// Ascending by number.
    let partitions: [Partition]

    /// The table of `disk`, with sectors of one of `sizes` in bytes: the primary, else its copy at the disk's end or where
    /// the primary says; nil where none is sound. What is wrong is noted.
    /// - Throws: only what is about this reader, and not about the disk.
    static func find(
        on disk: any ByteSource, _ sizes: [UInt64], _ notes: inout PartitionNotes
    ) throws(ReadError) -> GUIDPartitionTable? {
        var refusals: [String] = []
        var unmarked: [UInt64] = []
        for size in sizes where disk.byteCount / size > 1 {
            switch try GUIDPartitionTableHeader.read(at: 1, of: disk, size) {
            case .success(let header):
                return GUIDPartitionTable(header, of: disk, size, &notes)
            case .failure(let refusal):
                // Without its mark, this may be a disk with sectors of another size.
                guard refusal.hasMark else {
                    unmarked.append(size)
                    continue
                }
                refusals.append("the GPT is damaged: \(refusal.reason)")
                if let table = try copy(
                    on: disk, size, namedPlace: refusal.alternateSector, &refusals, &notes)
                {
                    return table
                }
            }
        }
        for size in unmarked {
            if let table = try copy(on: disk, size, namedPlace: nil, &refusals, &notes) { return table }
        }
        if refusals.isEmpty { refusals = ["the MBR announces a GPT, and there is none"] }
        for refusal in refusals { notes.add(.damaged, refusal) }
        return nil
    }

    /// The copy in the last sector, or in `namedPlace`.
    private static func copy(
        on disk: any ByteSource, _ size: UInt64, namedPlace: UInt64?, _ refusals: inout [String],
        _ notes: inout PartitionNotes
    ) throws(ReadError) -> GUIDPartitionTable? {
        let sectorCount = disk.byteCount / size
        var places = [sectorCount - 1]
        if let namedPlace, namedPlace < sectorCount, namedPlace != places[0] { places.append(namedPlace) }
        for place in places where place > 1 {
            switch try GUIDPartitionTableHeader.read(at: place, of: disk, size) {
            case .success(let header):
                for refusal in refusals.isEmpty ? ["the GPT at sector 1 is missing"] : refusals {
                    notes.add(.damaged, refusal)
                }
                notes.add(.damaged, "the GPT's copy at sector \(place) is used")
                return GUIDPartitionTable(header, of: disk, size, &notes)
            case .failure(let refusal):
                guard refusal.hasMark else { continue }
                refusals.append("the GPT's copy at sector \(place) is damaged: \(refusal.reason)")
            }
        }
        return nil
    }

    /// The entries that are in use and on the disk.
    private init(
        _ header: GUIDPartitionTableHeader, of disk: any ByteSource, _ size: UInt64,
        _ notes: inout PartitionNotes
    ) {
        sectorByteCount = size
        var found: [Partition] = []
        for index in 0..<header.entryCount {
            guard let entry = header.entry(index) else { continue }
            do throws(Partition.Absence) {
                found.append(
                    try Partition(
                        number: index + 1, start: entry.first, sectorCount: entry.sectorCount,
                        sectorByteCount: size, diskByteCount: disk.byteCount, type: .gpt(entry.type),
                        name: entry.name, identifier: entry.identifier.description))
            } catch {
                notes.add(error, ofPartition: index + 1)
            }
        }
        partitions = found
    }
}
