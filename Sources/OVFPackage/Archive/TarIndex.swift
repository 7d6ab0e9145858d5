// The members of a tar archive and where their bytes are.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// What a scan of a tar archive found. Only headers were read.
///
/// ustar, GNU, pax, star and v7 headers are read, in any mixture, as are GNU's four forms of sparse files.
package struct TarIndex: Sendable {
    /// Files and hard links, in the archive's order.
    package let members: [PackageMember]
    /// What is in the archive and not shown: links, devices, records of other programs.
    package let skipped: [SkippedMember]
    /// The dialects seen.
    package let dialects: Set<TarDialect>
    package let warnings: [PackageWarning]
    /// Why the scan ended before the end of the archive; nil where it did not.
    package let damage: ReadError?
    /// Whether it ended since the rest had not come, and the descriptor said what follows.
    package let isForeseen: Bool

    /// Most headers of members that are read.
    package static let maximumMemberCount = 100_000

    /// Whether `block`, the first 512 bytes of a file, is the header of a tar archive.
    package static func isArchive(firstBlock block: [UInt8]) -> Bool {
        TarHeader.hasValidChecksum(block[...])
    }

    /// Scans `source` to its end, or to the first damaged header: the members before it stay. With `foresight`, the scan ends
    /// where the next header has not come and the descriptor says what follows.
    /// - Throws: `ReadError` where nothing can be shown: the first header is damaged, or reading fails.
    package init(
        scanning source: any ByteSource, budget: OpeningBudget, foresight: Foresight? = nil
    ) throws(ReadError) {
        var scanner = TarScanner(source, budget: budget, foresight: foresight)
        try scanner.run()
        if let damage = scanner.damage, scanner.found.isEmpty, scanner.skipped.isEmpty { throw damage }
        var log = scanner.log
        members = Self.placed(scanner.found, &log)
        skipped = scanner.skipped
        dialects = scanner.dialects
        damage = scanner.damage
        isForeseen = scanner.isForeseen
        warnings = log.warnings
    }

    /// Gives each member its place in the tree: honest names first, so that a hostile one takes none from them.
    private static func placed(_ found: [TarScanner.Found], _ log: inout WarningLog) -> [PackageMember] {
        var tree = DisplayTree(memberCount: found.count)
        let isReferable = found.map { MemberPath($0.path).isReferable }
        var components: [[[UInt8]]] = Array(repeating: [], count: found.count)
        for wantsReferable in [true, false] {
            for index in found.indices where isReferable[index] == wantsReferable {
                // Taken apart one at a time: all of them at once would be the product of members and depth.
                var (safe, isShortened) = MemberPath(found[index].path).sanitized()
                if safe.count > 1, !tree.hasRoomForFolders {
                    safe = Array(safe.suffix(1))
                    isShortened = true
                }
                let placed = tree.place(safe)
                components[index] = placed
                guard isShortened || !wantsReferable || safe != placed else { continue }
                report(found[index], safe, placed, isShortened, wantsReferable, &log)
            }
        }
        return found.indices.map { index in
            let item = found[index]
            return PackageMember(
                path: item.path, components: components[index], isReferable: isReferable[index],
                missingByteCount: item.missingByteCount, modificationTime: item.modificationTime,
                location: item.location, source: item.source)
        }
    }

    private static func report(
        _ item: TarScanner.Found, _ wanted: [[UInt8]], _ placed: [[UInt8]], _ isShortened: Bool,
        _ isReferable: Bool, _ log: inout WarningLog
    ) {
        var path: String { String(displaying: item.path) }
        var shown: String { String(displaying: placed.joinedBySlashes) }
        var place: String { "the member at byte \(item.location.headerOffset)" }
        if !isReferable {
            var reason: String {
                item.path.contains(0) ? "which has a NUL in it" : "outside the package"
            }
            log.add(.nameHostile, "\(place) is named \"\(path)\", \(reason): shown as \"\(shown)\"")
        }
        if isShortened {
            log.add(.nameTooLong, "\(place) has a name too long to list: shown as \"\(shown)\"")
        }
        if wanted != placed {
            log.add(.memberDuplicate, "\(place) has a name that is taken, \"\(path)\": shown as \"\(shown)\"")
        }
    }
}
