// A file of a package that was cut into pieces.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The members `href.000000000`, `href.000000001` … of a file that was cut into pieces.
/// Spec: DSP0243 2.1, 7.1 "File references", `ovf:chunkSize`.
struct ChunkAssembly {
    /// nil where there is no chunk, or one is missing.
    private(set) var file: PackageFile?
    /// Why the pieces that there are make no file; one line.
    private(set) var problem: String?
    /// Whether there is no chunk at all.
    let isEmpty: Bool

    init(
        of reference: FileReference, _ chunkByteCount: UInt64, _ members: [PackageMember],
        _ resolver: HrefResolver, _ budget: inout Int, _ log: inout WarningLog
    ) {
        let found = Self.chunks(of: reference.href, resolver, &budget)
        // What a chunk would have if the archive did not end inside of it.
        let lengths = found.map { chunk in
            let (length, overflow) = members[chunk.index].byteCount.addingReportingOverflow(
                members[chunk.index].missingByteCount)
            return overflow ? UInt64.max : length
        }
        let total = lengths.reduce(UInt64(0)) { total, length in
            let (sum, overflow) = total.addingReportingOverflow(length)
            return overflow ? .max : sum
        }
        let href = reference.href.quotable()
        let line = reference.line
        let last = resolver.lastChunkNumber(of: reference.href)
        isEmpty = last == nil
        guard let last else { return }
        guard budget > 0 || found.count > last else {
            problem = "\"\(href)\" is left out: files name the same chunks many times"
            log.add(.chunkMissing, problem ?? "", line: line)
            return
        }
        // A last chunk that is not full is the end of the file: nothing can be behind it.
        let endsShort = lengths.last.map { $0 < chunkByteCount } ?? false
        guard found.count > last, endsShort || total >= reference.byteCount ?? 0 else {
            problem =
                "\"\(href)\(Self.suffix(found.count))\" is not in the package: \(total) bytes are before it"
            log.add(.chunkMissing, problem ?? "", line: line)
            return
        }
        for (number, chunk) in found.enumerated() {
            let isLast = number == found.count - 1
            let isCut = !isLast && members[chunk.index].missingByteCount > 0
            guard isCut || (isLast ? lengths[number] > chunkByteCount : lengths[number] != chunkByteCount)
            else { continue }
            // Whatever is behind it would be at another place of the disk than it was.
            problem =
                "\"\(href)\(Self.suffix(number))\" has \(members[chunk.index].byteCount) bytes, and a chunk has "
                + "\(chunkByteCount)"
            log.add(.chunkSizeWrong, problem ?? "", line: line)
            return
        }
        if let byteCount = reference.byteCount, byteCount != total {
            problem =
                "the chunks of \"\(href)\" have \(total) bytes, and the descriptor says \(byteCount): one is missing, "
                + "or not the right one"
            log.add(.fileSizeWrong, problem ?? "", line: line)
            return
        }
        let parts = found.map { members[$0.index].source }
        guard let source = try? ConcatenatedSource(parts, named: href) else { return }
        file = PackageFile(
            members: found.map(\.index), rule: found.first?.rule ?? .exact, source: source,
            missingByteCount: found.reduce(0) { $0 &+ members[$1.index].missingByteCount })
    }

    /// The chunks, in order. The href is looked up once: which others stand beside the first is known.
    private static func chunks(
        of href: String, _ resolver: HrefResolver, _ budget: inout Int
    ) -> [(index: Int, rule: HrefResolver.Rule)] {
        guard budget > 0, case .found(let first, let rule) = resolver.resolve(href + suffix(0)) else {
            return []
        }
        budget -= 1
        var found = [(index: first, rule: rule)]
        let chunks = resolver.chunkedFile(ofMember: first).map(resolver.chunks) ?? [:]
        while budget > 0, let next = chunks[found.count] {
            found.append((next, rule))
            budget -= 1
        }
        return found
    }

    /// Nine digits, from 0.
    static func suffix(_ number: Int) -> String {
        let digits = String(number)
        return "." + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    }
}
