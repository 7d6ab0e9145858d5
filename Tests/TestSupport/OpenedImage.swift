// An image, opened for a test together with all that reading it needs.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import DiskImages

/// An open image and the disk that it is.
package struct OpenedImage: Sendable {
    package let image: any DiskImage
    package let disk: GuestDisk
    private let file: any ByteSource
    private let cache: ClusterCache
    private let number: DiskNumber

    package init(
        _ file: any ByteSource, named name: String = "disk.vmdk", options: DiskImageOpener.Options = .init()
    ) throws(ReadError) {
        self.file = file
        cache = ClusterCache(byteLimit: 16 << 20)
        number = cache.makeDiskNumber()
        image = try DiskImageOpener.open(file, named: name, in: cache, for: number, options: options)
        disk = GuestDisk(image, in: file, cache: cache, number: number)
    }

    /// What the conformance suite finds wrong, for a disk that should hold `expected` outside `damaged`.
    package func violations(
        expected: [UInt8], damaged: [Range<UInt64>] = [], clusterByteCount: Int = 65_536
    ) -> [String] {
        DiskImageConformance(
            image, in: file, cache: cache, number: number, expected: expected, damaged: damaged,
            clusterByteCount: clusterByteCount
        ).violations()
    }

    /// What the conformance suite finds wrong, for a disk that should be `built`'s outside `damaged`.
    package func violations(_ built: BuiltImage, damaged: [Range<UInt64>] = []) -> [String] {
        violations(expected: built.guest, damaged: damaged, clusterByteCount: built.grainByteCount)
    }
}

extension DiskImageOpener.Options {
    /// Options of an image that is opened alone.
    package init(lenient: Bool = false, expectedByteCount: UInt64? = nil) {
        self.init(lenient: lenient, expectedByteCount: expectedByteCount, budget: OpeningBudget())
    }
}
