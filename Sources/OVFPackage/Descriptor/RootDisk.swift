// Which disk a virtual system starts from, and by which rule.
// SPDX-License-Identifier: Apache-2.0

/// The root disk of a virtual system.
package struct RootDisk: Sendable, Equatable {
    /// In `Envelope.disks`.
    package let diskIndex: Int
    package let rule: Rule
    /// The disk that Nova's VMware driver would take: the first `Disk` with a `fileRef`. nil where there is none.
    package let novaDiskIndex: Int?

    /// The rules, in the order in which they are asked.
    package enum Rule: String, Sendable {
        /// `ovf:boot="true"` or `xenovf:isBootable="true"`.
        case bootFlag = "boot-flag"
        /// The first disk item of the virtual system whose file is present.
        case firstDiskItem = "first-disk-item"
        /// The first `Disk` with a `fileRef`: what Nova takes.
        case firstDiskWithFile = "first-disk-with-file"
    }

    /// Whether Nova would take another disk.
    package var differsFromNova: Bool { novaDiskIndex != nil && novaDiskIndex != diskIndex }

    /// The root disk of each of the envelope's systems, in their order; nil where no rule answers.
    ///
    /// `layouts` are `StorageLayout.layouts(of:)`; `isPresent` says whether a file of `Envelope.files` is in the
    /// package.
    package static func rootDisks(
        of envelope: Envelope, _ layouts: [StorageLayout], isPresent: (Int) -> Bool
    ) -> [RootDisk?] {
        let isUsable = envelope.disks.map { $0.fileIndex.map(isPresent) ?? false }
        let nova = envelope.disks.firstIndex { $0.fileReference != nil }
        let flagged = envelope.disks.indices.filter { envelope.disks[$0].isBootable && isUsable[$0] }
        return layouts.enumerated().map { system, layout in
            let attached = layout.drives.compactMap { drive -> Int? in
                guard drive.kind == .disk, case .disk(let index) = drive.backing else { return nil }
                return isUsable[index] ? index : nil
            }
            // A flag counts for the system that has the disk; with one system, on a disk that none has too.
            let boot = layouts.count > 1 ? attached.first { envelope.disks[$0].isBootable } : flagged.first
            if let boot { return RootDisk(diskIndex: boot, rule: .bootFlag, novaDiskIndex: nova) }
            if let first = attached.first {
                return RootDisk(diskIndex: first, rule: .firstDiskItem, novaDiskIndex: nova)
            }
            guard system == 0, let nova else { return nil }
            return RootDisk(diskIndex: nova, rule: .firstDiskWithFile, novaDiskIndex: nova)
        }
    }

    /// The root disk of a package whose descriptor has no virtual system.
    package static func rootDisk(
        withoutSystem envelope: Envelope, isPresent: (Int) -> Bool
    ) -> RootDisk? {
        let nova = envelope.disks.firstIndex { $0.fileReference != nil }
        let flagged = envelope.disks.firstIndex { $0.isBootable && $0.fileIndex.map(isPresent) ?? false }
        if let flagged { return RootDisk(diskIndex: flagged, rule: .bootFlag, novaDiskIndex: nova) }
        return nova.map { RootDisk(diskIndex: $0, rule: .firstDiskWithFile, novaDiskIndex: nova) }
    }
}
