// The text encoding of an XML document.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Makes sure that the bytes which are looked over are the characters that libxml2 reads: encodings in which ASCII means
/// something else could hide any markup.
enum XMLEncoding {
    /// Encodings in which the bytes of markup stand for themselves and for nothing else, by how their names begin.
    private static let transparent: [ASCIIWord] = [
        "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-", "iso8859-", "iso_8859-", "latin", "windows-125",
        "cp125", "gb2312", "gbk", "gb18030", "big5", "shift_jis", "shift-jis", "euc-", "koi8-", "windows-31j",
        "windows-874",
    ]

    /// The document in an encoding that ASCII is a part of; whether it was converted to UTF-8 for that.
    /// - Throws: `DescriptorError` where the document is in an encoding that hides its markup.
    static func transparentBytes(
        of bytes: [UInt8]
    ) throws(DescriptorError) -> (bytes: [UInt8], isConverted: Bool) {
        let text = try text(of: bytes)
        // UCS-4 in any order of its bytes has NULs, also where it is read as UTF-16; no XML has one.
        guard !text.bytes.contains(0) else {
            throw DescriptorError(
                line: 1, "the text holds a NUL, as in UCS-4, which is not read; convert it to UTF-8")
        }
        // libxml2 knows EBCDIC by its `<?xm`.
        guard !text.bytes.starts(with: [0x4c, 0x6f, 0xa7, 0x94]) else {
            throw DescriptorError(
                line: 1, "the text encoding \"EBCDIC\" is not read; convert it to UTF-8")
        }
        return text
    }

    private static func text(
        of bytes: [UInt8]
    ) throws(DescriptorError) -> (bytes: [UInt8], isConverted: Bool) {
        let first = Array(bytes.prefix(4))
        switch (first.first ?? 0, first.dropFirst().first ?? 0) {
        case (0xfe, 0xff), (0x00, 0x3c): return (converted(bytes, isBigEndian: true), true)
        case (0xff, 0xfe), (0x3c, 0x00): return (converted(bytes, isBigEndian: false), true)
        default: break
        }
        guard let name = declaredName(bytes) else { return (bytes, false) }
        // Where it says UTF-16 and is not, libxml2 says so.
        guard ASCIIWord(folding: name) == "utf-16" || transparent.contains(where: { $0.begins(name) }) else {
            let shown = String(displaying: Array(name)).quotable(upTo: 40)
            throw DescriptorError(line: 1, "the text encoding \"\(shown)\" is not read; convert it to UTF-8")
        }
        return (bytes, false)
    }

    private static func converted(_ bytes: [UInt8], isBigEndian: Bool) -> [UInt8] {
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        for index in stride(from: 0, to: bytes.count - bytes.count % 2, by: 2) {
            let pair = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
            units.append(isBigEndian ? pair.0 << 8 | pair.1 : pair.1 << 8 | pair.0)
        }
        if units.first == 0xfeff { units.removeFirst() }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    /// What the XML declaration says; nil where it says nothing.
    /// Spec: XML 1.0, 4.3.3 "Character Encoding in Entities".
    private static func declaredName(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
        let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
        guard text.starts(with: "<?xml".utf8), let end = text.firstIndex(of: UInt8(ascii: ">")) else {
            return nil
        }
        // No declaration is that long.
        let declaration = text[..<end].prefix(4096)
        let word = Array("encoding".utf8)
        var index = declaration.startIndex
        while let found = declaration[index...].firstIndex(of: word[0]) {
            index = found + 1
            guard declaration[found...].starts(with: word) else { continue }
            let rest = declaration[(found + word.count)...].drop { $0 <= 0x20 }
            guard rest.first == UInt8(ascii: "=") else { continue }
            let value = rest.dropFirst().drop { $0 <= 0x20 }
            guard let quote = value.first, quote == 0x22 || quote == 0x27 else { continue }
            return value.dropFirst().prefix { $0 != quote }
        }
        return nil
    }
}
