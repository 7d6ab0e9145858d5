// What an extent says of its disk, in the descriptor that it holds.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension VMDKSparseExtent {
    /// The descriptor after the header; nil where there is none to look at.
    /// - Throws: `ReadError.unsupported` where it says that other files hold part of the content.
    static func embeddedDescriptor(
        _ header: SparseExtentHeader, _ reader: OpeningReader, _ warnings: inout [String]
    ) throws(ReadError) -> VMDKDescriptor? {
        guard header.descriptorOffset > 0, header.descriptorSize > 0 else {
            try checkNoDescriptorInFront(reader)
            return nil
        }
        let fileSectors = (reader.byteCount + 511) / 512
        guard header.descriptorOffset < fileSectors else {
            try checkNoDescriptorInFront(reader)
            warnings.append(
                "the embedded descriptor lies past the end of the file; the disk is read by its header")
            return nil
        }
        let start = header.descriptorOffset * 512
        let sectors = min(header.descriptorSize, fileSectors - header.descriptorOffset)
        let byteCount = min(sectors * 512, reader.byteCount - start, UInt64(VMDKDescriptor.maximumByteCount))
        let record = try reader.record("descriptor", byteCount: Int(byteCount), at: start)
        if start != SparseExtentHeader.usualDescriptorOffset, !VMDKDescriptor.isDescriptor(record.bytes) {
            try checkNoDescriptorInFront(reader)
        }
        let descriptor = VMDKDescriptor(parsing: record.bytes)
        guard !descriptor.hidesParent else {
            throw record.corrupt(
                at: record.bytes.firstIndex(of: 0) ?? 0,
                "there is a NUL in its text, and something about a parent disk behind it")
        }
        guard descriptor.extents.count <= 1 else {
            throw .unsupported(
                feature:
                    "\(reader.imageName) is one of the \(descriptor.extents.count) files of its disk; "
                    + "the others are never opened")
        }
        warnings += descriptor.warnings(capacity: header.capacity)
        return descriptor
    }

    /// Refuses a header that leads to no descriptor, though there is one where all writers put it: which disk this one builds
    /// on, if any, would not be known.
    private static func checkNoDescriptorInFront(_ reader: OpeningReader) throws(ReadError) {
        let start = SparseExtentHeader.usualDescriptorOffset
        guard reader.byteCount > start else { return }
        let record = try reader.record(
            "descriptor", byteCount: Int(min(512, reader.byteCount - start)), at: start)
        guard !VMDKDescriptor.isDescriptor(record.bytes) else {
            throw .corrupt(
                record: "header of \(reader.imageName)", offset: 28,
                reason: "it does not lead to the descriptor, which is at byte \(start)")
        }
    }

    /// Refuses an extent that is mostly a part of a disk: it does not say what its disk builds on. Streams without a
    /// descriptor exist, and are whole disks.
    static func checkIsWhole(
        _ header: SparseExtentHeader, _ descriptor: VMDKDescriptor?, _ reader: OpeningReader,
        _ options: DiskImageOpener.Options, _ warnings: inout [String]
    ) throws(ReadError) {
        guard !header.isCompressed, descriptor?.isEmpty ?? true else { return }
        let reason =
            "it has no descriptor, as a part of a disk has none, which may hold only what differs from another "
            + "disk: open the descriptor that names it"
        guard options.lenient else {
            throw .refused(record: reader.imageName, offset: 28, reason: reason, remedy: .lenient)
        }
        if descriptor == nil { warnings.append(reason) }
    }
}
