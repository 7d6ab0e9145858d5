// Builds COWD extents.
// SPDX-License-Identifier: Apache-2.0

/// A COWD extent, whose tables have 4,096 entries each.
package struct COWDBuilder: Sendable {
    package var grains: [GrainContent]
    package var sectorsPerGrain = 1
    /// The extent's length in sectors; what the grains need where it is not given.
    package var capacity: Int?
    package var version: UInt32 = 1
    package var isUnclean = false
    /// Entries of the directory beyond those that are needed.
    package var spareEntryCount = 3
    package var order: [Int]?

    package static let entriesPerTable = 4_096
    private static let directorySector = 4

    package init(_ grains: [GrainContent]) {
        self.grains = grains
    }

    package func build() -> BuiltImage {
        let capacity = capacity ?? grains.count * sectorsPerGrain
        let grainByteCount = sectorsPerGrain * 512
        let tableCount = (grains.count + Self.entriesPerTable - 1) / Self.entriesPerTable
        var places = BuiltImage.Places()
        places.directory = Self.directorySector * 512
        var bytes = [UInt8](repeating: 0, count: places.directory + (tableCount + spareEntryCount) * 4)
        bytes.padToSector()
        var guest = [UInt8](repeating: 0, count: capacity * 512)
        for table in 0..<tableCount {
            let first = table * Self.entriesPerTable
            let used = grains[first..<min(first + Self.entriesPerTable, grains.count)]
            guard used.contains(where: { $0 != .absent }) else { continue }
            places.tables[table] = bytes.count
            bytes.put(UInt32(bytes.count / 512), at: places.directory + table * 4)
            bytes.append(contentsOf: repeatElement(0, count: Self.entriesPerTable * 4))
        }
        for index in order ?? Array(grains.indices) {
            guard let table = places.tables[index / Self.entriesPerTable] else { continue }
            let entry = table + index % Self.entriesPerTable * 4
            if grains[index] == .zeros { bytes.put(UInt32(1), at: entry) }
            guard let data = grains[index].bytes(ofGrain: index, byteCount: grainByteCount) else { continue }
            bytes.put(UInt32(bytes.count / 512), at: entry)
            places.grains[index] = bytes.count
            places.storedByteCounts[index] = data.count
            bytes += data
            let start = index * grainByteCount
            guest.put(data.prefix(guest.count - start), at: start)
        }
        bytes.put(Array("COWD".utf8), at: 0)
        let fields: [UInt32] = [
            version, 3, UInt32(capacity), UInt32(sectorsPerGrain), UInt32(Self.directorySector),
            UInt32(tableCount + spareEntryCount), UInt32(bytes.count / 512),
        ]
        for (index, field) in fields.enumerated() { bytes.put(field, at: 4 + index * 4) }
        bytes.put(UInt32(isUnclean ? 1 : 0), at: 1_648)
        return BuiltImage(
            bytes: bytes, guest: guest, grainByteCount: grainByteCount, entriesPerTable: Self.entriesPerTable,
            places: places)
    }
}

extension COWDBuilder {
    /// The same with `change`.
    package func with(_ change: (inout COWDBuilder) -> Void) -> COWDBuilder {
        var result = self
        change(&result)
        return result
    }
}
