// The bytes behind a `File` of the descriptor: a member, or the chunks that it was cut into.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// What the References section means in a package.
package struct PackageFile: Sendable {
    /// The members that hold the file, as indices of the package's list: one, or its chunks in order.
    package let members: [Int]
    /// How the href was found.
    package let rule: HrefResolver.Rule
    /// The stored bytes, joined; compressed where the descriptor says so.
    package let source: any ByteSource
    /// How many bytes the archive ends too early to hold.
    package let missingByteCount: UInt64

    /// A file that is not to be had.
    package struct Refusal: Sendable {
        /// One line.
        package let reason: String
        /// What the user can ask for instead.
        package let remedy: Remedy?
    }
}

extension PackageFile {
    /// The files of `envelope`, in its order; nil for one that is not in the package or not in order, which is then
    /// reported, and whose place in `refusals` says why.
    package static func files(
        of envelope: Envelope, in package: OVFPackage
    ) -> (files: [PackageFile?], refusals: [Int: Refusal], warnings: [PackageWarning]) {
        var log = WarningLog()
        let resolver = HrefResolver(
            package.members, relativeTo: package.descriptor, allowsOtherFolders: !package.hasManifest,
            work: package.normalizationWork)
        // A chunk belongs to one file: many that name the same ones would cost their number times that of the
        // chunks.
        var chunkBudget = 2 * package.members.count
        let skipped = SkippedMembers(package.skipped)
        var refusals: [Int: Refusal] = [:]
        let files = envelope.files.enumerated().map { index, reference in
            var refusal: Refusal?
            let file = file(reference, package.members, resolver, skipped, &chunkBudget, &log, &refusal)
            if file == nil {
                refusals[index] =
                    refusal
                    ?? Refusal(reason: "the file \"\(reference.href)\" is not in the package", remedy: nil)
            }
            return file
        }
        resolver.reportNormalizing(&log)
        MemberOrder.check(of: files.flatMap { $0?.members ?? [] }, in: package, &log)
        var known = Set(files.flatMap { $0?.members ?? [] })
        known.formUnion(package.roleIndices)
        for (index, member) in package.members.enumerated() where !known.contains(index) {
            log.add(
                .fileUnreferenced,
                "\"\(String(displaying: member.path))\" is not in the descriptor's references")
        }
        return (files, refusals, log.warnings)
    }

    private static func file(
        _ reference: FileReference, _ members: [PackageMember], _ resolver: HrefResolver,
        _ skipped: SkippedMembers, _ chunkBudget: inout Int, _ log: inout WarningLog,
        _ refusal: inout Refusal?
    ) -> PackageFile? {
        if let chunkByteCount = reference.chunkByteCount {
            let chunks = ChunkAssembly(of: reference, chunkByteCount, members, resolver, &chunkBudget, &log)
            if let file = chunks.file { return file }
            refusal = chunks.problem.map { Refusal(reason: $0, remedy: nil) }
            guard chunks.isEmpty else { return nil }
        }
        guard let (index, rule) = find(reference, members, resolver, skipped, &log, &refusal) else {
            return nil
        }
        if reference.chunkByteCount != nil {
            log.add(
                .chunkWhole, "\"\(reference.href)\" is to be in chunks and is in one piece",
                line: reference.line)
        }
        let member = members[index]
        if let byteCount = reference.byteCount, byteCount != member.byteCount + member.missingByteCount {
            log.add(
                .fileSizeWrong,
                "the size of \"\(reference.href)\" is \(member.byteCount), and the descriptor says \(byteCount)",
                line: reference.line)
        }
        return PackageFile(
            members: [index], rule: rule, source: member.source, missingByteCount: member.missingByteCount)
    }

    private static func find(
        _ reference: FileReference, _ members: [PackageMember], _ resolver: HrefResolver,
        _ skipped: SkippedMembers, _ log: inout WarningLog, _ refusal: inout Refusal?
    ) -> (index: Int, rule: HrefResolver.Rule)? {
        switch resolver.resolve(reference.href) {
        case .found(let index, let rule):
            if rule != .exact {
                log.add(
                    .hrefInexact,
                    "the href \"\(reference.href)\" is taken for \"\(String(displaying: members[index].path))\" "
                        + "(\(rule.rawValue))",
                    line: reference.line)
            }
            return (index, rule)
        case .absent:
            if let found = skipped.found(onTheWayTo: reference.href) {
                let name = String(displaying: found.path)
                let isItself = found.path == MemberPath(Array(reference.href.utf8)).normalized
                let reason = isItself ? found.reason : "behind \"\(name)\", \(found.reason)"
                refusal = Refusal(
                    reason: "the file \"\(reference.href)\" is \(reason)", remedy: found.remedy)
                log.add(
                    .fileMissing, "\"\(reference.href)\" is \(reason)", line: reference.line,
                    remedy: found.remedy)
                return nil
            }
            log.add(.fileMissing, "\"\(reference.href)\" is not in the package", line: reference.line)
        case .ambiguous(let indices):
            log.add(
                .hrefAmbiguous, "the href \"\(reference.href)\" could be any of \(indices.count) members",
                line: reference.line)
        case .refused:
            // A missing href has been reported by the parser.
            if !reference.href.isEmpty {
                log.add(
                    .hrefRefused, "the href \"\(reference.href)\" is outside the package",
                    line: reference.line)
            }
        }
        return nil
    }
}
