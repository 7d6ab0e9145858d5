// Builds partition tables, the usual and the unusual.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

package enum PartitionTableBuilder {
    /// A boot record with entries (type, first sector, sectors) from the first slot on.
    package static func bootRecord(
        _ entries: [(type: UInt8, start: UInt32, count: UInt32)], signature: UInt32 = 0
    ) -> [UInt8] {
        var record = [UInt8](repeating: 0, count: 512)
        record.put(signature, at: 440)
        for (index, entry) in entries.enumerated() {
            let place = 446 + 16 * index
            record[place + 4] = entry.type
            record.put(entry.start, at: place + 8)
            record.put(entry.count, at: place + 12)
        }
        record[510] = 0x55
        record[511] = 0xaa
        return record
    }

    /// What a GPT lists.
    package struct Entry: Sendable {
        package var type = [UInt8](1...16)
        package var identifier = [UInt8](17...32)
        /// The first and the last sector.
        package var first: UInt64
        package var last: UInt64
        package var name = ""

        package init(_ first: UInt64, _ last: UInt64, name: String = "") {
            self.first = first
            self.last = last
            self.name = name
        }
    }

    /// A GPT, described by what makes it different from that of any program.
    package struct GPT: Sendable {
        package var sectorByteCount = 512
        package var entries: [Entry]
        package var entryByteCount = 128
        /// How many there are room for.
        package var entryCount = 128
        package var revision: UInt32 = 0x0001_0000
        package var headerByteCount = 92
        package var hasPrimary = true
        package var hasCopy = true
        /// Where the primary says that its copy is; in the last sector where it is not given.
        package var copySector: UInt64?
        /// Added to the sector that each header says it is in.
        package var placeError: UInt64 = 0

        package init(_ entries: [Entry]) {
            self.entries = entries
        }

        /// Writes protective MBR, table and copy onto `disk`.
        package func write(onto disk: inout [UInt8]) {
            let sectorCount = UInt64(disk.count / sectorByteCount)
            let copy = copySector ?? sectorCount - 1
            let tableSectors = UInt64((entryCount * entryByteCount + sectorByteCount - 1) / sectorByteCount)
            disk.put(bootRecord([(0xee, 1, 0xffff_ffff)]), at: 0)
            if hasPrimary { write(at: 1, other: copy, table: 2, onto: &disk) }
            if hasCopy { write(at: copy, other: 1, table: copy - tableSectors, onto: &disk) }
        }

        private func write(at sector: UInt64, other: UInt64, table: UInt64, onto disk: inout [UInt8]) {
            var bytes = [UInt8](repeating: 0, count: entryCount * entryByteCount)
            for (index, entry) in entries.enumerated() {
                let place = index * entryByteCount
                bytes.put(entry.type, at: place)
                bytes.put(entry.identifier, at: place + 16)
                bytes.put(entry.first, at: place + 32)
                bytes.put(entry.last, at: place + 40)
                for (position, unit) in entry.name.utf16.enumerated() {
                    bytes.put(unit, at: place + 56 + 2 * position)
                }
            }
            var header = Array("EFI PART".utf8) + [UInt8](repeating: 0, count: max(92, headerByteCount) - 8)
            header.put(revision, at: 8)
            header.put(UInt32(headerByteCount), at: 12)
            header.put(sector + placeError, at: 24)
            header.put(other, at: 32)
            header.put(table, at: 72)
            header.put(UInt32(entryCount), at: 80)
            header.put(UInt32(entryByteCount), at: 84)
            header.put(CyclicRedundancyCheck.ieee.checksum(of: bytes), at: 88)
            header.put(
                CyclicRedundancyCheck.ieee.checksum(of: Array(header.prefix(headerByteCount))), at: 16)
            disk.put(header, at: Int(sector) * sectorByteCount)
            disk.put(bytes, at: Int(table) * sectorByteCount)
        }
    }
}
