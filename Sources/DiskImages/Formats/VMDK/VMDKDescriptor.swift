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

    /// Takes what it understands of `text`, up to the first NUL.
    init(parsing text: some Collection<UInt8>) {
        let bytes = text.prefix(Self.maximumByteCount).prefix { $0 != 0 }
        for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            guard line.count <= Self.maximumLineByteCount, line.first != UInt8(ascii: "#") else { continue }
            let hadHint = parentHint != nil
            take(String(decoding: line, as: UTF8.self))
            if !hadHint, parentHint != nil { parentHintBytes = Self.value(in: line) }
        }
    }

    /// What follows the equals sign of a line, without blanks and quotes around it.
    private static func value(in line: some Sequence<UInt8>) -> [UInt8] {
        let around: (UInt8) -> Bool = { [0x20, 0x09, 0x22].contains($0) }
        let start = Array(line).drop { $0 != UInt8(ascii: "=") }.dropFirst().drop(while: around)
        return Array(start.reversed().drop(while: around).reversed())
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

    private mutating func take(_ line: String) {
        if let extent = Self.extent(in: line) {
            isEmpty = false
            if extents.count < Self.maximumExtents { extents.append(extent) }
            return
        }
        guard let equals = line.firstIndex(of: "=") else { return }
        let key = Self.trimmed(line[..<equals]).lowercased()
        let value = Self.trimmed(line[line.index(after: equals)...])
        guard !value.isEmpty else { return }
        isEmpty = false
        // The first of a name is the one that counts; open-vmdk and qemu agree.
        switch key {
        case "createtype": createType = createType ?? value
        case "cid": contentID = contentID ?? value
        case "parentcid": parentContentID = parentContentID ?? value
        case "parentfilenamehint": parentHint = parentHint ?? value
        case "ddb.adaptertype", "adaptertype": adapterType = adapterType ?? value
        default: break
        }
    }

    /// `RW 8192 SPARSE "name.vmdk"`; nil where `line` is none of that kind.
    private static func extent(in line: String) -> Extent? {
        let words = line.split(maxSplits: 3, whereSeparator: { $0 == " " || $0 == "\t" })
        guard words.count >= 3, ["RW", "RDONLY", "NOACCESS"].contains(words[0].uppercased()) else {
            return nil
        }
        var fileName: String?
        if words.count == 4 {
            let rest = words[3]
            if let opening = rest.firstIndex(of: "\""),
                let closing = rest[rest.index(after: opening)...].firstIndex(of: "\"")
            {
                fileName = String(rest[rest.index(after: opening)..<closing])
            } else {
                fileName = trimmed(rest)
            }
        }
        return Extent(sectorCount: UInt64(words[1]), kind: words[2].uppercased(), fileName: fileName)
    }

    /// Without spaces and quotes around it.
    private static func trimmed(_ text: Substring) -> String {
        let around: (Character) -> Bool = { $0.isWhitespace || $0 == "\"" }
        let start = text.drop(while: around)
        guard let last = start.lastIndex(where: { !around($0) }) else { return "" }
        return String(start[...last])
    }
}

extension VMDKDescriptor {
    /// What is wrong with the descriptor of an image whose header has `capacity` sectors. None of it changes what is
    /// read. A file's name that is not the image's own says that it was renamed, which it may be.
    func warnings(capacity: UInt64) -> [String] {
        guard !isEmpty else { return ["the embedded descriptor is empty; the disk is read by its header"] }
        var result: [String] = []
        if let createType, !["streamoptimized", "monolithicsparse"].contains(createType.lowercased()) {
            result.append(
                "the embedded descriptor calls the disk \(Self.shown(createType)); it is read by its header")
        }
        for extent in extents {
            if let sectorCount = extent.sectorCount, sectorCount != capacity {
                result.append("the embedded descriptor says \(sectorCount) sectors, the header \(capacity)")
            }
            if let name = extent.fileName, name.contains("/") || name.contains("\\") || name == ".." {
                result.append(
                    "the embedded descriptor names the file \(Self.shown(name)), which is not opened")
            }
        }
        return result
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
