// Builds monolithicSparse VMDK images.
// SPDX-License-Identifier: Apache-2.0

/// A monolithicSparse image: header, descriptor, redundant directory and tables, directory and tables, grains.
package struct MonolithicSparseBuilder: Sendable {
    package var version: UInt32 = 1
    package var grainSizeInSectors = 16
    package var entriesPerTable = 512
    /// In sectors; what the grains need where it is not given.
    package var capacityInSectors: Int?
    package var grains: [GrainContent]
    /// The order in which grains are stored; theirs where it is not given.
    package var order: [Int]?
    package var hasRedundantDirectory = true
    /// Whether a last grain that the disk does not fill is stored whole all the same.
    package var fillsLastGrain = true
    package var descriptor: String?

    package init(_ grains: [GrainContent]) {
        self.grains = grains
    }

    package func build() -> BuiltImage {
        let capacity = capacityInSectors ?? grains.count * grainSizeInSectors
        let grainByteCount = grainSizeInSectors * 512
        let tableCount = (grains.count + entriesPerTable - 1) / entriesPerTable
        let tableSectors = (entriesPerTable * 4 + 511) / 512
        let directorySectors = (tableCount * 4 + 511) / 512
        var places = BuiltImage.Places()
        var guest = [UInt8](repeating: 0, count: capacity * 512)
        let descriptor =
            descriptor
            ?? SparseExtentFields.descriptor(createType: "monolithicSparse", capacity: UInt64(capacity))
        var bytes = [UInt8](repeating: 0, count: 512 * 5)
        bytes.put(descriptor.utf8, at: 512)

        /// Appends a directory and its tables; the tables' places.
        func appendMap() -> (directory: Int, tables: [Int]) {
            let directory = bytes.count
            let firstTable = directory + directorySectors * 512
            bytes.append(
                contentsOf: repeatElement(0, count: 512 * (directorySectors + tableCount * tableSectors)))
            let tables = (0..<tableCount).map { firstTable + $0 * tableSectors * 512 }
            for (table, place) in tables.enumerated() {
                bytes.put(UInt32(place / 512), at: directory + table * 4)
            }
            return (directory, tables)
        }
        var redundant: (directory: Int, tables: [Int])?
        if hasRedundantDirectory { redundant = appendMap() }
        let map = appendMap()
        places.directory = map.directory
        places.redundantDirectory = redundant?.directory
        for (table, place) in map.tables.enumerated() { places.tables[table] = place }
        for (table, place) in (redundant?.tables ?? []).enumerated() { places.redundantTables[table] = place }
        let overhead = bytes.count / 512

        for index in order ?? Array(grains.indices) {
            var entry: UInt32 = grains[index] == .zeros ? 1 : 0
            let room = capacity * 512 - index * grainByteCount
            if let data = grains[index].bytes(ofGrain: index, byteCount: min(grainByteCount, room)) {
                guest.put(data, at: index * grainByteCount)
                entry = UInt32(bytes.count / 512)
                places.grains[index] = bytes.count
                places.storedByteCounts[index] = data.count
                bytes += data
                if fillsLastGrain {
                    bytes.append(contentsOf: repeatElement(0, count: grainByteCount - data.count))
                }
            }
            for tables in [map.tables, redundant?.tables].compactMap(\.self) {
                bytes.put(entry, at: tables[index / entriesPerTable] + index % entriesPerTable * 4)
            }
        }
        let header = SparseExtentFields(
            version: version, flags: hasRedundantDirectory ? 3 : 1, capacity: UInt64(capacity),
            grainSize: UInt64(grainSizeInSectors), descriptorOffset: 1, descriptorSize: 4,
            entriesPerTable: UInt32(entriesPerTable),
            redundantDirectoryOffset: UInt64((redundant?.directory ?? 0) / 512),
            directoryOffset: UInt64(map.directory / 512), overhead: UInt64(overhead), algorithm: 0)
        bytes.put(header.bytes, at: 0)
        return BuiltImage(
            bytes: bytes, guest: guest, grainByteCount: grainByteCount, entriesPerTable: entriesPerTable,
            places: places)
    }
}
