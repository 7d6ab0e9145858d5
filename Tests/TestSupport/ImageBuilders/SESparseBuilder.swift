// Builds seSparse extents.
// SPDX-License-Identifier: Apache-2.0

/// A seSparse extent: grains of 4 KiB, tables of 4,096 entries of 8 bytes.
package struct SESparseBuilder: Sendable {
    package var grains: [GrainContent]
    /// The extent's length in sectors; what the grains need where it is not given.
    package var capacity: Int?
    package var order: [Int]?
    /// The number of the first grain that is used in the file: from 4,096 on, the lowest bits count.
    package var firstGrain: UInt64 = 0
    /// Tables in the file that the directory does not name, before the others.
    package var unusedTableCount = 1

    package static let entriesPerTable = 4_096
    package static let grainByteCount = 4_096
    private static let tableByteCount = 32_768
    private static let volatileSector = 1
    private static let directorySector = 2

    package init(_ grains: [GrainContent]) {
        self.grains = grains
    }

    /// The entry for grain `number` of the file.
    package static func entry(ofGrain number: UInt64) -> UInt64 {
        0x3000_0000_0000_0000 | (number & 0xfff) << 48 | number >> 12
    }

    package func build() -> BuiltImage {
        let capacity = capacity ?? grains.count * 8
        let tableCount = (grains.count + Self.entriesPerTable - 1) / Self.entriesPerTable
        let directorySectors = (tableCount * 8 + 511) / 512
        let tablesSector = Self.directorySector + directorySectors
        var places = BuiltImage.Places()
        places.directory = Self.directorySector * 512
        var bytes = [UInt8](
            repeating: 0, count: tablesSector * 512 + (tableCount + unusedTableCount) * Self.tableByteCount)
        let grainsSector = bytes.count / 512
        bytes.append(contentsOf: repeatElement(0xee, count: Int(firstGrain) * Self.grainByteCount))
        var guest = [UInt8](repeating: 0, count: capacity * 512)
        for table in 0..<tableCount {
            let first = table * Self.entriesPerTable
            let used = grains[first..<min(first + Self.entriesPerTable, grains.count)]
            guard used.contains(where: { $0 != .absent }) else { continue }
            let number = table + unusedTableCount
            places.tables[table] = tablesSector * 512 + number * Self.tableByteCount
            bytes.put(0x1000_0000_0000_0000 | UInt64(number), at: places.directory + table * 8)
        }
        for index in order ?? Array(grains.indices) {
            guard let table = places.tables[index / Self.entriesPerTable] else { continue }
            let entry = table + index % Self.entriesPerTable * 8
            // Both kinds of zeros in turn: given back, and zeroed.
            if grains[index] == .zeros { bytes.put(UInt64(1 + index % 2) << 60, at: entry) }
            guard let data = grains[index].bytes(ofGrain: index, byteCount: Self.grainByteCount) else {
                continue
            }
            let number = UInt64((bytes.count / 512 - grainsSector) / 8)
            bytes.put(Self.entry(ofGrain: number), at: entry)
            places.grains[index] = bytes.count
            places.storedByteCounts[index] = data.count
            bytes += data
            let start = index * Self.grainByteCount
            guest.put(data.prefix(guest.count - start), at: start)
        }
        let fields: [(Int, UInt64)] = [
            (0, 0xcafe_babe), (8, 0x2_0000_0001), (16, UInt64(capacity)), (24, 8), (32, 64), (40, 0),
            (80, UInt64(Self.volatileSector)), (88, 1), (128, UInt64(Self.directorySector)),
            (136, UInt64(directorySectors)), (144, UInt64(tablesSector)),
            (152, UInt64((tableCount + unusedTableCount) * 64)), (192, UInt64(grainsSector)),
            (512, 0xcafe_cafe),
        ]
        for (offset, value) in fields { bytes.put(value, at: offset) }
        return BuiltImage(
            bytes: bytes, guest: guest, grainByteCount: Self.grainByteCount,
            entriesPerTable: Self.entriesPerTable, places: places)
    }
}

extension SESparseBuilder {
    /// The same with `change`.
    package func with(_ change: (inout SESparseBuilder) -> Void) -> SESparseBuilder {
        var result = self
        change(&result)
        return result
    }
}
