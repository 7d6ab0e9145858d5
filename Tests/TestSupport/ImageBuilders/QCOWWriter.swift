// Writes the parts of a qcow image.
// SPDX-License-Identifier: Apache-2.0

/// An image that is being built.
struct QCOWWriter {
    let builder: QCOWBuilder
    var bytes: [UInt8] = []
    var places = BuiltQCOW.Places()

    init(_ builder: QCOWBuilder) {
        self.builder = builder
    }

    /// A disk's map, as it was written.
    struct Map {
        var firstLevel = 0
        var entryCount = 0
        var tables: [Int: Int] = [:]
        var clusters: [Int: Int] = [:]
        var storedByteCounts: [Int: Int] = [:]
        var guest: [UInt8]
    }

    mutating func image() -> BuiltQCOW {
        let virtualByteCount = builder.virtualByteCount ?? builder.clusters.count * builder.clusterByteCount
        writeHeaderRoom()
        let snapshotTable = writeSnapshotRoom()
        let map = writeDisk(builder.clusters, virtualByteCount, seed: 0)
        places.firstLevel = map.firstLevel
        places.tables = map.tables
        places.clusters = map.clusters
        places.storedByteCounts = map.storedByteCounts
        var guests: [[UInt8]] = []
        for (number, snapshot) in builder.snapshots.enumerated() {
            let byteCount = snapshot.virtualByteCount ?? snapshot.clusters.count * builder.clusterByteCount
            let disk = writeDisk(snapshot.clusters, byteCount, seed: 1_000 * (number + 1))
            places.snapshotFirstLevels.append(disk.firstLevel)
            guests.append(disk.guest)
            let entry = places.snapshotEntries[number]
            bytes.put(UInt64(disk.firstLevel).byteSwapped, at: entry)
            bytes.put(UInt32(disk.entryCount).byteSwapped, at: entry + 8)
        }
        places.snapshotTable = snapshotTable
        writeHeader(map, virtualByteCount)
        if !builder.fillsLastCluster, let last = map.clusters.max(by: { $0.value < $1.value }) {
            let missing = (last.key + 1) * builder.clusterByteCount - virtualByteCount
            if missing > 0 { bytes.removeLast(missing) }
        }
        return BuiltQCOW(
            bytes: bytes, guest: map.guest, snapshotGuests: guests,
            clusterByteCount: builder.clusterByteCount, entryByteCount: builder.entryByteCount,
            entriesPerTable: builder.entriesPerTable, places: places)
    }

    private mutating func writeDisk(
        _ clusters: [QCOWClusterContent], _ virtualByteCount: Int, seed: Int
    ) -> Map {
        let cluster = builder.clusterByteCount
        let tableCount = (max(clusters.count, 1) - 1) / builder.entriesPerTable + 1
        align()
        var map = Map(guest: [UInt8](repeating: 0, count: max(virtualByteCount, clusters.count * cluster)))
        map.firstLevel = bytes.count
        map.entryCount = tableCount
        bytes.append(contentsOf: repeatElement(0, count: tableCount * 8))
        for table in 0..<tableCount {
            let entries = clusters.dropFirst(table * builder.entriesPerTable).prefix(builder.entriesPerTable)
            guard entries.contains(where: { $0 != .absent }) else { continue }
            align()
            map.tables[table] = bytes.count
            bytes.put(word(at: bytes.count), at: map.firstLevel + table * 8)
            bytes.append(contentsOf: repeatElement(0, count: builder.tableByteCount))
        }
        align()
        for (index, content) in clusters.enumerated() {
            guard let table = map.tables[index / builder.entriesPerTable] else { continue }
            write(
                content, index, seed,
                entryAt: table + index % builder.entriesPerTable * builder.entryByteCount,
                &map)
        }
        align()
        map.guest.removeLast(map.guest.count - virtualByteCount)
        return map
    }

    /// A place as tables store it: with the mark of a single reference, but in version 1.
    private func word(at offset: Int) -> UInt64 {
        (UInt64(offset) | (builder.version == 1 ? 0 : 1 << 63)).byteSwapped
    }

    private mutating func write(
        _ content: QCOWClusterContent, _ index: Int, _ seed: Int, entryAt entry: Int, _ map: inout Map
    ) {
        let cluster = builder.clusterByteCount
        func data(_ kind: GrainContent) -> [UInt8] {
            kind.bytes(ofGrain: index + seed, byteCount: cluster) ?? [UInt8](repeating: 0, count: cluster)
        }
        switch content {
        case .absent: break
        case .zeros(let hasPlace):
            precondition(builder.version == 3, "only version 3 has zeros")
            var word: UInt64 = builder.isExtended ? 0 : 1
            if hasPlace {
                align()
                word |= UInt64(bytes.count) | 1 << 63
                bytes += data(.noise)
            }
            bytes.put(word.byteSwapped, at: entry)
            if builder.isExtended { bytes.put((UInt64(UInt32.max) << 32).byteSwapped, at: entry + 8) }
        case .plain(let kind):
            align()
            map.clusters[index] = bytes.count
            map.storedByteCounts[index] = cluster
            map.guest.put(data(kind), at: index * cluster)
            bytes.put(word(at: bytes.count), at: entry)
            if builder.isExtended { bytes.put(UInt64(UInt32.max).byteSwapped, at: entry + 8) }
            bytes += data(kind)
        case .compressed(let kind):
            let compressed = builder.compressor.compress(data(kind), level: builder.level)
            map.clusters[index] = bytes.count
            map.storedByteCounts[index] = compressed.count
            map.guest.put(data(kind), at: index * cluster)
            bytes.put(compressedWord(bytes.count, compressed.count).byteSwapped, at: entry)
            bytes += compressed
        case .subclusters(let stored, let zeros):
            precondition(builder.isExtended, "only extended entries have subclusters")
            writeSubclusters(stored, zeros, index, data(.noise), entryAt: entry, &map)
        }
    }

    private mutating func writeSubclusters(
        _ stored: UInt32, _ zeros: UInt32, _ index: Int, _ data: [UInt8], entryAt entry: Int, _ map: inout Map
    ) {
        bytes.put((UInt64(zeros) << 32 | UInt64(stored)).byteSwapped, at: entry + 8)
        guard stored != 0 else { return }
        align()
        map.clusters[index] = bytes.count
        map.storedByteCounts[index] = data.count
        bytes.put(word(at: bytes.count), at: entry)
        bytes += data
        let part = data.count / 32
        for number in 0..<32 where stored >> UInt32(number) & 1 == 1 {
            map.guest.put(
                data[(number * part)..<((number + 1) * part)], at: index * data.count + number * part)
        }
    }

    private func compressedWord(_ offset: Int, _ byteCount: Int) -> UInt64 {
        let bits = builder.clusterBits
        guard builder.version != 1 else {
            precondition(byteCount < builder.clusterByteCount, "version 1 has no room for the length")
            return 1 << 63 | UInt64(byteCount) << UInt64(63 - bits) | UInt64(offset)
        }
        let sectors = (offset + byteCount - 1) / 512 - offset / 512
        precondition(sectors < 1 << (bits - 8), "there is no room for the length")
        return 1 << 62 | UInt64(sectors) << UInt64(70 - bits) | UInt64(offset)
    }

    mutating func align() {
        let cluster = builder.version == 1 ? 512 : builder.clusterByteCount
        bytes.append(contentsOf: repeatElement(0, count: (cluster - bytes.count % cluster) % cluster))
    }
}
