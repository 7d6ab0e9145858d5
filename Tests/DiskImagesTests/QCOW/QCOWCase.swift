// One row of the qcow2 and qcow tables of docs/FORMATS.md, as an image and what has to come of it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

/// An image that is unusual in one way.
struct QCOWCase: Sendable, CustomTestStringConvertible {
    enum Expectation: Sendable {
        /// The whole disk is read.
        case read
        /// Reads of these guest bytes fail; the rest is read.
        case damaged([Range<UInt64>])
        /// The image does not open, and the error has this text in it.
        case refused(String)
    }

    let row: String
    let image: BuiltQCOW
    let expectation: Expectation
    /// A text that one of the warnings has; nil where there are none but of a cut.
    let warning: String?

    var testDescription: String { row }

    /// An image of `builder`, of which `change` damages a part and says what comes of it.
    init(
        _ row: String, _ builder: QCOWBuilder, warning: String? = nil,
        change: (inout BuiltQCOW) -> Expectation = { _ in .read }
    ) {
        var image = builder.build()
        expectation = change(&image)
        self.row = row
        self.image = image
        self.warning = warning
    }

    /// All rows.
    static let table =
        headers + features + sizes + geometries + firstLevels + secondLevels + entries + places + compressed
        + zstd
        + extended + referenceCounts + version1
}

extension QCOWBuilder {
    /// Version 3: 150 clusters of 512 bytes of every kind, in three tables.
    static let usual = QCOWBuilder(QCOWClusterContent.mixedWithZeros(150))

    static let version2 = QCOWBuilder(QCOWClusterContent.mixed(150)).with { $0.version = 2 }

    /// Extended entries: 20 clusters of 16 KiB of every kind.
    static let extended = QCOWBuilder(QCOWClusterContent.mixedWithSubclusters(20)).with {
        $0.clusterBits = 14
        $0.isExtended = true
    }

    static let zstd = usual.with { $0.compressor = .zstd }

    /// Version 1: 150 clusters of 512 bytes, in three tables.
    static let first = QCOWBuilder(QCOWClusterContent.mixed(150)).with { $0.version = 1 }
}

extension BuiltQCOW {
    /// Stores `data` behind the file's end as the compressed form of cluster `index`, in a place that counts its length in
    /// sectors as qcow2 does.
    mutating func appendCompressed(_ data: [UInt8], for index: Int) {
        let bits = UInt64(clusterByteCount.trailingZeroBitCount)
        let start = bytes.count
        let sectors = (start + data.count - 1) / 512 - start / 512
        bytes += data
        setEntry(ofCluster: index, to: 1 << 62 | UInt64(sectors) << (70 - bits) | UInt64(start))
    }

    /// The data of cluster `index`, as the guest reads it.
    func guestBytes(ofCluster index: Int) -> [UInt8] {
        let range = guestRange(ofCluster: index)
        return Array(guest[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    /// The image by itself, whatever it builds on.
    func openedAlone() throws(ReadError) -> any DiskImage {
        let cache = ClusterCache(byteLimit: 16 << 20)
        return try DiskImageOpener.open(
            source, named: "disk.qcow2", in: cache, for: cache.makeDiskNumber(), options: .init())
    }

    /// Appends zeros up to a whole cluster; where it ends.
    @discardableResult
    mutating func alignEnd() -> Int {
        let rest = bytes.count % clusterByteCount
        if rest > 0 { bytes.append(contentsOf: repeatElement(0, count: clusterByteCount - rest)) }
        return bytes.count
    }
}
