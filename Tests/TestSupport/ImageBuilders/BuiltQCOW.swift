// A qcow image that a builder made, and where its parts are, so that a test can damage one.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The bytes of a qcow or qcow2 file and the disk that they stand for.
package struct BuiltQCOW: Sendable {
    package var bytes: [UInt8]
    /// The whole guest disk.
    package var guest: [UInt8]
    /// The disks of the snapshots.
    package let snapshotGuests: [[UInt8]]
    package let clusterByteCount: Int
    package let entryByteCount: Int
    package let entriesPerTable: Int
    package let places: Places

    /// Where things are, in bytes of the file.
    package struct Places: Sendable {
        package var firstLevel = 0
        package var referenceCountTable = 0
        /// Second-level tables, by table number.
        package var tables: [Int: Int] = [:]
        /// By cluster number.
        package var clusters: [Int: Int] = [:]
        /// The length of the data in them, by cluster number.
        package var storedByteCounts: [Int: Int] = [:]
        package var snapshotTable = 0
        /// The entries of the table of snapshots.
        package var snapshotEntries: [Int] = []
        package var snapshotFirstLevels: [Int] = []
    }

    package var source: MemorySource { MemorySource(bytes) }

    /// The same for tests that know images by their grains.
    package var asImage: BuiltImage {
        BuiltImage(
            bytes: bytes, guest: guest, grainByteCount: clusterByteCount, entriesPerTable: entriesPerTable,
            places: BuiltImage.Places())
    }

    /// Cluster `index`, in guest bytes.
    package func guestRange(ofCluster index: Int) -> Range<UInt64> {
        UInt64(index * clusterByteCount)..<UInt64(min((index + 1) * clusterByteCount, guest.count))
    }

    /// Subclusters `numbers` of cluster `index`, in guest bytes.
    package func guestRange(ofSubclusters numbers: Range<Int>, of index: Int) -> Range<UInt64> {
        let start = index * clusterByteCount
        let byteCount = clusterByteCount / 32
        return UInt64(start + numbers.lowerBound * byteCount)..<UInt64(start + numbers.upperBound * byteCount)
    }

    /// What table `number` leads to, in guest bytes.
    package func guestRange(ofTable number: Int) -> Range<UInt64> {
        let byteCount = entriesPerTable * clusterByteCount
        return UInt64(number * byteCount)..<UInt64(min((number + 1) * byteCount, guest.count))
    }

    /// Where the entry of cluster `index` is, in bytes of the file.
    package func entryOffset(ofCluster index: Int) -> Int {
        guard let table = places.tables[index / entriesPerTable] else {
            preconditionFailure("cluster \(index) has no table")
        }
        return table + index % entriesPerTable * entryByteCount
    }

    /// Where cluster `index` is, in bytes of the file.
    package func clusterOffset(_ index: Int) -> Int {
        guard let offset = places.clusters[index] else {
            preconditionFailure("cluster \(index) is not stored")
        }
        return offset
    }

    package func entry(ofCluster index: Int) -> UInt64 {
        bytes.littleEndian(UInt64.self, at: entryOffset(ofCluster: index)).byteSwapped
    }

    package mutating func setEntry(ofCluster index: Int, to entry: UInt64) {
        bytes.put(entry.byteSwapped, at: entryOffset(ofCluster: index))
    }

    /// The bits of the subclusters of cluster `index`.
    package func bitmap(ofCluster index: Int) -> UInt64 {
        bytes.littleEndian(UInt64.self, at: entryOffset(ofCluster: index) + 8).byteSwapped
    }

    package mutating func setBitmap(ofCluster index: Int, to bitmap: UInt64) {
        bytes.put(bitmap.byteSwapped, at: entryOffset(ofCluster: index) + 8)
    }

    package func firstLevelEntry(_ table: Int) -> UInt64 {
        bytes.littleEndian(UInt64.self, at: places.firstLevel + table * 8).byteSwapped
    }

    package mutating func setFirstLevelEntry(_ table: Int, to entry: UInt64) {
        bytes.put(entry.byteSwapped, at: places.firstLevel + table * 8)
    }

    /// Changes a field of the header.
    package mutating func setHeader<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        bytes.put(value.byteSwapped, at: offset)
    }

    /// Makes the guest read zeros in `range`.
    package mutating func setZeros(_ range: Range<UInt64>) {
        guest.replaceSubrange(
            Int(range.lowerBound)..<Int(range.upperBound), with: repeatElement(0, count: range.count))
    }

    /// Cuts the file to `byteCount` bytes.
    package mutating func cut(to byteCount: Int) {
        bytes.removeLast(bytes.count - byteCount)
    }
}
