// Builds streamOptimized VMDK images, the usual and the unusual.
// SPDX-License-Identifier: Apache-2.0

/// A streamOptimized image, described by what makes it different from VMware's own.
package struct StreamOptimizedBuilder: Sendable {
    package enum DirectoryPlace: Sendable {
        /// Behind the descriptor, with the tables, as qemu-img and open-vmdk write it.
        case front
        /// At the end, with a footer that says where, as VMware writes it.
        case footer
    }

    package enum Framing: Sendable {
        case marker
        /// Only the size, 4 bytes.
        case size
    }

    package var version: UInt32 = 3
    /// Compressed and with markers, and the newline test valid.
    package var flags: UInt32 = 0x3_0001
    package var algorithm: UInt16 = 1
    package var grainSizeInSectors = 16
    package var entriesPerTable = 512
    /// In sectors; what the grains need where it is not given.
    package var capacityInSectors: Int?
    package var directoryPlace = DirectoryPlace.footer
    package var hasRedundantDirectory = false
    package var framing = Framing.marker
    package var level: Int32 = 6
    package var grains: [GrainContent]
    /// The order in which grains are written; theirs where it is not given.
    package var order: [Int]?
    package var descriptor: String?
    package var descriptorSizeInSectors = 4
    package var padsLastGrain = true
    /// A last grain that is shorter than the others is stored padded with zeros to a whole one.
    package var fillsLastGrain = true
    package var hasEndOfStream = true
    package var isUnclean = false
    package var newline: [UInt8] = Array("\n \r\n".utf8)
    /// What follows the end of the stream.
    package var trailer: [UInt8] = []

    package init(_ grains: [GrainContent]) {
        self.grains = grains
    }

    var capacity: Int { capacityInSectors ?? grains.count * grainSizeInSectors }
    var grainByteCount: Int { grainSizeInSectors * 512 }
    var tableCount: Int { (grains.count + entriesPerTable - 1) / entriesPerTable }
    var tableByteCount: Int { (entriesPerTable * 4 + 511) / 512 * 512 }
    var directoryByteCount: Int { (tableCount * 4 + 511) / 512 * 512 }

    package func build() -> BuiltImage {
        var writer = StreamWriter(self)
        writer.writeFront()
        switch directoryPlace {
        case .front:
            for index in order ?? Array(grains.indices) { writer.writeGrain(index) }
            writer.fillFrontTables()
            if hasEndOfStream { writer.writeMarker(sectorCount: 0, type: 0) }
        case .footer:
            for table in 0..<tableCount {
                for index in order ?? Array(grains.indices) where index / entriesPerTable == table {
                    writer.writeGrain(index)
                }
                writer.writeTable(table)
            }
            writer.writeDirectoryAndFooter()
        }
        return writer.finish()
    }
}
