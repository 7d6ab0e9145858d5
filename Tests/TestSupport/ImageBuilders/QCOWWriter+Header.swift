// Writes the header of a qcow image, and the table of its snapshots.
// SPDX-License-Identifier: Apache-2.0

extension QCOWWriter {
    mutating func writeHeaderRoom() {
        guard builder.version > 1 else {
            bytes = [UInt8](repeating: 0, count: 48) + (builder.backingName ?? [])
            bytes.append(contentsOf: repeatElement(0, count: (8 - bytes.count % 8) % 8))
            return
        }
        bytes = [UInt8](repeating: 0, count: 2 * builder.clusterByteCount)
        places.referenceCountTable = builder.clusterByteCount
        // Reference counts have no say: what would be places of their blocks is garbage.
        bytes.put([UInt8](repeating: 0xa5, count: 64), at: places.referenceCountTable)
    }

    /// Entries of snapshots whose tables are written later.
    mutating func writeSnapshotRoom() -> Int {
        guard !builder.snapshots.isEmpty else { return 0 }
        let start = bytes.count
        for snapshot in builder.snapshots {
            places.snapshotEntries.append(bytes.count)
            var entry = [UInt8](repeating: 0, count: 40 + snapshot.extraByteCount)
            entry.put(UInt16(snapshot.identifier.count).byteSwapped, at: 12)
            entry.put(UInt16(snapshot.name.count).byteSwapped, at: 14)
            entry.put(snapshot.creationTime.byteSwapped, at: 16)
            entry.put(UInt32(snapshot.extraByteCount).byteSwapped, at: 36)
            if snapshot.extraByteCount >= 16 {
                let byteCount =
                    snapshot.virtualByteCount ?? snapshot.clusters.count * builder.clusterByteCount
                entry.put(UInt64(byteCount).byteSwapped, at: 48)
            }
            bytes += entry + snapshot.identifier + snapshot.name
            bytes.append(contentsOf: repeatElement(0, count: (8 - bytes.count % 8) % 8))
        }
        return start
    }

    mutating func writeHeader(_ map: Map, _ virtualByteCount: Int) {
        bytes.put([0x51, 0x46, 0x49, 0xfb], at: 0)
        bytes.put(builder.version.byteSwapped, at: 4)
        if builder.version == 1 {
            writeVersion1(map, virtualByteCount)
        } else {
            writeFields(map, virtualByteCount)
        }
    }

    private mutating func writeVersion1(_ map: Map, _ virtualByteCount: Int) {
        if let name = builder.backingName {
            bytes.put(UInt64(48).byteSwapped, at: 8)
            bytes.put(UInt32(name.count).byteSwapped, at: 16)
        }
        bytes.put(UInt64(virtualByteCount).byteSwapped, at: 24)
        bytes.put(UInt8(builder.clusterBits), at: 32)
        bytes.put(UInt8(builder.tableBits), at: 33)
        bytes.put(UInt64(map.firstLevel).byteSwapped, at: 40)
    }

    private mutating func writeFields(_ map: Map, _ virtualByteCount: Int) {
        bytes.put(UInt32(builder.clusterBits).byteSwapped, at: 20)
        bytes.put(UInt64(virtualByteCount).byteSwapped, at: 24)
        bytes.put(UInt32(map.entryCount).byteSwapped, at: 36)
        bytes.put(UInt64(map.firstLevel).byteSwapped, at: 40)
        bytes.put(UInt64(places.referenceCountTable).byteSwapped, at: 48)
        bytes.put(UInt32(1).byteSwapped, at: 56)
        bytes.put(UInt32(builder.snapshots.count).byteSwapped, at: 60)
        bytes.put(UInt64(places.snapshotTable).byteSwapped, at: 64)
        var position = 72
        if builder.version == 3 {
            let features: UInt64 = (builder.compressor == .zstd ? 8 : 0) | (builder.isExtended ? 16 : 0)
            bytes.put((features | builder.incompatibleFeatures).byteSwapped, at: 72)
            bytes.put(UInt32(4).byteSwapped, at: 96)
            bytes.put(UInt32(builder.headerByteCount).byteSwapped, at: 100)
            if builder.compressor == .zstd { bytes.put(UInt8(1), at: 104) }
            position = builder.headerByteCount
        }
        for (type, data) in builder.extensions {
            bytes.put(type.byteSwapped, at: position)
            bytes.put(UInt32(data.count).byteSwapped, at: position + 4)
            bytes.put(data, at: position + 8)
            position += 8 + (data.count + 7) / 8 * 8
        }
        if let name = builder.backingName {
            // Behind the mark of the extensions' end.
            bytes.put(UInt64(position + 8).byteSwapped, at: 8)
            bytes.put(UInt32(name.count).byteSwapped, at: 16)
            bytes.put(name, at: position + 8)
        }
    }
}
