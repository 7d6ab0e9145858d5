// Builds qcow and qcow2 images.
// SPDX-License-Identifier: Apache-2.0

/// A qcow image of version 1, or a qcow2 image of version 2 or 3: header, table of reference counts, first-level table,
/// snapshots with their tables, second-level tables, clusters.
package struct QCOWBuilder: Sendable {
    /// A snapshot, with clusters of its own.
    package struct Snapshot: Sendable {
        package var name: [UInt8]
        package var identifier: [UInt8] = Array("1".utf8)
        package var creationTime: UInt32 = 1_700_000_000
        /// Bytes of the extra data: 0, 16 or 24 are usual. With 16, the snapshot has a size of its own.
        package var extraByteCount = 24
        package var clusters: [QCOWClusterContent]
        /// In bytes; what the clusters need where it is not given.
        package var virtualByteCount: Int?

        package init(_ name: String, _ clusters: [QCOWClusterContent]) {
            self.name = Array(name.utf8)
            self.clusters = clusters
        }
    }

    package var version: UInt32 = 3
    package var clusterBits = 9
    /// Logarithm of the entries of a second-level table, of version 1.
    package var tableBits = 6
    package var isExtended = false
    package var compressor = ClusterCompressor.deflate
    package var level: Int32 = 6
    package var clusters: [QCOWClusterContent]
    /// In bytes; what the clusters need where it is not given.
    package var virtualByteCount: Int?
    /// Of version 3.
    package var headerByteCount = 112
    /// Features besides those that the image uses.
    package var incompatibleFeatures: UInt64 = 0
    package var backingName: [UInt8]?
    /// Extensions of the header: type and data.
    package var extensions: [(type: UInt32, data: [UInt8])] = []
    package var snapshots: [Snapshot] = []
    /// Whether a last cluster that the disk does not fill is stored whole all the same.
    package var fillsLastCluster = true

    package static let formatExtension: UInt32 = 0xe279_2aca

    package init(_ clusters: [QCOWClusterContent]) {
        self.clusters = clusters
    }

    /// A copy, changed by `change`.
    package func with(_ change: (inout QCOWBuilder) -> Void) -> QCOWBuilder {
        var copy = self
        change(&copy)
        return copy
    }

    var clusterByteCount: Int { 1 << clusterBits }
    var entryByteCount: Int { isExtended ? 16 : 8 }
    var entriesPerTable: Int { version == 1 ? 1 << tableBits : clusterByteCount / entryByteCount }
    var tableByteCount: Int { entriesPerTable * entryByteCount }

    package func build() -> BuiltQCOW {
        var writer = QCOWWriter(self)
        return writer.image()
    }
}
