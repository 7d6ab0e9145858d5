// What stands in the root of a catalogue beside the folders of images.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
package import FileTree

/// The part of the root that does not change.
package enum CatalogueRoot {
    /// A tree with `.ova`, which is listed where `showsControlDirectory`, and in it the counters of the whole mount, whose text
    /// `liveStatistics` gives. `time` is when it was mounted, in seconds since 1970.
    package static func make(
        showsControlDirectory: Bool, time: Int64, liveStatistics: @escaping @Sendable () -> [UInt8]
    ) -> FileTree {
        let control = Array(".ova".utf8)
        var builder = FileTreeBuilder(directoryTime: time, budget: OpeningBudget())
        builder.addDirectory([control], isListed: showsControlDirectory)
        builder.add(
            .liveFile(liveStatistics), at: [control, Array("stats.json".utf8)],
            attributes: Attributes(modificationTime: time))
        return builder.build()
    }
}
