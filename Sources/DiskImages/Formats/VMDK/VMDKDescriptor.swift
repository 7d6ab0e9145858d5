// The text that describes a VMDK disk: inside a sparse extent, or a file of its own.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A descriptor. The disk is read without it; it says whether that would be right, and what to attach it to.
///
/// Spec: VMware Virtual Disk Format 5.0, "The Descriptor File".
struct VMDKDescriptor {
    /// The most bytes of a descriptor that are looked at.
    static let maximumByteCount = 1 << 20
    /// The most extents that are kept.
    static let maximumExtents = 64
    /// The longest line that means anything, in bytes.
    static let maximumLineByteCount = 4_096

    struct Extent: Equatable {
        /// Length, in sectors; nil where that is no number.
        let sectorCount: UInt64?
        /// Upper-case: SPARSE, FLAT, ZERO and others.
        let kind: String
        /// The file that holds it; nil for one without.
        let fileName: String?
    }

    private(set) var createType: String?
    private(set) var contentID: String?
    private(set) var parentContentID: String?
    private(set) var parentHint: String?
    /// The same as it is stored, in whatever encoding.
    private(set) var parentHintBytes: [UInt8]?
    /// As it is spelled: ide, buslogic, lsilogic, legacyESX.
    private(set) var adapterType: String?
    private(set) var extents: [Extent] = []
    /// Whether any line was understood.
    private(set) var isEmpty = true
    /// Whether something about a parent stands behind the text's end, as it does where a byte of the text became NUL.
    private(set) var hidesParent = false

    /// Takes what it understands of `text`, up to the first NUL.
    init(parsing text: some Collection<UInt8>) {
        let all = Array(text.prefix(Self.maximumByteCount))
        take(lines: all.prefix { $0 != 0 })
        var hidden = VMDKDescriptor()
        for piece in all.drop(while: { $0 != 0 }).split(separator: 0) { hidden.take(lines: piece) }
        hidesParent = hidden.parentContentID != nil || hidden.parentHint != nil
    }

    private init() {}

    private mutating func take(lines text: ArraySlice<UInt8>) {
        var rest = text
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            rest = rest[line.endIndex...].dropFirst()
            guard line.count <= Self.maximumLineByteCount, line.first != UInt8(ascii: "#") else { continue }
            take(line)
        }
    }

    /// Whether `text` starts as a descriptor file does.
    static func isDescriptor(_ text: some Collection<UInt8>) -> Bool {
        let start = Array("# disk descriptorfile".utf8)
        let trimmed = text.prefix(256).drop { [0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf].contains($0) }
        return trimmed.prefix(start.count).map { $0 | 0x20 }.elementsEqual(start.map { $0 | 0x20 })
    }

    /// Whether the disk holds only what differs from another one.
    var isDelta: Bool {
        guard let parentContentID else { return parentHint != nil }
        guard let number = UInt32(parentContentID, radix: 16) else { return true }
        return number != .max
    }

    private mutating func take(_ line: ArraySlice<UInt8>) {
        if let extent = Self.extent(in: line) {
            isEmpty = false
            if extents.count < Self.maximumExtents { extents.append(extent) }
            return
        }
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { return }
        let key = ASCIIWord(folding: Self.trimmed(line[..<equals]))
        let bytes = Self.trimmed(line[(equals + 1)...])
        guard !bytes.isEmpty else { return }
        isEmpty = false
        var value: String { String(decoding: bytes, as: UTF8.self) }
        // The first of a name is the one that counts; open-vmdk and qemu agree.
        switch key {
        case "createtype": createType = createType ?? value
        case "cid": contentID = contentID ?? value
        case "parentcid": parentContentID = parentContentID ?? value
        case "parentfilenamehint":
            parentHint = parentHint ?? value
            parentHintBytes = parentHintBytes ?? Array(bytes)
        case "ddb.adaptertype", "adaptertype": adapterType = adapterType ?? value
        default: break
        }
    }

    /// `RW 8192 SPARSE "name.vmdk"`; nil where `line` is none of that kind.
    private static func extent(in line: ArraySlice<UInt8>) -> Extent? {
        var words = VMDKExtentLine.Words(line)
        guard let access = words.nextWord(), VMDKExtentLine.accesses.contains(access), !words.isAtEnd else {
            return nil
        }
        let sectorCount = words.nextNumber()
        guard let kind = words.next() else { return nil }
        var fileName: ArraySlice<UInt8>?
        if !words.isAtEnd {
            let quote = UInt8(ascii: "\"")
            let quoted = words.rest.drop { $0 != quote }.dropFirst()
            fileName = quoted.firstIndex(of: quote).map { quoted[..<$0] } ?? trimmed(words.rest)
        }
        return Extent(
            sectorCount: sectorCount, kind: ASCIIWord(folding: kind)?.text.uppercased() ?? "",
            fileName: fileName.map { String(decoding: $0, as: UTF8.self) })
    }

    /// Without blanks and quotes around it.
    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isAround = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == UInt8(ascii: "\"") }
        let start = text.drop(while: isAround)
        guard let last = start.lastIndex(where: { !isAround($0) }) else { return start.prefix(0) }
        return start[...last]
    }
}

extension VMDKDescriptor {
    /// What is wrong with the descriptor of an image whose header has `capacity` sectors. None of it changes what is
    /// read. A file's name that is not the image's own says that it was renamed, which it may be.
    func warnings(capacity: UInt64) -> [String] {
        guard !isEmpty else { return ["the embedded descriptor is empty; the disk is read by its header"] }
        var result: [String] = []
        let known: Set<ASCIIWord> = ["streamoptimized", "monolithicsparse"]
        if let createType, ASCIIWord(folding: createType).map(known.contains) != true {
            result.append(
                "the embedded descriptor calls the disk \(Self.shown(createType)); it is read by its header")
        }
        for extent in extents {
            if let sectorCount = extent.sectorCount, sectorCount != capacity {
                result.append("the embedded descriptor says \(sectorCount) sectors, the header \(capacity)")
            }
            if let name = extent.fileName, Self.leadsElsewhere(Array(name.utf8)) {
                result.append(
                    "the embedded descriptor names the file \(Self.shown(name)), which is not opened")
            }
        }
        return result
    }

    /// Whether a file's name is a path.
    private static func leadsElsewhere(_ name: [UInt8]) -> Bool {
        name.contains(UInt8(ascii: "/")) || name.contains(UInt8(ascii: "\\"))
            || name.elementsEqual("..".utf8)
    }

    /// A text of a file's that goes into a message: printable, and not long.
    static func shown(_ text: String) -> String {
        let printable = text.unicodeScalars.prefix(80).map { scalar in
            scalar.properties.isWhitespace || !scalar.isPrintable ? "?" : Character(scalar)
        }
        return "\"\(String(printable))\""
    }
}

extension Unicode.Scalar {
    /// Whether it can go to a terminal or a log as it is.
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            false
        default: true
        }
    }
}
