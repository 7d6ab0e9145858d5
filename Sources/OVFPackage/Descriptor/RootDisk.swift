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
        /// The first disk item of the virtual system that has a file.
        case firstDiskItem = "first-disk-item"
        /// The first `Disk` with a `fileRef`: what Nova takes.
        case firstDiskWithFile = "first-disk-with-file"
    }

    /// Whether Nova would take another disk.
    package var differsFromNova: Bool { novaDiskIndex != nil && novaDiskIndex != diskIndex }

    /// What the rules say of one system.
    package struct Choice: Sendable, Equatable {
        /// nil where no rule answers, and where the disk that they mean is missing: another disk in its place would be
        /// started from, or written to, as if it were the right one.
        package let disk: RootDisk?
        /// Why there is none though the descriptor means one; one line.
        package let problem: String?
    }

    /// The root disk of each of the envelope's systems, in their order.
    ///
    /// `layouts` are `StorageLayout.layouts(of:)`; `isPresent` says whether a file of `Envelope.files` is in the
    /// package.
    package static func rootDisks(
        of envelope: Envelope, _ layouts: [StorageLayout], isPresent: (Int) -> Bool
    ) -> [Choice] {
        let rules = Rules(envelope, isPresent)
        return layouts.enumerated().map { system, layout in
            let attached = layout.drives.filter { $0.kind == .disk }.map(\.backing)
            // A flag counts for the system that has the disk; with one system, on a disk that none has too.
            let indices = attached.compactMap { if case .disk(let index) = $0 { index } else { nil } }
            let flagged = rules.flagged(among: layouts.count > 1 ? indices : Array(envelope.disks.indices))
            if let flagged { return rules.choice(flagged, .bootFlag) }
            for backing in attached {
                switch backing {
                case .missing(let resource):
                    let problem = "the first disk is \"\(resource)\", which is not in the descriptor"
                    return Choice(disk: nil, problem: problem)
                // A disk that is blank when deployed is nothing to start from.
                case .disk(let index) where envelope.disks[index].fileReference != nil:
                    return rules.choice(index, .firstDiskItem)
                case .disk, .file, .empty: continue
                }
            }
            guard system == 0, let nova = rules.nova else { return Choice(disk: nil, problem: nil) }
            return rules.choice(nova, .firstDiskWithFile)
        }
    }

    /// The root disk of a package whose descriptor has no virtual system.
    package static func rootDisk(withoutSystem envelope: Envelope, isPresent: (Int) -> Bool) -> Choice {
        let rules = Rules(envelope, isPresent)
        if let flagged = rules.flagged(among: envelope.disks.indices) {
            return rules.choice(flagged, .bootFlag)
        }
        return rules.nova.map { rules.choice($0, .firstDiskWithFile) } ?? Choice(disk: nil, problem: nil)
    }

    /// What the rules ask of the disks.
    private struct Rules {
        let envelope: Envelope
        let isUsable: [Bool]
        let nova: Int?

        init(_ envelope: Envelope, _ isPresent: (Int) -> Bool) {
            self.envelope = envelope
            isUsable = envelope.disks.map { $0.fileIndex.map(isPresent) ?? false }
            nova = envelope.disks.firstIndex { $0.fileReference != nil }
        }

        /// The first disk with a flag and a file, whether the file is there or not.
        func flagged(among indices: some Sequence<Int>) -> Int? {
            indices.first { envelope.disks[$0].isBootable && envelope.disks[$0].fileReference != nil }
        }

        /// The disk that a rule means, where its file is in the package.
        func choice(_ index: Int, _ rule: Rule) -> Choice {
            guard isUsable[index] else {
                let problem =
                    "it would be \"\(envelope.disks[index].id)\" (\(rule.rawValue)), "
                    + "whose file is missing or cannot be used"
                return Choice(disk: nil, problem: problem)
            }
            return Choice(
                disk: RootDisk(diskIndex: index, rule: rule, novaDiskIndex: nova), problem: nil)
        }
    }
}
