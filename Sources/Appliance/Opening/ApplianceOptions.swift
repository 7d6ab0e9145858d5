// How an appliance is opened.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CompressedSources
package import OVFPackage

package struct ApplianceOptions: Sendable {
    /// Whether a package without a usable descriptor is opened all the same, and damaged images are recovered
    /// as far as that is certain.
    package var isLenient = false
    /// Whether symbolic links of a folder package are followed where they stay inside of the folder.
    package var followsLinksInside = false
    /// Decoded data that is kept, in bytes.
    package var cacheByteLimit = 64 << 20
    /// Threads that decode ahead of sequential readers; 0 for none.
    package var prefetchThreadCount = 0

    /// The memory that opening may take, in bytes.
    package var openingByteLimit = OpeningBudget.defaultByteLimit

    /// Threads that decode compressed files which opening has to decode whole.
    package var openingThreadCount = 1
    /// Told how far opening is with such a file.
    package var progress: OpeningProgress?
    /// The path of a folder in which is kept what such files were decoded for; nil for none.
    package var cacheFolder: [UInt8]?
    /// What may be kept there, in bytes.
    package var cacheFolderByteLimit = IndexStore.defaultByteLimit

    /// How an archive that still comes in order is opened before all of it is there; nil where that is waited for. Leniently,
    /// it is waited for, too.
    package var foresight: Foresight?

    /// What is shared with others that are open at the same time; nil where this is the only one.
    package var shared: SharedResources?

    package init() {}
}
