// How an appliance's disks are attached: buses, adapters, and the disk that it starts from.
// SPDX-License-Identifier: Apache-2.0

import DiskImages
package import OVFPackage

/// The storage of every virtual system, and what follows for each disk.
package struct ApplianceLayout: Sendable {
    /// For each virtual system of the envelope, its controllers and drives.
    package let systems: [StorageLayout]
    /// For each virtual system, its root disk; nil where no rule answers.
    package let rootDisks: [RootDisk?]
    /// Why a root disk that the descriptor means is not there, one line each.
    private let rootDiskProblems: [String]
    /// The root disk of the appliance as a whole: the first system's, or the only disk there is.
    package let rootDisk: RootDisk?

    /// Where each disk is attached, by its index.
    private let attachments: [Int: Attachment]

    /// Where a disk is attached.
    package struct Attachment: Sendable {
        /// Such as "scsi0:0".
        package let busAddress: String?
        package let adapter: AdapterType?
    }

    /// `layouts` are the envelope's; `isPresent` says whether a file of `Envelope.files` is in the package.
    init(of envelope: Envelope, _ layouts: [StorageLayout], isPresent: (Int) -> Bool) {
        systems = layouts
        var attachments: [Int: Attachment] = [:]
        for drive in systems.flatMap(\.drives) {
            guard case .disk(let index) = drive.backing, attachments[index] == nil else { continue }
            attachments[index] = Attachment(busAddress: drive.busAddress, adapter: drive.adapter)
        }
        self.attachments = attachments
        let choices = RootDisk.rootDisks(of: envelope, systems, isPresent: isPresent)
        rootDisks = choices.map(\.disk)
        guard !envelope.systems.isEmpty else {
            let choice = RootDisk.rootDisk(withoutSystem: envelope, isPresent: isPresent)
            rootDisk = choice.disk
            rootDiskProblems = [choice.problem].compactMap { $0 }
            return
        }
        rootDisk = rootDisks.first ?? nil
        rootDiskProblems = zip(envelope.systems, choices).compactMap { system, choice in
            choice.problem.map { "\(system.id.isEmpty ? "" : "\"\(system.id)\": ")\($0)" }
        }
    }

    private static let maximumWarningCount = 1_000

    /// What is questionable about the root disks, and where Nova would start from another; what is about drives and
    /// controllers is the parser's to report.
    func warnings(about envelope: Envelope) -> [PackageWarning] {
        var warnings = rootDiskProblems.prefix(Self.maximumWarningCount).map {
            PackageWarning(.rootDiskMissing, "there is no root disk: \($0.quotable(upTo: 500))")
        }
        if let root = rootDisk, root.differsFromNova, let nova = root.novaDiskIndex {
            warnings.append(
                PackageWarning(
                    .rootDiskDiffers,
                    "the root disk is \"\(envelope.disks[root.diskIndex].id)\" (\(root.rule.rawValue)); "
                        + "Nova takes \"\(envelope.disks[nova].id)\""))
        }
        return warnings
    }

    /// The first place, in the order of the systems, that disk `index` of the envelope is attached at.
    package func attachment(ofDisk index: Int) -> Attachment? { attachments[index] }
}
