// An opened package: its files, and which of them say what the others are.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A package as it is stored. What the descriptor and the manifest mean is read from here by `EnvelopeParser`
/// and `Manifest`.
package struct OVFPackage: Sendable {
    /// Every file, in the archive's order.
    package let members: [PackageMember]
    /// What an archive holds and the package does not show.
    package let skipped: [SkippedMember]
    package let container: Container
    package let warnings: [PackageWarning]
    /// Why an archive was not read to its end; nil where it was, and for a folder.
    package let damage: ReadError?
    /// Whether an archive was still coming, and members are what the descriptor says will come.
    package let isForeseen: Bool

    let roles: PackageRoles
    /// What comparing names of the package may cost, whoever does it.
    let normalizationWork: NormalizationWork

    package enum Container: Sendable, Equatable {
        case archive(Set<TarDialect>)
        case folder
    }

    /// The first `*.ovf`; nil where there is none.
    package var descriptor: PackageMember? { roles.descriptor.map { members[$0] } }
    /// The manifest that belongs to the descriptor.
    package var manifest: PackageMember? { roles.manifest.map { members[$0] } }
    /// The certificate that belongs to the manifest.
    package var certificate: PackageMember? { roles.certificate.map { members[$0] } }
    /// The manifest, where it is there and is no file that can be opened; then there is no other.
    package var refusedManifest: SkippedMember? { roles.refusedManifest }
    /// The certificate, where it is there and is no file that can be opened; then there is no other.
    package var refusedCertificate: SkippedMember? { roles.refusedCertificate }
    /// Whether there is a manifest, be it one that cannot be opened.
    package var hasManifest: Bool { roles.manifest != nil || roles.refusedManifest != nil }

    /// Opens a tar archive; with `foresight`, one whose bytes still come in order as soon as the descriptor says the rest.
    /// - Throws: `ReadError` where `source` is no tar, or nothing of it can be read.
    package init(
        archive source: any ByteSource, budget: OpeningBudget = OpeningBudget(), foresight: Foresight? = nil
    ) throws(ReadError) {
        let index = try TarIndex(scanning: source, budget: budget, foresight: foresight)
        self.init(
            members: index.members, skipped: index.skipped, container: .archive(index.dialects),
            warnings: index.warnings, damage: index.damage, isForeseen: index.isForeseen)
    }

    /// The same package, with every member's bytes read through what `wrap` makes of their source.
    package func mappingSources(_ wrap: (any ByteSource) -> any ByteSource) -> OVFPackage {
        OVFPackage(
            members: members.map { $0.replacingSource(by: wrap($0.source)) }, skipped: skipped,
            container: container, warnings: warnings, damage: damage, isForeseen: isForeseen, roles: roles,
            normalizationWork: normalizationWork)
    }

    private init(
        members: [PackageMember], skipped: [SkippedMember], container: Container,
        warnings: [PackageWarning], damage: ReadError?, isForeseen: Bool, roles: PackageRoles,
        normalizationWork: NormalizationWork
    ) {
        self.members = members
        self.skipped = skipped
        self.container = container
        self.warnings = warnings
        self.damage = damage
        self.isForeseen = isForeseen
        self.roles = roles
        self.normalizationWork = normalizationWork
    }

    init(
        members: [PackageMember], skipped: [SkippedMember], container: Container,
        warnings: [PackageWarning], damage: ReadError?, isForeseen: Bool = false,
        normalizationWork: NormalizationWork = NormalizationWork()
    ) {
        self.members = members
        self.skipped = skipped
        self.container = container
        self.damage = damage
        self.isForeseen = isForeseen
        self.normalizationWork = normalizationWork
        var log = WarningLog()
        roles = PackageRoles(among: members, skipped, &log)
        // What has not come may have one.
        self.warnings =
            warnings + (isForeseen ? log.warnings.filter { $0.code != .manifestMissing } : log.warnings)
    }
}

extension OVFPackage {
    /// The members that are not content: descriptor, manifest and certificate.
    package var roleIndices: [Int] {
        [roles.descriptor, roles.manifest, roles.certificate].compactMap { $0 }
    }

    /// The descriptor's place among the members.
    package var descriptorIndex: Int? { roles.descriptor }

    /// What one of these members is, where that is not content.
    package func role(amongMembers indices: [Int]) -> String? {
        let names = ["descriptor", "manifest", "certificate"]
        for (role, name) in zip([roles.descriptor, roles.manifest, roles.certificate], names) {
            if let role, indices.contains(role) { return name }
        }
        return nil
    }
}
