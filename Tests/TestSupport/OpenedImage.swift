// An image, opened for a test together with all that reading it needs.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import DiskImages

/// An open image and the disk that it is.
package struct OpenedImage: Sendable {
    package let image: any DiskImage
    package let disk: GuestDisk

    /// Opens `file`, and what it builds on out of `neighbours`.
    package init(
        _ file: any ByteSource, named name: String = "disk.vmdk", options: DiskImageOpener.Options = .init(),
        neighbours: (any NeighbourFiles)? = nil
    ) throws(ReadError) {
        let cache = ClusterCache(byteLimit: 16 << 20)
        disk = GuestDisk(
            try ChainOpener.open(file, named: name, in: cache, options: options, neighbours: neighbours),
            cache: cache)
        image = disk.image
    }

    /// What the conformance suite finds wrong, for a disk that should hold `expected` outside `damaged`.
    package func violations(
        expected: [UInt8], damaged: [Range<UInt64>] = [], clusterByteCount: Int = 65_536
    ) -> [String] {
        DiskImageConformance(
            disk, expected: expected, damaged: damaged, clusterByteCount: clusterByteCount
        ).violations()
    }

    /// What the conformance suite finds wrong, for a disk that should be `built`'s outside `damaged`.
    package func violations(_ built: BuiltImage, damaged: [Range<UInt64>] = []) -> [String] {
        violations(expected: built.guest, damaged: damaged, clusterByteCount: built.grainByteCount)
    }
}

extension DiskImageOpener.Options {
    /// Options of an image that is opened alone.
    package init(
        lenient: Bool = false, expectedByteCount: UInt64? = nil, formats: [any DiskImageFormat.Type] = []
    ) {
        self.init(
            lenient: lenient, expectedByteCount: expectedByteCount, budget: OpeningBudget(), formats: formats)
    }
}
