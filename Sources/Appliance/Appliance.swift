// An opened appliance: its files, and the data behind its disks.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import DiskImages
package import OVFPackage

/// A package, or a disk image by itself, ready to be shown. It does not change after it was opened.
package struct Appliance: Sendable {
    /// The package; nil for a disk image by itself.
    package let package: OVFPackage?
    /// The disks, in the descriptor's order, with the paths of their raw files.
    package let disks: [ApplianceDisk]
    /// What is questionable though it can be read; one line each.
    package let warnings: [String]
    /// The last modification of the whole, in seconds since 1970.
    package let modificationTime: Int64

    package let cache: ClusterCache
    package let sourceMeter: ReadMeter
    private let prefetcher: Prefetcher?

    init(
        package: OVFPackage?, disks: [ApplianceDisk], warnings: [String], modificationTime: Int64,
        resources: DiskResources
    ) {
        self.package = package
        self.disks = disks
        self.warnings = warnings
        self.modificationTime = modificationTime
        cache = resources.cache
        sourceMeter = resources.meter
        prefetcher = resources.prefetcher
    }

    /// Stops the threads that decode ahead; reading still works afterwards.
    package func stopPrefetching() {
        prefetcher?.stop()
    }
}
