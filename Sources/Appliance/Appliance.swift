// An opened appliance: its files, and the data behind its disks.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CompressedSources
package import DiskImages
package import OVFPackage

/// A package, or a disk image by itself, ready to be shown. It does not change after it was opened, except for what
/// is known of its digests.
package struct Appliance: Sendable {
    /// The package; nil for a disk image by itself.
    package let package: OVFPackage?
    /// What the package's descriptor says; nil for a disk image by itself, and for a package that was opened
    /// without one.
    package let envelope: Envelope?
    /// How the envelope's disks are attached; nil without an envelope.
    package let layout: ApplianceLayout?
    /// What is known of the members' digests; nil without a manifest.
    package let checks: ManifestChecks?
    /// What a verification has to have checked.
    let scope: VerificationScope
    /// The members that are shown as decoded disks only, as indices of the package's list.
    let hiddenMembers: Set<Int>
    /// The disks, in the descriptor's order, with the paths of their raw files.
    package internal(set) var disks: [ApplianceDisk]
    /// What is questionable though it can be read.
    package let warnings: [PackageWarning]
    /// The last modification of the whole, in seconds since 1970.
    package let modificationTime: Int64

    /// The files that it is read from, which nothing may be written to; nil where they are not all known.
    package internal(set) var openedFiles: Set<FileNumber>?

    /// What an image service says of it; nil where it is not from one.
    package internal(set) var image: ImageRecord?
    /// All that the image service has of it, as it is stored.
    var imageData: (any ByteSource)?

    /// Why partitions could not be looked for: what it is read from was not there, or not in time.
    let openingLoss: ReadError?

    /// Whether not all of its source had come when it was opened, and it shows what is known without the rest.
    let isComing: Bool

    package let cache: ClusterCache
    package let sourceMeter: ReadMeter
    /// What is left of the memory for opening is for the tree of files.
    let openingBudget: OpeningBudget
    private let prefetcher: Prefetcher?
    private let unitWorkers: UnitWorkers?
    /// What cannot be kept of compressed files for the next time, and why.
    package let cacheProblems: [String]
    private let store: IndexStore?
    /// The members, in their order.
    private let storedSources: [any ByteSource]

    init(
        package: OVFPackage?, envelope: Envelope? = nil, layout: ApplianceLayout? = nil,
        checks: ManifestChecks? = nil, scope: VerificationScope = VerificationScope(),
        hiddenMembers: Set<Int> = [], disks: [ApplianceDisk], warnings: [PackageWarning],
        modificationTime: Int64, resources: DiskResources
    ) {
        self.package = package
        self.envelope = envelope
        self.layout = layout
        self.checks = checks
        self.scope = scope
        self.hiddenMembers = hiddenMembers
        let isComing =
            package?.isForeseen ?? disks.contains { $0.stored?.arrivesInOrder ?? false }
        self.isComing = isComing
        (self.disks, openingLoss) = Self.taking(arrivedOnly: isComing) {
            DiskPartsReader.addingParts(to: disks, budget: resources.budget)
        }
        self.warnings = warnings
        self.modificationTime = modificationTime
        cache = resources.cache
        sourceMeter = resources.meter
        openingBudget = resources.budget
        prefetcher = resources.isShared ? nil : resources.prefetcher
        unitWorkers = resources.isShared ? nil : resources.unitWorkers
        cacheProblems = [resources.storeProblem].compactMap(\.self) + (resources.store?.takeProblems() ?? [])
        store = resources.store
        resources.phase.end()
        storedSources = (package?.members ?? []).enumerated().map { index, member in
            guard let checks, !checks.map.entries[index].isEmpty else { return member.source }
            return CheckedMemberSource(member.source, memberIndex: index, checks: checks)
        }
    }

    /// Calls `body`, which does without what has not come.
    static func taking<Result>(arrivedOnly: Bool, _ body: () -> Result) -> Result {
        arrivedOnly ? ArrivedOnly.looking(body) : body()
    }

    /// The stored bytes of a member, whose digest is checked as they are read.
    func storedSource(ofMember index: Int) -> any ByteSource {
        storedSources[index]
    }

    /// Whether a disk is the one that the system starts from: the only one, where there is no descriptor.
    func isRoot(_ index: Int) -> Bool {
        layout.map { $0.rootDisk?.diskIndex == index } ?? (package == nil)
    }

    /// The adapter that a disk wants: for the root disk what the image service says, else the descriptor's controller, else
    /// what the image itself says.
    package func adapter(ofDisk index: Int) -> AdapterType? {
        if isRoot(index), let stated = image?.adapter { return stated }
        if let attachment = layout?.attachment(ofDisk: index), attachment.busAddress != nil {
            return attachment.adapter
        }
        guard case .decoded(let disk) = disks[index].content else { return nil }
        return disk.image.adapterType.flatMap(AdapterType.init(vmdkDescriptor:))
    }

    /// Where a disk is attached, such as `scsi0:0`; for the root disk the bus that the image service says, where the descriptor
    /// has it on another.
    func bus(ofDisk index: Int) -> String? {
        let address = layout?.attachment(ofDisk: index)?.busAddress
        guard isRoot(index), let stated = image?.bus else { return address }
        return address.map { $0.prefix { $0.isLetter } == stated } == true ? address : stated
    }

    /// What the one who mounts has to know: all that is found about the disks, and what of the package is lost.
    package var problems: [Problem] {
        let ofDisks = findings.compactMap { finding in
            finding.disk.map { disk in
                let isDecoded = finding.code != PackageWarning.Code.diskNotDecoded.rawValue
                return Problem("disk \(disk)\(isDecoded ? ":" : " is") \(finding.message)", finding.remedy)
            }
        }
        let lost = warnings.filter { $0.code.isLoss }.map { Problem($0.description, $0.remedy) }
        return ofDisks + lost + cacheProblems.map { Problem($0, nil) }
    }

    /// Something that is wrong though the rest can be used.
    package struct Problem: Sendable {
        /// One line.
        package let message: String
        /// What the user can ask for instead.
        package let remedy: Remedy?

        init(_ message: String, _ remedy: Remedy?) {
            self.message = message
            self.remedy = remedy
        }
    }

    /// Has what cannot be kept of compressed files from now on told to `report`, on any thread.
    package func reportCacheProblems(to report: @escaping @Sendable (String) -> Void) {
        store?.reportProblems(to: report)
    }

    /// Stops the threads that decode ahead; reading still works afterwards.
    package func stopPrefetching() {
        prefetcher?.stop()
        unitWorkers?.stop()
    }
}
