// How a qcow image of version 1 is recognised and opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let qcow = DiskFormat("qcow")
}

/// qcow, version 1.
enum QCOWFormat: DiskImageFormat {
    static let name = "qcow"

    /// `QFI\xfb`, of all versions.
    static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xfb]

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: magic + [0, 0, 0, 1])
    }

    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        ImageHeader(.qcow, virtualByteCount: try QCOWHeader(by: reader).virtualByteCount)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        let header = try QCOWHeader(by: reader)
        let firstLevel = try QCOWFirstLevel.ofActiveDisk(
            at: header.firstLevelOffset, named: "qcow header of \(reader.imageName)",
            behind: QCOWHeader.byteCount,
            for: header.virtualByteCount, header.geometry, by: reader, tables: tables,
            budget: options.budget)
        let file = QCOWFile(
            reader, header.geometry, tables: tables,
            try firstLevel.rules(
                of: reader, dataStart: QCOWHeader.byteCount,
                records: [("the first-level table", firstLevel.range)]))
        return QCOWImage(
            .qcow, file, virtualByteCount: header.virtualByteCount, firstLevel: firstLevel,
            // The format has no place for the format of the backing file.
            parent: header.backingName.map { ParentReference(names: [$0], content: .unstated) },
            warnings: firstLevel.warnings + options.warnings(ofFileOf: reader.byteCount)
        ).warnedOfMissingEnd(options.budget)
    }
}

extension QCOWFirstLevel {
    /// The table of the active disk, which starts at byte `offset` of the file, as byte 40 of `header` says, behind the
    /// first `headerByteCount` bytes.
    /// - Throws: `ReadError.corrupt` where nothing of it is in the file, or the file is shorter than the table.
    static func ofActiveDisk(
        at offset: UInt64, named header: String, behind headerByteCount: UInt64, for virtualByteCount: UInt64,
        _ geometry: QCOWGeometry, by reader: OpeningReader, tables: TableCache, budget: OpeningBudget
    ) throws(ReadError) -> QCOWFirstLevel {
        let entryCount = geometry.firstLevelEntryCount(for: virtualByteCount)
        guard entryCount <= reader.byteCount / 8 else {
            throw .corrupt(
                record: header, offset: 24,
                reason:
                    "a disk of \(virtualByteCount) bytes needs a first-level table of \(entryCount) entries, and "
                    + "the whole file has \(reader.byteCount) bytes")
        }
        guard entryCount == 0 || (offset >= headerByteCount && offset <= reader.byteCount - 8) else {
            throw .corrupt(
                record: header, offset: 40,
                reason:
                    "the first-level table is at byte \(offset), not behind the header and before the file's end at "
                    + "byte \(reader.byteCount)")
        }
        return try QCOWFirstLevel(
            at: offset, entryCount: entryCount, geometry, by: reader, pages: tables, budget: budget,
            isHeld: true)
    }

    /// What is questionable about a table that is too large to look through.
    var warnings: [String] {
        isCompared
            ? []
            : [
                "the first-level table has \(entryCount) entries, too many to find tables that are named twice"
            ]
    }
}

extension DiskImageOpener.Options {
    /// What to say of a file that should be longer.
    func warnings(ofFileOf byteCount: UInt64) -> [String] {
        guard let expectedByteCount, expectedByteCount > byteCount else { return [] }
        return [
            "\(expectedByteCount - byteCount) of \(expectedByteCount) \(MissingEnd.ofLength)"
        ]
    }
}
