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

    /// What a line starts with, in lower case.
    static let accesses: Set<ASCIIWord> = ["rw", "rdonly", "noaccess"]
    private static let flatTypes: Set<ASCIIWord> = ["flat", "vmfs"]
    private static let sparseTypes: Set<ASCIIWord> = ["sparse", "vmfssparse", "sesparse"]
    private static let deviceTypes: Set<ASCIIWord> = ["vmfsrdm", "vmfsraw"]

    /// Whether a line is meant as one of these: it starts with a kind of access, or with what could be one, a word before a
    /// number.
    static func isMeant(by line: ArraySlice<UInt8>) -> Bool {
        var words = Words(line)
        guard let first = words.next(), !first.contains(UInt8(ascii: "=")) else { return false }
        if let access = ASCIIWord(folding: first), accesses.contains(access) { return true }
        return words.nextNumber() != nil
    }

    /// - Throws: `ReadError.corrupt` where the line cannot be understood, `ReadError.unsupported` where it names a device.
    init(parsing line: ArraySlice<UInt8>, at offset: Int, of record: OnDiskRecord) throws(ReadError) {
        func fail(_ reason: String) -> ReadError {
            record.corrupt(
                at: offset, "the extent line \(VMDKDescriptor.shown(Self.wholeText(line))): \(reason)")
        }
        var words = Words(line)
        guard let access = words.nextWord(), Self.accesses.contains(access) else {
            throw fail("it starts with no kind of access")
        }
        guard let count = words.nextNumber(), count > 0 else {
            throw fail("its number of sectors is none")
        }
        isAccessible = access != "noaccess"
        sectorCount = count
        guard let type = words.nextWord() else { throw fail("its type is not known") }
        guard !Self.deviceTypes.contains(type) else {
            throw .unsupported(
                feature: "\(record.name) leads to a device (\(type.text.uppercased())), which is not opened")
        }
        if type == "zero" {
            kind = .zero
            guard words.isAtEnd else { throw fail("there is more after ZERO") }
            return
        }
        let isFlat = Self.flatTypes.contains(type)
        guard isFlat || Self.sparseTypes.contains(type) else { throw fail("its type is not known") }
        guard let name = words.nextQuoted() else { throw fail("it has no name in quotes") }
        guard isFlat else {
            kind = .sparse(name: name)
            guard words.isAtEnd || words.nextNumber() == 0 else {
                throw fail("there is more after the name")
            }
            return
        }
        if words.isAtEnd {
            kind = .flat(name: name, firstSector: 0)
        } else if let start = words.nextNumber(), words.isAtEnd {
            kind = .flat(name: name, firstSector: start)
        } else {
            throw fail("its first sector is no number")
        }
    }

    private static func wholeText(_ line: ArraySlice<UInt8>) -> String {
        String(decoding: line, as: UTF8.self)
    }

    /// The words of a line, with blanks between them.
    struct Words {
        private(set) var rest: ArraySlice<UInt8>

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

        /// The next word in lower case; nil where it is none of a format's.
        mutating func nextWord() -> ASCIIWord? {
            next().flatMap { ASCIIWord(folding: $0) }
        }

        /// The next word as a number; nil where it is none that fits.
        mutating func nextNumber() -> UInt64? {
            next().flatMap { ASCIIWord(exactly: $0) }.flatMap { UInt64($0.text) }
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
