// A VMDK disk that is a text file and the files that it names.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The map of such a disk: its extents one behind the other, in the order of their lines. `createType` says nothing
/// that the lines do not.
/// Spec: VMware Virtual Disk Format 5.0, "The Descriptor File".
struct VMDKDescriptorImage: DiskImage {
    let format: DiskFormat
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let allocatedByteCount: UInt64 = 0
    let warnings: [String]
    let adapterType: String?
    let parent: ParentReference?
    let identity: ImageIdentity?
    let extentFiles: [ExtentFile]
    private let parts: [Part]
    private let imageName: String
    private let share: BudgetShare

    private struct Part {
        let guestOffset: UInt64
        let byteCount: UInt64
        let storage: Storage

        enum Storage {
            case zeros
            case file(Int)
            case notAccessible
        }
    }

    /// What a line takes in memory at most, in bytes, beside its name.
    private static let bytesPerLine: UInt64 = 512

    init(_ record: OnDiskRecord, named imageName: String, budget: OpeningBudget) throws(ReadError) {
        if let end = record.bytes.firstIndex(of: 0), record.bytes[end...].contains(where: { $0 != 0 }) {
            throw record.corrupt(at: end, "there is a NUL in its text")
        }
        let descriptor = VMDKDescriptor(parsing: record.bytes)
        self.imageName = imageName
        share = BudgetShare(of: budget)
        var parts: [Part] = []
        var files: [ExtentFile] = []
        var end: UInt64 = 0
        for line in try Self.extentLines(of: record, share) {
            guard case (let byteCount, false) = line.sectorCount.multipliedReportingOverflow(by: 512),
                case (let next, false) = end.addingReportingOverflow(byteCount), next <= UInt64(Int64.max)
            else {
                throw .corrupt(
                    record: record.name, offset: 0, reason: "its extents are longer than a file can be")
            }
            let storage: Part.Storage
            switch line.kind {
            case _ where !line.isAccessible: storage = .notAccessible
            case .zero: storage = .zeros
            case .flat(let name, let sector):
                guard case (let start, false) = sector.multipliedReportingOverflow(by: 512) else {
                    throw .corrupt(
                        record: record.name, offset: 0, reason: "an extent starts at sector \(sector)")
                }
                storage = .file(files.count)
                files.append(ExtentFile(name: name, content: .raw(from: start)))
            case .sparse(let name):
                storage = .file(files.count)
                files.append(ExtentFile(name: name, content: .sparseExtent))
            }
            parts.append(Part(guestOffset: end, byteCount: byteCount, storage: storage))
            end = next
        }
        guard !parts.isEmpty else {
            throw .corrupt(record: record.name, offset: 0, reason: "it names no extent")
        }
        self.parts = parts
        extentFiles = files
        virtualByteCount = end
        adapterType = descriptor.adapterType
        parent = try descriptor.parent(of: imageName)
        identity = descriptor.identity
        format = DiskFormat("vmdk" + (descriptor.createType.map { "-\(Self.plain($0))" } ?? ""))
        warnings = []
    }

    /// The kind of disk, as it goes into the format's name: letters and digits.
    private static func plain(_ createType: String) -> String {
        String(
            createType.unicodeScalars.filter {
                $0.isASCII && $0.properties.isAlphabetic || ("0"..."9").contains($0)
            }
            .prefix(40).map(Character.init))
    }

    private static func extentLines(
        of record: OnDiskRecord, _ share: BudgetShare
    ) throws(ReadError) -> [VMDKExtentLine] {
        var lines: [VMDKExtentLine] = []
        let text = record.bytes.prefix { $0 != 0 }
        for line in text.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let trimmed = line.drop { $0 == 0x20 || $0 == 0x09 }
            guard let first = trimmed.first, first != UInt8(ascii: "#") else { continue }
            guard VMDKExtentLine.isMeant(by: trimmed) else {
                // A key and its value, or nothing that could be an extent.
                guard trimmed.contains(UInt8(ascii: "=")) else {
                    throw record.corrupt(
                        at: line.startIndex,
                        "the line \(VMDKDescriptor.shown(String(decoding: trimmed, as: UTF8.self))) cannot be understood"
                    )
                }
                continue
            }
            try share.take(bytesPerLine + UInt64(trimmed.count), for: "extents of \(record.name)")
            lines.append(try VMDKExtentLine(parsing: trimmed, at: line.startIndex, of: record))
            guard lines.count <= ChainOpener.mostExtentFiles else {
                throw .unsupported(
                    feature: "\(record.name) has more than \(ChainOpener.mostExtentFiles) extents")
            }
        }
        return lines
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        try GuestOffset.check(offset, below: virtualByteCount, of: imageName)
        // The last part that starts at or before the offset.
        let part = parts[parts.partitionPoint { $0.guestOffset <= offset } - 1]
        let storage: Extent.Storage =
            switch part.storage {
            case .zeros: .zeros
            case .file(let index): .elsewhere(file: index, at: 0)
            case .notAccessible:
                .damaged(
                    .corrupt(
                        record: imageName, offset: 0,
                        reason:
                            "the descriptor says that guest bytes from \(part.guestOffset) on are not accessible"
                    ))
            }
        return Extent(guestOffset: part.guestOffset, byteCount: part.byteCount, storage: storage)
    }
}

extension VMDKDescriptor {
    /// What children know the disk by.
    var identity: ImageIdentity? {
        contentID.flatMap { UInt32($0, radix: 16) }.map { .vmdkContent($0) }
    }

    /// The disk that this one's content builds on; nil where there is none.
    /// - Throws: `ReadError.unsupported` where there is one, and nothing says which.
    func parent(of imageName: String) throws(ReadError) -> ParentReference? {
        guard isDelta else { return nil }
        guard let hint = parentHintBytes else {
            throw .unsupported(
                feature: "\(imageName) holds only what differs from its parent disk, and names none")
        }
        guard let identifier = parentContentID.flatMap({ UInt32($0, radix: 16) }) else {
            throw .unsupported(
                feature:
                    "\(imageName) holds only what differs from its parent disk, whose content identifier it does "
                    + "not say")
        }
        return ParentReference(
            names: [FileName.lastComponent(of: hint)], identities: [.vmdkContent(identifier)])
    }
}
