// The digests that a package lists of its files.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A manifest (`.mf`): lines of the form `SHA256(name)= digest`, in every spelling that is seen.
/// Spec: DSP0243 2.1, 6.3 "Manifest file".
package struct Manifest: Sendable {
    /// In the file's order.
    package let entries: [Entry]
    package let warnings: [PackageWarning]

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
    package static let maximumByteCount: UInt64 = 32 << 20

    /// Reads and parses `source`.
    /// - Throws: `ReadError` where it cannot be read or is too long.
    package init(reading source: any ByteSource) throws(ReadError) {
        guard source.byteCount <= Self.maximumByteCount else {
            throw .unsupported(feature: "a manifest longer than \(Self.maximumByteCount) bytes")
        }
        self.init(parsing: try source.bytes(Int(source.byteCount), at: 0))
    }

    /// Parses a manifest. A line that cannot be read is a warning.
    package init(parsing bytes: [UInt8]) {
        var log = WarningLog()
        var entries: [Entry] = []
        var spellings: Set<String> = []
        let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
        for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let line = Self.trimmed(line)
            guard !line.isEmpty else { continue }
            guard let (entry, spelling) = Self.entry(line, number: index + 1) else {
                log.add(
                    .manifestLineUnreadable,
                    "\"\(String(displaying: Array(line)))\" is no line of a manifest",
                    line: index + 1)
                continue
            }
            entries.append(entry)
            guard spelling != entry.algorithm.rawValue.uppercased(), spellings.insert(spelling).inserted
            else {
                continue
            }
            log.add(.manifestSpelling, "the digest is called \"\(spelling)\"", line: index + 1)
        }
        if entries.contains(where: { $0.algorithm == .md5 }) {
            log.add(.manifestWeakDigest, "MD5 digests can be forged")
        }
        self.entries = entries
        warnings = log.warnings
    }

    /// `ALG ( name ) = digest`; the last `)` closes.
    private static func entry(
        _ line: ArraySlice<UInt8>, number: Int
    ) -> (entry: Entry, spelling: String)? {
        guard let open = line.firstIndex(of: UInt8(ascii: "(")),
            let close = line.lastIndex(of: UInt8(ascii: ")")), open < close
        else { return nil }
        let spelling = String(decoding: trimmed(line[..<open]), as: UTF8.self)
        let rest = trimmed(line[(close + 1)...])
        let name = trimmed(line[(open + 1)..<close])
        guard let algorithm = DigestAlgorithm(spelling: spelling), rest.first == UInt8(ascii: "="),
            !name.isEmpty
        else { return nil }
        let digest = trimmed(rest.dropFirst())
        guard !digest.isEmpty, digest.allSatisfy({ Hexadecimal.digit($0) != nil }) else { return nil }
        let entry = Entry(
            algorithm: algorithm, name: Array(name),
            digest: String(decoding: digest, as: UTF8.self).lowercased(), line: number)
        return (entry, spelling)
    }

    /// Without spaces, tabs and carriage returns at the ends.
    static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0d }
        let start = text.drop(while: isSpace)
        guard let last = start.lastIndex(where: { !isSpace($0) }) else { return start.prefix(0) }
        return start[...last]
    }
}
