// Finds the member that an href of the descriptor means.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The names of a package's members, looked up the way hrefs are written. No name leads out of the package.
package struct HrefResolver: Sendable {
    private var paths: [ByteString: Int] = [:]
    /// The members in the descriptor's folder, by what follows it: hrefs times a long folder would be a product.
    private var pathsInBase: [ByteString: Int] = [:]
    private var names: [ByteString: [Int]] = [:]
    /// By canonical equivalence, which is how Swift compares strings; only while `work` lasts.
    private var normalizedPaths: [String: Int] = [:]
    private var normalizedNames: [String: [Int]] = [:]
    /// For each name in front of nine digits, the highest number: what chunks there are.
    private var chunkNumbers: [ByteString: Int] = [:]
    /// The files in chunks: for each, its members by their numbers.
    private var chunkedFiles: [[Int: Int]] = []
    /// The same by the path in front of the digits, and by each member.
    private var chunkedFilePlaces: [ByteString: Int] = [:]
    private var chunkedFileOfMember: [Int: Int] = [:]
    private let work: NormalizationWork
    /// Whether any name is not ASCII: without one, an href of ASCII is equivalent to itself alone.
    private var hasForeignName = false
    /// The folder of the descriptor, which hrefs are relative to; ends with a slash unless empty.
    private let base: [UInt8]
    /// Whether a member may be found by the last component of its name alone, in another folder.
    var allowsOtherFolders: Bool

    /// How an href was found.
    package enum Rule: String, Sendable {
        case exact
        case percentDecoded = "percent-decoded"
        case lastComponent = "last-component"
        case normalized = "unicode-normalized"
    }

    package enum Resolution: Sendable, Equatable {
        /// The member, by its index.
        case found(Int, Rule)
        case absent
        /// Several members have the last component.
        case ambiguous([Int])
        /// An address of something that is not in the package.
        case refused
    }

    /// `descriptor` is the member whose hrefs are looked up. In a package with a manifest nothing is found by its
    /// last component: a file put in under another folder would stand for one that was signed.
    ///
    /// `work` is what comparing names of the package may cost, whoever does it.
    init(
        _ members: [PackageMember], relativeTo descriptor: PackageMember? = nil, allowsOtherFolders: Bool,
        work: NormalizationWork = NormalizationWork()
    ) {
        self.allowsOtherFolders = allowsOtherFolders
        self.work = work
        let path = descriptor?.normalizedPath ?? []
        base = path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[...$0]) } ?? []
        for (index, member) in members.enumerated() { insert(member, at: index) }
    }

    /// Takes in a further member.
    mutating func insert(_ member: PackageMember, at index: Int) {
        guard member.isReferable else { return }
        let path = member.normalizedPath
        let name = FileName.lastComponent(of: path)
        // The first of two members with one name is the one that is meant.
        let isFirst = paths[ByteString(path)] == nil
        if isFirst { paths[ByteString(path)] = index }
        if isFirst, !base.isEmpty, path.starts(with: base) {
            pathsInBase[ByteString(Array(path[base.count...]))] = index
        }
        if isFirst { names[ByteString(name), default: []].append(index) }
        noteChunk(name, isFirst ? path : [], index)
        guard isFirst, let text = comparable(path) else { return }
        if path.contains(where: { $0 >= 0x80 }) { hasForeignName = true }
        if normalizedPaths[text] == nil { normalizedPaths[text] = index }
        if let text = comparable(name) { normalizedNames[text, default: []].append(index) }
    }

    /// Whether names were left out of the comparison by canonical equivalence, since there are too many of them.
    var hasGivenUpNormalizing: Bool { work.isDone }

    /// Says that names were left out, once for a package.
    func reportNormalizing(_ log: inout WarningLog) {
        if hasGivenUpNormalizing, work.takeReport() { log.add(.hrefInexact, Self.normalizingProblem) }
    }

    static let normalizingProblem = """
        there is too much text that is not ASCII in names and references: not all are compared in another Unicode \
        normalisation
        """

    /// The text to compare by canonical equivalence; nil where it is not UTF-8, or made to be slow to compare, and
    /// where too much was compared already.
    private func comparable(_ name: [UInt8]) -> String? {
        // Text that is ASCII is hashed as it is.
        guard !name.contains(where: { $0 >= 0x80 }) || work.take(name.count) else { return nil }
        guard let text = String(validating: name, as: UTF8.self), CombiningMarks.areFew(in: text) else {
            return nil
        }
        return text
    }

    /// Longest href that can name a member, in bytes: each of a name's may be written as `%41`.
    static let maximumHrefByteCount = 3 * PaxRecords.maximumPathByteCount

    /// The member whose path is exactly `path`, bytes as written, relative to the descriptor or else to the package.
    func member(atPath path: [UInt8]) -> Int? { self.path(MemberPath(path)) }

    /// The highest number of a chunk of `href`; nil where there is none.
    func lastChunkNumber(of href: String) -> Int? {
        chunkNumbers[ByteString(FileName.lastComponent(of: MemberPath(Array(href.utf8)).normalized))]
    }

    /// The file, by a number of its own, that the member with this index is a chunk of; nil where it is none.
    func chunkedFile(ofMember index: Int) -> Int? { chunkedFileOfMember[index] }

    /// The chunks of such a file, by their numbers.
    func chunks(ofChunkedFile file: Int) -> [Int: Int] { chunkedFiles[file] }

    private mutating func noteChunk(_ name: [UInt8], _ path: [UInt8], _ index: Int) {
        guard name.count > 10, name[name.count - 10] == UInt8(ascii: "."),
            name.suffix(9).allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(decoding: name.suffix(9), as: UTF8.self))
        else { return }
        chunkNumbers[ByteString(Array(name.dropLast(10))), default: 0].raise(to: number)
        guard !path.isEmpty else { return }
        let file = ByteString(Array(path.dropLast(10)))
        let place = chunkedFilePlaces[file] ?? chunkedFiles.count
        if place == chunkedFiles.count {
            chunkedFilePlaces[file] = place
            chunkedFiles.append([:])
        }
        chunkedFiles[place][number] = index
        chunkedFileOfMember[index] = place
    }

    /// The member that `href` means.
    package func resolve(_ href: String) -> Resolution {
        let bytes = Array(href.utf8.prefix(Self.maximumHrefByteCount + 1))
        guard !bytes.isEmpty, !Self.isAddress(bytes) else { return .refused }
        guard bytes.count <= Self.maximumHrefByteCount else { return .absent }
        let written = MemberPath(bytes)
        let decoded = MemberPath(Self.percentDecoded(bytes))
        if let index = path(written) { return .found(index, .exact) }
        if let index = path(decoded) { return .found(index, .percentDecoded) }
        for name in [
            FileName.lastComponent(of: written.normalized), FileName.lastComponent(of: decoded.normalized),
        ]
        where allowsOtherFolders {
            guard let matches = names[ByteString(name)], let first = matches.first else { continue }
            return matches.count == 1 ? .found(first, .lastComponent) : .ambiguous(matches)
        }
        return resolveNormalized(decoded)
    }

    /// The member whose path is exactly `path`, relative to the descriptor or else to the package.
    private func path(_ path: MemberPath) -> Int? {
        guard path.isReferable else { return nil }
        let plain = ByteString(path.normalized)
        return pathsInBase[plain] ?? paths[plain]
    }

    private func resolveNormalized(_ path: MemberPath) -> Resolution {
        let plain = path.normalized
        guard hasForeignName || plain.contains(where: { $0 >= 0x80 }) else { return .absent }
        if path.isReferable {
            if !base.isEmpty, work.take(base.count), let text = comparable(base + plain),
                let index = normalizedPaths[text]
            {
                return .found(index, .normalized)
            }
            if let text = comparable(plain), let index = normalizedPaths[text] {
                return .found(index, .normalized)
            }
        }
        guard allowsOtherFolders,
            let name = comparable(FileName.lastComponent(of: path.normalized)),
            let matches = normalizedNames[name], let first = matches.first
        else { return .absent }
        return matches.count == 1 ? .found(first, .normalized) : .ambiguous(matches)
    }

    /// Whether an href starts with a scheme, such as `https://`.
    private static func isAddress(_ href: [UInt8]) -> Bool {
        guard let colon = href.firstIndex(of: UInt8(ascii: ":")), href[colon...].starts(with: "://".utf8)
        else { return false }
        return href[..<colon].allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "+"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
    }

    /// `%41` as `A`; what is no escape stays.
    static func percentDecoded(_ bytes: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = Hexadecimal.digit(bytes[index + 1]), let low = Hexadecimal.digit(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return decoded
    }
}

extension Int {
    fileprivate mutating func raise(to other: Int) { self = Swift.max(self, other) }
}
