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
}

extension PackageFile {
    /// The files of `envelope`, in its order; nil for one that is not in the package, which is then reported.
    package static func files(
        of envelope: Envelope, in package: OVFPackage
    ) -> (files: [PackageFile?], warnings: [PackageWarning]) {
        var log = WarningLog()
        let resolver = HrefResolver(package.members, relativeTo: package.descriptor)
        // A chunk belongs to one file: many that name the same ones would cost their number times that of the
        // chunks.
        var chunkBudget = 2 * package.members.count
        let files = envelope.files.map { reference in
            file(reference, package.members, resolver, &chunkBudget, &log)
        }
        MemberOrder.check(of: files.flatMap { $0?.members ?? [] }, in: package, &log)
        var known = Set(files.flatMap { $0?.members ?? [] })
        known.formUnion(package.roleIndices)
        for (index, member) in package.members.enumerated() where !known.contains(index) {
            log.add(
                .fileUnreferenced,
                "\"\(String(displaying: member.path))\" is not in the descriptor's references")
        }
        return (files, log.warnings)
    }

    private static func file(
        _ reference: FileReference, _ members: [PackageMember], _ resolver: HrefResolver,
        _ chunkBudget: inout Int, _ log: inout WarningLog
    ) -> PackageFile? {
        if let chunkByteCount = reference.chunkByteCount {
            let chunks = ChunkAssembly(of: reference, chunkByteCount, members, resolver, &chunkBudget, &log)
            if let file = chunks.file { return file }
            guard chunks.isEmpty else { return nil }
        }
        guard let (index, rule) = find(reference, members, resolver, &log) else { return nil }
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
        _ log: inout WarningLog
    ) -> (index: Int, rule: HrefResolver.Rule)? {
        switch resolver.resolve(reference.href) {
        case .found(let index, let rule):
            if rule != .exact {
                let path = String(displaying: members[index].path)
                log.add(
                    .hrefInexact,
                    "the href \"\(reference.href)\" is taken for \"\(path)\" (\(rule.rawValue))",
                    line: reference.line)
            }
            return (index, rule)
        case .absent:
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

/// The members `href.000000000`, `href.000000001` … of a file that was cut into pieces.
/// Spec: DSP0243 2.1, 7.1 "File references", `ovf:chunkSize`.
struct ChunkAssembly {
    /// nil where there is no chunk, or one is missing.
    private(set) var file: PackageFile?
    /// Whether there is no chunk at all.
    let isEmpty: Bool

    init(
        of reference: FileReference, _ chunkByteCount: UInt64, _ members: [PackageMember],
        _ resolver: HrefResolver, _ budget: inout Int, _ log: inout WarningLog
    ) {
        var found: [(index: Int, rule: HrefResolver.Rule)] = []
        while found.count < members.count, budget > 0,
            case .found(let index, let rule) = resolver.resolve(reference.href + Self.suffix(found.count))
        {
            found.append((index, rule))
            budget -= 1
        }
        let total = found.reduce(UInt64(0)) { $0 &+ members[$1.index].byteCount }
        let href = reference.href
        let line = reference.line
        let last = resolver.lastChunkNumber(of: href)
        isEmpty = last == nil
        guard let last else { return }
        guard budget > 0 || found.count > last else {
            log.add(
                .chunkMissing, "\"\(href)\" is left out: files name the same chunks many times", line: line)
            return
        }
        // A last chunk that is not full is the end of the file, whatever its size is said to be.
        let endsShort = found.last.map { members[$0.index].byteCount < chunkByteCount } ?? false
        guard found.count > last, endsShort || total >= reference.byteCount ?? 0 else {
            log.add(
                .chunkMissing,
                "\"\(href)\(Self.suffix(found.count))\" is not in the package: \(total) bytes are before it",
                line: line)
            return
        }
        for (number, chunk) in found.enumerated() {
            let byteCount = members[chunk.index].byteCount
            let isWrong = number < found.count - 1 ? byteCount != chunkByteCount : byteCount > chunkByteCount
            if isWrong {
                log.add(
                    .chunkSizeWrong,
                    "\"\(href)\(Self.suffix(number))\" has \(byteCount) bytes, and a chunk has \(chunkByteCount)",
                    line: line)
            }
        }
        if let byteCount = reference.byteCount, byteCount != total {
            log.add(
                .fileSizeWrong,
                "the chunks of \"\(href)\" have \(total) bytes, and the descriptor says \(byteCount)",
                line: line)
        }
        let parts = found.map { members[$0.index].source }
        guard let source = try? ConcatenatedSource(parts, named: href) else { return }
        file = PackageFile(
            members: found.map(\.index), rule: found.first?.rule ?? .exact, source: source,
            missingByteCount: found.reduce(0) { $0 &+ members[$1.index].missingByteCount })
    }

    /// Nine digits, from 0.
    static func suffix(_ number: Int) -> String {
        let digits = String(number)
        return "." + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    }
}
