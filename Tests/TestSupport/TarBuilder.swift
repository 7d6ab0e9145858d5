// Builds tar archives for tests, well-formed or not.
// SPDX-License-Identifier: Apache-2.0

/// Archive bytes, appended member by member.
package struct TarBuilder {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package enum Magic: String {
        case v7 = ""
        case ustar = "ustar\u{0}00"
        case gnu = "ustar  \u{0}"
    }

    package enum Checksum {
        case unsigned
        case signed
        case wrong
    }

    /// A header and its padded data.
    package mutating func add(
        _ path: [UInt8], _ data: [UInt8] = [], type: Character = "0", link: String = "",
        sizeField: [UInt8]? = nil, magic: Magic = .ustar, prefix: String = "", time: Int = 1_700_000_000,
        checksum: Checksum = .unsigned, patch: [(offset: Int, bytes: [UInt8])] = []
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ field: some Collection<UInt8>, at offset: Int) {
            header.replaceSubrange(offset..<(offset + field.count), with: field)
        }
        put(path.prefix(100), at: 0)
        put("0000644\u{0}0000000\u{0}0000000\u{0}".utf8, at: 100)
        put(sizeField ?? Self.octal(data.count, width: 12), at: 124)
        put(Self.octal(time, width: 12), at: 136)
        header[156] = type.asciiValue ?? 0
        put(link.utf8.prefix(100), at: 157)
        put(magic.rawValue.utf8, at: 257)
        put(prefix.utf8.prefix(155), at: 345)
        for (offset, bytes) in patch { put(bytes, at: offset) }
        put("        ".utf8, at: 148)
        let sum =
            switch checksum {
            case .unsigned: header.reduce(0) { $0 + Int($1) }
            case .signed: header.reduce(0) { $0 + Int(Int8(bitPattern: $1)) }
            case .wrong: 1
            }
        put(Self.octal(sum, width: 7) + [0x20], at: 148)
        bytes += header
        addData(data)
    }

    package mutating func add(_ path: String, _ data: [UInt8] = [], type: Character = "0", link: String = "")
    {
        add(Array(path.utf8), data, type: type, link: link)
    }

    /// Bytes padded to a block.
    package mutating func addData(_ data: [UInt8]) {
        bytes += data
        bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    /// A pax extended header.
    package mutating func addPax(_ records: [(String, [UInt8])], type: Character = "x") {
        addPax(records.map { (Array($0.0.utf8), $0.1) }, type: type)
    }

    /// The same, with keywords that are no text.
    package mutating func addPax(_ records: [([UInt8], [UInt8])], type: Character = "x") {
        add(Array("PaxHeaders/0".utf8), records.flatMap { Self.paxRecord($0, $1) }, type: type)
    }

    package mutating func addPax(_ records: [(String, String)], type: Character = "x") {
        addPax(records.map { ($0.0, Array($0.1.utf8)) }, type: type)
    }

    /// A GNU long name (`L`) or long link name (`K`).
    package mutating func addLong(_ text: [UInt8], type: Character) {
        add(Array("././@LongLink".utf8), text + [0], type: type, magic: .gnu)
    }

    /// All that another builder has.
    package mutating func append(_ other: TarBuilder) {
        bytes += other.bytes
    }

    package mutating func finish() {
        bytes += [UInt8](repeating: 0, count: 1024)
    }

    package static func octal(_ value: Int, width: Int) -> [UInt8] {
        let digits = String(value, radix: 8)
        return Array(String(repeating: "0", count: max(0, width - 1 - digits.count)).utf8)
            + Array(digits.utf8)
            + [0]
    }

    package static func base256(_ value: Int64) -> [UInt8] {
        let low = (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
        let fill: UInt8 = value < 0 ? 0xff : 0
        return [value < 0 ? 0xff : 0x80, fill, fill, fill] + low
    }

    private static func paxRecord(_ keyword: [UInt8], _ value: [UInt8]) -> [UInt8] {
        let body = [0x20] + keyword + [0x3d] + value + [0x0a]
        var length = body.count + 1
        while String(length).utf8.count + body.count != length { length += 1 }
        return Array(String(length).utf8) + body
    }
}
