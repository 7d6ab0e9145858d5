// The keyword records of a pax extended header.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What pax headers say about the members after them. Only the keywords that matter here are kept.
/// Spec: POSIX.1-2017 pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files".
struct PaxRecords {
    var path: [UInt8]?
    var linkPath: [UInt8]?
    var byteCount: UInt64?
    var modificationTime: Int64?
    var sparse = Sparse()

    /// The `GNU.sparse.` keywords.
    struct Sparse {
        var major: UInt64?
        var minor: UInt64?
        var name: [UInt8]?
        var realByteCount: UInt64?
        /// Offsets and lengths in turn: form 0.0 as repeated keywords, form 0.1 as one list.
        var map: [UInt64] = []
        var isPresent = false
    }

    /// Longest header, in bytes.
    static let maximumByteCount: UInt64 = 1 << 20
    private static let sparsePrefix = Array("GNU.sparse.".utf8)
    /// Longest name, in bytes.
    static let maximumPathByteCount = 1 << 16

    /// Adds the records of one header to what is known already; an empty value takes a keyword back.
    ///
    /// A header that makes no sense somewhere says nothing for certain: where its member ends is not known, and what
    /// follows could be anything, such as another archive inside the member.
    /// - Throws: `ReadError.corrupt` where a record is not of the form `length keyword=value`, a number is none, or
    ///   two sizes contradict each other.
    mutating func merge(_ record: OnDiskRecord) throws(ReadError) {
        var size: UInt64?
        var rest = record.bytes[...]
        while let first = rest.first, first != 0 {
            let start = rest.startIndex
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard digits.count < 10, let length = Int(String(decoding: digits, as: UTF8.self)),
                length > digits.count + 1, length <= rest.count,
                rest[digits.endIndex] == 0x20, rest[start + length - 1] == 0x0a
            else { throw record.corrupt(at: start, "a pax record has a wrong length") }
            let field = rest[(digits.endIndex + 1)..<(start + length - 1)]
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else {
                throw record.corrupt(at: start, "a pax record has no =")
            }
            let keyword = field[..<equals]
            try set(keyword, field[(equals + 1)...], record, at: start)
            if keyword.elementsEqual("size".utf8) {
                // Readers differ in which of two they take.
                guard size == nil || size == byteCount else {
                    throw record.corrupt(at: start, "the size is given twice, and differently")
                }
                size = byteCount
            }
            rest = rest[(start + length)...]
        }
    }

    private mutating func set(
        _ keyword: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>, _ record: OnDiskRecord, at offset: Int
    ) throws(ReadError) {
        if keyword.starts(with: Self.sparsePrefix) {
            try setSparse(keyword.dropFirst(Self.sparsePrefix.count), value, record, at: offset)
            return
        }
        switch ASCIIWord(exactly: keyword) {
        case "path": path = try Self.name(value, record, at: offset)
        case "linkpath": linkPath = try Self.name(value, record, at: offset)
        case "size": byteCount = value.isEmpty ? nil : try Self.number(value, record, at: offset)
        // Fractions of a second are cut off; a time that is no number is no time.
        case "mtime": modificationTime = Int64(String(decoding: value.prefix { $0 != 0x2e }, as: UTF8.self))
        default: break
        }
    }

    private mutating func setSparse(
        _ keyword: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>, _ record: OnDiskRecord, at offset: Int
    ) throws(ReadError) {
        sparse.isPresent = true
        switch ASCIIWord(exactly: keyword) {
        case "major": sparse.major = try Self.number(value, record, at: offset)
        case "minor": sparse.minor = try Self.number(value, record, at: offset)
        case "name": sparse.name = try Self.name(value, record, at: offset)
        case "size", "realsize": sparse.realByteCount = try Self.number(value, record, at: offset)
        case "offset":
            guard sparse.map.count.isMultiple(of: 2) else {
                throw record.corrupt(at: offset, "two sparse offsets in a row")
            }
            try appendToMap(value, record, at: offset)
        case "numbytes":
            guard !sparse.map.count.isMultiple(of: 2) else {
                throw record.corrupt(at: offset, "a sparse length without an offset")
            }
            try appendToMap(value, record, at: offset)
        case "map":
            sparse.map = []
            for text in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            where !value.isEmpty {
                try appendToMap(text, record, at: offset)
            }
        default: break
        }
    }

    /// Many headers may go before one member, so what each may hold bounds nothing.
    private mutating func appendToMap(
        _ text: ArraySlice<UInt8>, _ record: OnDiskRecord, at offset: Int
    ) throws(ReadError) {
        guard sparse.map.count < 2 * SparseMap.maximumPieceCount else {
            throw record.corrupt(
                at: offset, "more than \(SparseMap.maximumPieceCount) pieces of a sparse file")
        }
        sparse.map.append(try Self.number(text, record, at: offset))
    }

    /// What a GNU long name holds: the bytes before the NULs at its end.
    static func longName(_ record: OnDiskRecord) -> [UInt8] {
        Array(record.bytes[..<((record.bytes.lastIndex { $0 != 0 } ?? -1) + 1)])
    }

    private static func name(
        _ value: ArraySlice<UInt8>, _ record: OnDiskRecord, at offset: Int
    ) throws(ReadError) -> [UInt8]? {
        guard value.count <= maximumPathByteCount else {
            throw record.corrupt(at: offset, "a name is longer than \(maximumPathByteCount) bytes")
        }
        // A NUL stays: programs that end the name there would see another one, so no href finds this member.
        return value.isEmpty ? nil : Array(value)
    }

    static func number(
        _ value: ArraySlice<UInt8>, _ record: OnDiskRecord, at offset: Int
    ) throws(ReadError) -> UInt64 {
        guard value.first.map({ (0x30...0x39).contains($0) }) ?? false,
            let number = Int64(String(decoding: value, as: UTF8.self))
        else { throw record.corrupt(at: offset, "a number is negative, too large or no number") }
        return UInt64(number)
    }
}
