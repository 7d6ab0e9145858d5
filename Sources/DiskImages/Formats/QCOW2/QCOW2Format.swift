// How a qcow2 image is recognised and opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let qcow2 = DiskFormat("qcow2")
}

/// qcow2, versions 2 and 3. Other versions than 1 are recognised, too, and refused.
enum QCOW2Format: DiskImageFormat {
    static let name = "qcow2"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: QCOWFormat.magic) && !QCOWFormat.recognises(head, of: source)
    }

    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        ImageHeader(.qcow2, virtualByteCount: try QCOW2Header(by: reader).virtualByteCount)
    }

    /// Reads the header, the first-level table and the table of snapshots; the rest is read when it is needed.
    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        let header = try QCOW2Header(by: reader)
        let firstLevel = try firstLevel(of: header, by: reader, tables, options.budget)
        let table = header.firstLevel(inFileOf: reader.byteCount)
        // Before the snapshots take of the memory: the disk does not depend on them.
        let rules = try firstLevel.rules(
            of: reader, dataStart: header.geometry.clusterByteCount,
            records: [
                ("the first-level table", table),
                (
                    "the table of reference counts",
                    header.referenceCountTable(inFileOf: reader.byteCount, besides: table)
                ),
            ])
        let snapshots = try QCOW2SnapshotTable(of: header, by: reader, rules, budget: options.budget)
        let file = QCOWFile(
            reader, header.geometry, tables: tables, rules.adding(snapshots.taken), share: snapshots.share)
        return QCOWImage(
            .qcow2, file, virtualByteCount: header.virtualByteCount, firstLevel: firstLevel,
            parent: header.parent,
            snapshots: try images(of: snapshots, file, header, reader, tables, options.budget),
            warnings: header.warnings + firstLevel.warnings + snapshots.warnings
                + options.warnings(ofFileOf: reader.byteCount)
        ).warnedOfMissingEnd(options.budget)
    }

    private static func firstLevel(
        of header: QCOW2Header, by reader: OpeningReader, _ tables: TableCache, _ budget: OpeningBudget
    ) throws(ReadError) -> QCOWFirstLevel {
        let needed = header.geometry.firstLevelEntryCount(for: header.virtualByteCount)
        guard header.firstLevelEntryCount >= needed else {
            throw .corrupt(
                record: "qcow2 header of \(reader.imageName)", offset: 36,
                reason: "a first-level table of \(header.firstLevelEntryCount) entries cannot lead to "
                    + "\(header.virtualByteCount) bytes")
        }
        return try .ofActiveDisk(
            at: header.firstLevelOffset, named: "qcow2 header of \(reader.imageName)",
            behind: header.geometry.clusterByteCount,
            for: header.virtualByteCount, header.geometry, by: reader, tables: tables, budget: budget)
    }

    private static func images(
        of snapshots: QCOW2SnapshotTable, _ file: QCOWFile, _ header: QCOW2Header, _ reader: OpeningReader,
        _ tables: TableCache, _ budget: OpeningBudget
    ) throws(ReadError) -> [DiskSnapshot] {
        var result: [DiskSnapshot] = []
        result.reserveCapacity(snapshots.entries.count)
        let time = CountingTime()
        for entry in snapshots.entries {
            let firstLevel = try QCOWFirstLevel(
                at: entry.firstLevelOffset, entryCount: entry.firstLevelEntryCount, header.geometry,
                by: reader, pages: tables, budget: budget, isHeld: false, room: snapshots.room)
            result.append(
                DiskSnapshot(
                    name: entry.name, identifier: entry.identifier,
                    creationTime: Int64(entry.creationTime),
                    image: QCOWImage(
                        .qcow2, file, virtualByteCount: entry.virtualByteCount, firstLevel: firstLevel,
                        parent: header.parent, countingWithin: time)))
        }
        return result
    }
}
