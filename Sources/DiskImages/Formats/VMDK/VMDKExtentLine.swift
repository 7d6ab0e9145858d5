// A line of a VMDK descriptor that names a part of the disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// `RW 8192 FLAT "disk-flat.vmdk" 0`, understood to the last word: a line that is skipped would move all that follows.
/// Spec: VMware Virtual Disk Format 5.0, "The Extent Descriptions".
struct VMDKExtentLine: Equatable {
    enum Kind: Equatable {
        case zero
        /// The guest's bytes in a file, from this sector on.
        case flat(name: [UInt8], firstSector: UInt64)
        case sparse(name: [UInt8])
    }

    let isAccessible: Bool
    /// Above 0.
    let sectorCount: UInt64
    let kind: Kind

    private static let accesses: Set<String> = ["RW", "RDONLY", "NOACCESS"]
    private static let flatTypes: Set<String> = ["FLAT", "VMFS"]
    private static let sparseTypes: Set<String> = ["SPARSE", "VMFSSPARSE", "SESPARSE"]
    private static let deviceTypes: Set<String> = ["VMFSRDM", "VMFSRAW"]

    /// Whether a line is meant as one of these: it starts with a kind of access, or with what could be one, a word before a
    /// number.
    static func isMeant(by line: ArraySlice<UInt8>) -> Bool {
        var words = Words(line)
        guard let first = words.next(), !first.contains(UInt8(ascii: "=")) else { return false }
        if accesses.contains(text(first)) { return true }
        guard let second = words.next() else { return false }
        return UInt64(text(second)) != nil
    }

    /// - Throws: `ReadError.corrupt` where the line cannot be understood, `ReadError.unsupported` where it names a device.
    init(parsing line: ArraySlice<UInt8>, at offset: Int, of record: OnDiskRecord) throws(ReadError) {
        func fail(_ reason: String) -> ReadError {
            record.corrupt(
                at: offset, "the extent line \(VMDKDescriptor.shown(Self.wholeText(line))): \(reason)")
        }
        var words = Words(line)
        let access = words.next().map(Self.text) ?? ""
        guard Self.accesses.contains(access) else { throw fail("it starts with no kind of access") }
        guard let count = words.next().flatMap({ UInt64(Self.text($0)) }), count > 0 else {
            throw fail("its number of sectors is none")
        }
        isAccessible = access != "NOACCESS"
        sectorCount = count
        let type = words.next().map(Self.text) ?? ""
        guard !Self.deviceTypes.contains(type) else {
            throw .unsupported(feature: "\(record.name) leads to a device (\(type)), which is not opened")
        }
        if type == "ZERO" {
            kind = .zero
            guard words.isAtEnd else { throw fail("there is more after ZERO") }
            return
        }
        let isFlat = Self.flatTypes.contains(type)
        guard isFlat || Self.sparseTypes.contains(type) else { throw fail("its type is not known") }
        guard let name = words.nextQuoted() else { throw fail("it has no name in quotes") }
        guard isFlat else {
            kind = .sparse(name: name)
            guard words.isAtEnd || words.next().flatMap({ UInt64(Self.text($0)) }) == 0 else {
                throw fail("there is more after the name")
            }
            return
        }
        if words.isAtEnd {
            kind = .flat(name: name, firstSector: 0)
        } else if let start = words.next().flatMap({ UInt64(Self.text($0)) }), words.isAtEnd {
            kind = .flat(name: name, firstSector: start)
        } else {
            throw fail("its first sector is no number")
        }
    }

    private static func text(_ word: ArraySlice<UInt8>) -> String {
        String(decoding: word, as: UTF8.self).uppercased()
    }

    private static func wholeText(_ line: ArraySlice<UInt8>) -> String {
        String(decoding: line, as: UTF8.self)
    }

    /// The words of a line, with blanks between them.
    private struct Words {
        private var rest: ArraySlice<UInt8>

        init(_ line: ArraySlice<UInt8>) {
            rest = line.drop(while: Self.isBlank)
            while let last = rest.last, Self.isBlank(last) { rest.removeLast() }
        }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func next() -> ArraySlice<UInt8>? {
            guard !rest.isEmpty else { return nil }
            let word = rest.prefix { !Self.isBlank($0) }
            rest = rest[word.endIndex...].drop(while: Self.isBlank)
            return word
        }

        /// What stands between two quotes.
        mutating func nextQuoted() -> [UInt8]? {
            guard rest.first == UInt8(ascii: "\"") else { return nil }
            let inside = rest.dropFirst()
            guard let closing = inside.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
            rest = inside[(closing + 1)...].drop(while: Self.isBlank)
            return Array(inside[..<closing])
        }

        private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    }
}
