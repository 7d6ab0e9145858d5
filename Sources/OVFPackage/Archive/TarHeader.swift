// One header block of a tar archive.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The fields of a header block of 512 bytes, whatever the dialect.
/// Spec: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
struct TarHeader {
    /// Length of a header, and what data is padded to, in bytes.
    static let blockByteCount = 512

    /// The name, with the prefix that ustar and star keep apart from it.
    let path: [UInt8]
    let linkPath: [UInt8]
    let type: UInt8
    /// Bytes that follow the header; nil where the number is negative or does not fit 63 bits.
    let byteCount: UInt64?
    /// Seconds since 1970; 0 where the field cannot be read.
    let modificationTime: Int64
    let dialect: TarDialect

    /// - Throws: `ReadError.corrupt` where the checksum or the size cannot be right.
    init(parsing block: OnDiskRecord) throws(ReadError) {
        let bytes = try block.slice(Self.blockByteCount, at: 0)
        guard Self.hasValidChecksum(bytes) else {
            throw block.corrupt(at: 148, "the checksum of the header is wrong")
        }
        dialect = TarDialect(header: bytes)
        type = bytes[156]
        guard let number = TarNumber(bytes[124..<136]) else {
            throw block.corrupt(at: 124, "the size is not a number")
        }
        byteCount = number.unsigned
        modificationTime = TarNumber(bytes[136..<148])?.signed ?? 0
        linkPath = Self.text(bytes[157..<257])
        let name = Self.text(bytes[0..<100])
        let prefix =
            dialect.prefixByteCount > 0 ? Self.text(bytes[345..<(345 + dialect.prefixByteCount)]) : []
        path = prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }

    /// Whether `bytes` is a header whose checksum fits. Some old programs summed signed bytes.
    static func hasValidChecksum(_ bytes: ArraySlice<UInt8>) -> Bool {
        let start = bytes.startIndex
        guard bytes.count == blockByteCount,
            let stored = TarNumber(bytes[(start + 148)..<(start + 156)])?.unsigned
        else { return false }
        let field = bytes[(start + 148)..<(start + 156)]
        let sum = bytes.reduce(0) { $0 &+ Int($1) } - field.reduce(0) { $0 + Int($1) } + 8 * 0x20
        guard stored != UInt64(sum) else { return true }
        let highBytes = bytes.reduce(0) { $0 &+ Int($1 >> 7) } - field.reduce(0) { $0 + Int($1 >> 7) }
        return Int(exactly: stored) == sum - 256 * highBytes
    }

    /// The bytes of a field up to its first NUL.
    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] {
        Array(field.prefix { $0 != 0 })
    }
}

/// Which program's idea of tar a header follows.
package enum TarDialect: String, Sendable {
    case v7
    case ustar
    case gnu
    case star

    init(header bytes: ArraySlice<UInt8>) {
        let magic = bytes[257..<265]
        if magic.elementsEqual("ustar  \0".utf8) {
            self = .gnu
        } else if magic.prefix(5).elementsEqual("ustar".utf8) {
            self = bytes[508..<512].elementsEqual("tar\0".utf8) ? .star : .ustar
        } else {
            self = .v7
        }
    }

    /// How much of the header at byte 345 is the front of the name; GNU and star keep times there.
    var prefixByteCount: Int {
        switch self {
        case .v7, .gnu: 0
        case .ustar: 155
        case .star: 131
        }
    }
}

/// A number of a header: octal digits, or base-256 where the first bit is set.
struct TarNumber {
    /// nil where the number does not fit.
    let signed: Int64?

    /// nil where the number is negative or does not fit 63 bits.
    var unsigned: UInt64? { signed.flatMap { UInt64(exactly: $0) } }

    /// nil where the field is no number at all.
    init?(_ field: ArraySlice<UInt8>) {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            signed = Self.base256(field)
        } else {
            guard let digits = Self.octalDigits(field) else { return nil }
            signed = digits.isEmpty ? 0 : Int64(String(decoding: digits, as: UTF8.self), radix: 8)
        }
    }

    /// Two's complement, highest byte first; the top bit is the mark and bit 6 the sign.
    private static func base256(_ field: ArraySlice<UInt8>) -> Int64? {
        let isNegative = field.first.map { $0 & 0x40 != 0 } ?? false
        var value: Int64 = isNegative ? -1 : 0
        for (index, byte) in field.enumerated() {
            let digit = index == 0 ? (isNegative ? byte | 0x80 : byte & 0x7f) : byte
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 256)
            guard !overflow else { return nil }
            value = shifted | Int64(digit)
        }
        return value
    }

    /// The digits between leading spaces and a space or NUL; nil where anything else is there.
    private static func octalDigits(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let text = field.drop { $0 == 0x20 || $0 == 0 }
        let digits = text.prefix { (0x30...0x37).contains($0) }
        let rest = text[digits.endIndex...]
        guard rest.first.map({ $0 == 0x20 || $0 == 0 }) ?? true else { return nil }
        return digits
    }
}
