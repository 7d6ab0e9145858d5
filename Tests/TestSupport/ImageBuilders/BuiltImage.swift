// An image that a builder made, and where its parts are, so that a test can damage one.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The bytes of a VMDK file and the disk that they stand for.
package struct BuiltImage: Sendable {
    package var bytes: [UInt8]
    /// The whole guest disk.
    package let guest: [UInt8]
    package let grainByteCount: Int
    package let entriesPerTable: Int

    /// Where things are, in bytes of the file.
    package struct Places: Sendable {
        package var directory = 0
        package var redundantDirectory: Int?
        /// By table number.
        package var tables: [Int: Int] = [:]
        /// The tables of the redundant directory, by table number.
        package var redundantTables: [Int: Int] = [:]
        /// By grain number: the marker of a compressed grain, the data of a plain one.
        package var grains: [Int: Int] = [:]
        /// By grain number: marker and data, or the data; without padding.
        package var storedByteCounts: [Int: Int] = [:]
        package var footer: Int?
    }

    package let places: Places

    package var source: MemorySource { MemorySource(bytes) }
    /// Grain `index`, in guest bytes.
    package func guestRange(ofGrain index: Int) -> Range<UInt64> {
        UInt64(index * grainByteCount)..<UInt64(min((index + 1) * grainByteCount, guest.count))
    }

    /// What table `number` covers, in guest bytes.
    package func guestRange(ofTable number: Int) -> Range<UInt64> {
        let start = UInt64(number * entriesPerTable * grainByteCount)
        return start..<min(start + UInt64(entriesPerTable * grainByteCount), UInt64(guest.count))
    }

    /// Where the entry of grain `index` is, in bytes of the file.
    package func entryOffset(ofGrain index: Int) -> Int {
        guard let table = places.tables[index / entriesPerTable] else {
            preconditionFailure("grain \(index) has no table")
        }
        return table + index % entriesPerTable * 4
    }

    package func entry(ofGrain index: Int) -> UInt32 {
        bytes.littleEndian(UInt32.self, at: entryOffset(ofGrain: index))
    }

    /// Changes a grain table's entry, and its copy where there is one.
    package mutating func setEntry(ofGrain index: Int, to sector: UInt32) {
        bytes.put(sector, at: entryOffset(ofGrain: index))
        if let copy = places.redundantTables[index / entriesPerTable] {
            bytes.put(sector, at: copy + index % entriesPerTable * 4)
        }
    }

    /// Changes an entry of the grain directory.
    package mutating func setDirectoryEntry(_ table: Int, to sector: UInt32) {
        bytes.put(sector, at: places.directory + table * 4)
    }

    /// Changes an entry of the redundant grain directory.
    package mutating func setRedundantDirectoryEntry(_ table: Int, to sector: UInt32) {
        guard let directory = places.redundantDirectory else { preconditionFailure("no redundant directory") }
        bytes.put(sector, at: directory + table * 4)
    }

    /// Changes a field of the header, and of the footer where there is one.
    package mutating func setHeader<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        bytes.put(value, at: offset)
        if let footer = places.footer { bytes.put(value, at: footer + offset) }
    }

    /// The place of grain `index` in the file.
    package func grainOffset(_ index: Int) -> Int {
        guard let offset = places.grains[index] else { preconditionFailure("grain \(index) is not stored") }
        return offset
    }
}
