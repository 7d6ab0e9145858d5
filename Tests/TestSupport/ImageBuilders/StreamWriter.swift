// Writes a streamOptimized image from front to back.
// SPDX-License-Identifier: Apache-2.0

/// The state of `StreamOptimizedBuilder` while it writes.
struct StreamWriter {
    private let builder: StreamOptimizedBuilder
    private var bytes: [UInt8] = []
    private var guest: [UInt8]
    private var places = BuiltImage.Places()
    /// By grain number: what its table's entry says.
    private var entries: [UInt32]
    private var header: SparseExtentFields

    init(_ builder: StreamOptimizedBuilder) {
        self.builder = builder
        guest = [UInt8](repeating: 0, count: builder.capacity * 512)
        entries = builder.grains.map { $0 == .zeros ? 1 : 0 }
        header = SparseExtentFields(
            version: builder.version,
            flags: builder.flags | (builder.hasRedundantDirectory ? 2 : 0),
            capacity: UInt64(builder.capacity),
            grainSize: UInt64(builder.grainSizeInSectors),
            descriptorOffset: 1,
            descriptorSize: UInt64(builder.descriptorSizeInSectors),
            entriesPerTable: UInt32(builder.entriesPerTable),
            isUnclean: builder.isUnclean,
            newline: builder.newline,
            algorithm: builder.algorithm)
    }

    /// Header, descriptor, and for a directory at the front the room for it and its tables.
    mutating func writeFront() {
        let descriptor =
            builder.descriptor
            ?? SparseExtentFields.descriptor(
                createType: "streamOptimized", capacity: UInt64(builder.capacity))
        bytes = [UInt8](repeating: 0, count: 512 * (1 + builder.descriptorSizeInSectors))
        bytes.put(descriptor.utf8.prefix(512 * builder.descriptorSizeInSectors), at: 512)
        switch builder.directoryPlace {
        case .footer:
            header.directoryOffset = .max
        case .front:
            if builder.hasRedundantDirectory {
                places.redundantDirectory = bytes.count
                header.redundantDirectoryOffset = UInt64(bytes.count / 512)
                appendZeros(builder.directoryByteCount)
                for table in 0..<builder.tableCount {
                    places.redundantTables[table] = bytes.count
                    appendZeros(builder.tableByteCount)
                }
            }
            places.directory = bytes.count
            header.directoryOffset = UInt64(bytes.count / 512)
            appendZeros(builder.directoryByteCount)
            for table in 0..<builder.tableCount {
                places.tables[table] = bytes.count
                appendZeros(builder.tableByteCount)
            }
        }
        header.overhead = UInt64(bytes.count / 512)
    }

    mutating func writeGrain(_ index: Int) {
        let size = builder.grainByteCount
        let room = guest.count - index * size
        guard room > 0, var data = builder.grains[index].bytes(ofGrain: index, byteCount: min(size, room))
        else {
            return
        }
        guest.put(data, at: index * size)
        if builder.fillsLastGrain { data += [UInt8](repeating: 0, count: size - data.count) }
        let compressed = ZlibCompressor.compress(data, level: builder.level)
        bytes.padToSector()
        places.grains[index] = bytes.count
        entries[index] = UInt32(bytes.count / 512)
        var framing: [UInt8]
        switch builder.framing {
        case .marker:
            framing = [UInt8](repeating: 0, count: 12)
            framing.put(UInt64(index * builder.grainSizeInSectors), at: 0)
            framing.put(UInt32(compressed.count), at: 8)
        case .size:
            framing = [UInt8](repeating: 0, count: 4)
            framing.put(UInt32(compressed.count), at: 0)
        }
        bytes += framing + compressed
        places.storedByteCounts[index] = framing.count + compressed.count
        if builder.padsLastGrain || builder.directoryPlace == .footer { bytes.padToSector() }
    }

    mutating func writeMarker(sectorCount: Int, type: UInt32) {
        if builder.padsLastGrain { bytes.padToSector() }
        var marker = [UInt8](repeating: 0, count: 512)
        marker.put(UInt64(sectorCount), at: 0)
        marker.put(type, at: 12)
        bytes += marker
    }

    /// A table behind its grains; one of zeros is left out.
    mutating func writeTable(_ table: Int) {
        let tableEntries = entriesOfTable(table)
        guard tableEntries.contains(where: { $0 != 0 }) else { return }
        writeMarker(sectorCount: builder.tableByteCount / 512, type: 1)
        places.tables[table] = bytes.count
        appendZeros(builder.tableByteCount)
        putTable(table)
    }

    mutating func fillFrontTables() {
        for table in 0..<builder.tableCount {
            putTable(table)
            putDirectoryEntry(table, in: places.directory, leadingTo: places.tables)
            guard let redundant = places.redundantDirectory else { continue }
            putDirectoryEntry(table, in: redundant, leadingTo: places.redundantTables)
        }
    }

    mutating func writeDirectoryAndFooter() {
        writeMarker(sectorCount: builder.directoryByteCount / 512, type: 2)
        places.directory = bytes.count
        appendZeros(builder.directoryByteCount)
        for table in 0..<builder.tableCount {
            putDirectoryEntry(table, in: places.directory, leadingTo: places.tables)
        }
        writeMarker(sectorCount: 1, type: 3)
        places.footer = bytes.count
        var footer = header
        footer.directoryOffset = UInt64(places.directory / 512)
        bytes += footer.bytes
        if builder.hasEndOfStream { writeMarker(sectorCount: 0, type: 0) }
    }

    mutating func finish() -> BuiltImage {
        bytes.put(header.bytes, at: 0)
        bytes += builder.trailer
        return BuiltImage(
            bytes: bytes, guest: guest, grainByteCount: builder.grainByteCount,
            entriesPerTable: builder.entriesPerTable, places: places)
    }

    private func entriesOfTable(_ table: Int) -> ArraySlice<UInt32> {
        entries.dropFirst(table * builder.entriesPerTable).prefix(builder.entriesPerTable)
    }

    private mutating func putTable(_ table: Int) {
        for start in [places.tables[table], places.redundantTables[table]].compactMap(\.self) {
            for (index, entry) in entriesOfTable(table).enumerated() {
                bytes.put(entry, at: start + index * 4)
            }
        }
    }

    private mutating func putDirectoryEntry(_ table: Int, in directory: Int, leadingTo tables: [Int: Int]) {
        let isStored = entriesOfTable(table).contains { $0 != 0 }
        let sector = isStored ? UInt32((tables[table] ?? 0) / 512) : 0
        bytes.put(sector, at: directory + table * 4)
    }

    private mutating func appendZeros(_ count: Int) {
        bytes.append(contentsOf: repeatElement(0, count: count))
    }
}
