// What a differencing VHD says of its parent.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The names that a differencing disk has for its parent, in the order in which they are tried.
/// Spec: Microsoft, Virtual Hard Disk Image Format Specification 1.0, "Parent Locator Entries".
enum VHDParent {
    /// No system has longer paths.
    private static let longestNameByteCount: UInt64 = 64 << 10

    /// - Throws: `ReadError.corrupt` where nothing names the parent.
    static func reference(
        in header: VHDDynamicHeader, _ reader: OpeningReader
    ) throws(ReadError) -> ParentReference {
        var names: [[UInt8]] = []
        func add(_ path: String?) {
            guard let name = path.flatMap({ StoredName.lastComponent(of: $0) }), !names.contains(name) else {
                return
            }
            names.append(name)
        }
        for bytes in try values(of: "W2ru", in: header, reader) {
            add(StoredName.text(utf16: bytes, highestByteFirst: false))
        }
        add(StoredName.text(utf16: header.parentName, highestByteFirst: true))
        for bytes in try values(of: "W2ku", in: header, reader) {
            add(StoredName.text(utf16: bytes, highestByteFirst: false))
        }
        for bytes in try values(of: "MacX", in: header, reader) {
            add(percentDecoded(bytes))
        }
        guard !names.isEmpty else {
            throw .corrupt(
                record: "dynamic VHD header of \(reader.imageName)", offset: 0,
                reason: "it holds what differs from a parent disk, and nothing names that")
        }
        return ParentReference(names: names, identities: [.vhd(header.parentIdentifier)])
    }

    /// What the locators of `platform` hold. One that is not in the file, or absurdly long, names nothing.
    private static func values(
        of platform: String, in header: VHDDynamicHeader, _ reader: OpeningReader
    ) throws(ReadError) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for locator in header.locators
        where locator.platform.elementsEqual(platform.utf8)
            && (1...longestNameByteCount).contains(locator.byteCount)
            && locator.offset <= reader.byteCount && locator.byteCount <= reader.byteCount - locator.offset
        {
            values.append(
                try reader.record("name of the parent", byteCount: Int(locator.byteCount), at: locator.offset)
                    .bytes)
        }
        return values
    }

    /// A `file:` URL in UTF-8, with its escapes replaced; nil where that is no text.
    /// Spec: RFC 2396, 2.4.1.
    private static func percentDecoded(_ bytes: [UInt8]) -> String? {
        var decoded: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst(), byte != 0 {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2,
                digits.allSatisfy({ Character(.init($0)).isHexDigit }),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                decoded.append(value)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }
}
