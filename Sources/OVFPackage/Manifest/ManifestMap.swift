// Which digests a manifest lists for which members of a package.
// SPDX-License-Identifier: Apache-2.0

/// A manifest and the package that it is about, brought together.
package struct ManifestMap: Sendable {
    /// For each member of the package, by its index, the entries that are about it; empty where there are none.
    package let entries: [[Manifest.Entry]]
    /// Entries about files that are not in the package. They are reported, and fail nothing.
    package let absent: [Manifest.Entry]
    /// The manifest's, the certificate's and the index of every other member that need not be listed.
    package let exempt: Set<Int>
    package let warnings: [PackageWarning]
    private let displayPaths: [[UInt8]]
    private let textDigest: String

    package init(_ manifest: Manifest, of package: OVFPackage) {
        var log = WarningLog()
        var entries = [[Manifest.Entry]](repeating: [], count: package.members.count)
        var absent: [Manifest.Entry] = []
        let resolver = HrefResolver(
            package.members, relativeTo: package.manifest ?? package.descriptor, allowsOtherFolders: false,
            work: package.normalizationWork)
        for entry in manifest.entries {
            guard let index = resolver.member(named: entry.name) else {
                absent.append(entry)
                log.add(
                    .manifestFileAbsent, "\"\(String(displaying: entry.name))\" is not in the package",
                    line: entry.line)
                continue
            }
            guard index != package.roles.manifest else {
                log.add(.manifestListsItself, "the manifest has a line for itself", line: entry.line)
                continue
            }
            if let earlier = entries[index].first {
                let words =
                    earlier.algorithm == entry.algorithm ? "is listed twice" : "is listed with two digests"
                log.add(
                    .manifestDuplicate, "\"\(String(displaying: entry.name))\" \(words)", line: entry.line)
            }
            // Of many equal lines one is enough.
            let isKnown = entries[index].contains {
                $0.algorithm == entry.algorithm && $0.digest == entry.digest
            }
            if !isKnown, entries[index].count < Self.maximumEntriesPerMember { entries[index].append(entry) }
        }
        exempt = Set([package.roles.manifest, package.roles.certificate].compactMap { $0 })
        for index in package.members.indices where entries[index].isEmpty && !exempt.contains(index) {
            log.add(
                .manifestUnlisted,
                "\"\(String(displaying: package.members[index].path))\" is not in the manifest")
        }
        resolver.reportNormalizing(&log)
        self.entries = entries
        self.absent = absent
        warnings = manifest.warnings + log.warnings
        textDigest = manifest.textDigest
        displayPaths = package.members.map { $0.components.joinedBySlashes }
    }

    /// Different digests that are compared for one member; more than that are not a manifest's.
    private static let maximumEntriesPerMember = 16

    /// Whether `text` is the manifest that was parsed.
    package func isMade(of text: [UInt8]) -> Bool { Manifest.digest(of: text) == textDigest }

    /// The algorithms that the manifest uses for members of the package.
    package var algorithms: Set<DigestAlgorithm> { Set(entries.joined().map(\.algorithm)) }

    /// The manifest for `sha256sum -c` and its like, with the members' names as they are shown.
    /// Spec: GNU coreutils manual, "md5sum invocation": a name with a line feed, carriage return or backslash is
    /// escaped, and its line starts with a backslash.
    package func checksums(_ algorithm: DigestAlgorithm) -> [UInt8] {
        var text: [UInt8] = []
        for (index, entries) in entries.enumerated() {
            for entry in entries where entry.algorithm == algorithm {
                let path = displayPaths[index]
                let escaped = path.flatMap { byte -> [UInt8] in
                    switch byte {
                    case 0x0a: Array("\\n".utf8)
                    case 0x0d: Array("\\r".utf8)
                    case UInt8(ascii: "\\"): Array("\\\\".utf8)
                    default: [byte]
                    }
                }
                text += escaped == path ? [] : [UInt8(ascii: "\\")]
                text += Array(entry.digest.utf8) + Array("  ".utf8) + escaped + [0x0a]
            }
        }
        return text
    }
}

extension HrefResolver {
    /// The member that a manifest names: as written, percent-decoded, or after Unicode normalisation. Where there is a
    /// manifest nothing is found by its last component alone, which could be another file's.
    func member(named name: [UInt8]) -> Int? {
        if let index = member(atPath: name) { return index }
        guard let text = String(validating: name, as: UTF8.self),
            case .found(let index, _) = resolve(text)
        else { return nil }
        return index
    }
}
