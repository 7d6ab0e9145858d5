// The digests that a package lists of its files.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A manifest (`.mf`): lines of the form `SHA256(name)= digest`, in every spelling that is seen.
/// Spec: DSP0243 2.1, 6.3 "Manifest file".
package struct Manifest: Sendable {
    /// In the file's order.
    package let entries: [Entry]
    package let warnings: [PackageWarning]
    /// The SHA-256 of the text, in hexadecimal digits: a signature is checked over the text that was parsed.
    package let textDigest: String

    /// One line.
    package struct Entry: Sendable, Equatable {
        package let algorithm: DigestAlgorithm
        /// The file's name, relative to the manifest's folder, bytes as written.
        package let name: [UInt8]
        /// As hexadecimal digits in lower case; of any length, as a wrong length is a wrong digest.
        package let digest: String
        /// From 1.
        package let line: Int
    }

    /// Longest manifest, in bytes.
    package static let maximumByteCount: UInt64 = 16 << 20
    /// Most lines with a digest: more than twice as many as a package has members are no manifest's.
    package static let maximumEntryCount = 2 * TarIndex.maximumMemberCount
    /// What an entry takes beside its name and its digest, in bytes.
    private static let bytesPerEntry = 192

    /// Reads and parses `source`; what is kept of it is taken from `budget`.
    /// - Throws: `ReadError` where it cannot be read, is too long, or lists too much.
    package init(
        reading source: any ByteSource, budget: OpeningBudget = OpeningBudget()
    ) throws(ReadError) {
        guard source.byteCount <= Self.maximumByteCount else {
            throw .unsupported(feature: "a manifest longer than \(Self.maximumByteCount) bytes")
        }
        let bytes = try source.bytes(Int(source.byteCount), at: 0)
        self.init(parsing: bytes)
        guard entries.count <= Self.maximumEntryCount else {
            throw .unsupported(feature: "a manifest of more than \(Self.maximumEntryCount) lines")
        }
        // Names and digests are not longer than the text that they are written in.
        try budget.take(
            UInt64(entries.count * Self.bytesPerEntry + bytes.count), for: "lines of the manifest")
    }

    /// Parses a manifest. A line that cannot be read is a warning; it ends behind `maximumEntryCount` lines.
    package init(parsing bytes: [UInt8]) {
        var log = WarningLog()
        var entries: [Entry] = []
        var spellings: Set<String> = []
        var oddSpacing: (line: Int, count: Int)?
        let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
        for (index, whole) in ByteLines(text).enumerated() {
            let line = whole.trimmed
            guard !line.isEmpty else { continue }
            guard let (entry, spelling) = Self.entry(line, number: index + 1) else {
                log.add(
                    .manifestLineUnreadable,
                    "\"\(String(displaying: Array(line)))\" is not a line of a manifest, as SHA256(name)= digest is",
                    line: index + 1)
                continue
            }
            entries.append(entry)
            guard entries.count <= Self.maximumEntryCount else { break }
            if !Self.hasStandardSpacing(whole, entry, spelling) {
                oddSpacing = (oddSpacing?.line ?? index + 1, (oddSpacing?.count ?? 0) + 1)
            }
            guard spelling != entry.algorithm.rawValue.uppercased(), spellings.insert(spelling).inserted
            else {
                continue
            }
            log.add(.manifestSpelling, "the digest is called \"\(spelling)\"", line: index + 1)
        }
        if let oddSpacing {
            log.add(
                .manifestSpacing,
                "\(oddSpacing.count) line\(oddSpacing.count == 1 ? " is" : "s are") not spaced as in "
                    + "\"SHA256(name)= digest\", which ESXi insists on", line: oddSpacing.line)
        }
        if entries.contains(where: { $0.algorithm == .md5 }) {
            log.add(.manifestWeakDigest, "MD5 digests can be forged")
        }
        self.entries = entries
        warnings = log.warnings
        textDigest = Self.digest(of: bytes)
    }

    /// The SHA-256 of `text`, in hexadecimal digits.
    static func digest(of text: [UInt8]) -> String {
        var digester = MemberDigester([.sha256])
        // SAFETY: bytes have no padding.
        digester.update(unsafe text.span.bytes)
        return digester.finish()[.sha256] ?? ""
    }

    /// Whether a line is `ALG(name)= digest` with no other white space, but for a carriage return at its end.
    /// Spec: DSP0243 2.1, 6.3.
    private static func hasStandardSpacing(
        _ line: ArraySlice<UInt8>, _ entry: Entry, _ spelling: String
    ) -> Bool {
        let text = line.last == 0x0d ? line.dropLast() : line
        let wanted = spelling.utf8.count + entry.name.count + entry.digest.utf8.count + 4
        return text.count == wanted && text.dropFirst(spelling.utf8.count).first == UInt8(ascii: "(")
            && text.dropLast(entry.digest.utf8.count).suffix(3).elementsEqual(")= ".utf8)
    }

    /// `ALG ( name ) = digest`; the last `)` closes.
    private static func entry(
        _ line: ArraySlice<UInt8>, number: Int
    ) -> (entry: Entry, spelling: String)? {
        guard let open = line.firstIndex(of: UInt8(ascii: "(")),
            let close = line.lastIndex(of: UInt8(ascii: ")")), open < close
        else { return nil }
        let spelling = line[..<open].trimmed
        let rest = line[(close + 1)...].trimmed
        let name = line[(open + 1)..<close].trimmed
        guard let algorithm = DigestAlgorithm(spelling: spelling), rest.first == UInt8(ascii: "="),
            !name.isEmpty
        else { return nil }
        let digest = rest.dropFirst().trimmed
        guard !digest.isEmpty, digest.allSatisfy({ Hexadecimal.digit($0) != nil }) else { return nil }
        let entry = Entry(
            algorithm: algorithm, name: Array(name),
            digest: String(decoding: digest, as: UTF8.self).lowercased(), line: number)
        return (entry, String(decoding: spelling, as: UTF8.self))
    }
}
