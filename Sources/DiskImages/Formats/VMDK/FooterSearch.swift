// Finding the footer of a stream, which has the place of its grain directory.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The end of a stream: footer marker, footer, end-of-stream marker, 512 bytes each.
///
/// Spec: VMware Virtual Disk Format 5.0, "Stream-Optimized Compressed Sparse Extents".
enum FooterSearch {
    /// How far back from the end of the file a footer is searched, in bytes.
    static let maximumByteCount: UInt64 = 1 << 20
    /// Bytes that follow the footer marker: footer and end of stream.
    static let tailByteCount: UInt64 = 1024

    struct Result {
        let footer: SparseExtentHeader
        /// What is unusual about the file's end; nil where it is as it should be.
        let warning: String?
    }

    /// The footer of the stream whose header is `header`; nil where there is none.
    static func find(for header: SparseExtentHeader, by reader: OpeningReader) throws(ReadError) -> Result? {
        let fileSectors = reader.byteCount / 512
        guard fileSectors >= 3 else { return nil }
        // The last sector that a footer can be in: end of stream may be missing.
        let last = fileSectors - 1
        let first = max(2, fileSectors - min(fileSectors, maximumByteCount / 512))
        var end = last + 1
        // The first block is what the reader holds already; the rest is searched in one further read.
        for start in [max(first, fileSectors - min(fileSectors, 96)), first] where start < end {
            // With the sector before, for the marker of the first candidate, and the one after the last.
            let blockEnd = min(end + 1, fileSectors)
            let block = try reader.record(
                "end", byteCount: Int((blockEnd - start + 1) * 512), at: (start - 1) * 512)
            for sector in (start..<end).reversed() {
                let position = Int((sector - start + 1) * 512)
                guard let footer = try footer(at: position, in: block, for: header) else { continue }
                return Result(footer: footer, warning: warning(footerAt: sector, in: block, position, reader))
            }
            end = start
        }
        return nil
    }

    /// The footer at `position` of `block`, behind its marker, where it is one for the same disk.
    private static func footer(
        at position: Int, in block: OnDiskRecord, for header: SparseExtentHeader
    ) throws(ReadError) -> SparseExtentHeader? {
        guard try block.littleEndian(UInt32.self, at: position) == SparseExtentHeader.magic,
            try MetadataMarker(parsing: block, at: position - 512)?.kind == .footer
        else { return nil }
        let bytes = try block.slice(SparseExtentHeader.byteCount, at: position)
        let record = OnDiskRecord(
            Array(bytes), named: "footer at the \(block.name)", at: block.sourceOffset + UInt64(position))
        guard let footer = try? SparseExtentHeader(parsing: record), footer.hasSameGeometry(as: header),
            footer.directoryOffset != SparseExtentHeader.directoryIsInFooter
        else { return nil }
        return footer
    }

    private static func warning(
        footerAt sector: UInt64, in block: OnDiskRecord, _ position: Int, _ reader: OpeningReader
    ) -> String? {
        let behind = reader.byteCount - (sector + 1) * 512
        if behind < 512 { return "the end-of-stream marker is missing" }
        guard let marker = try? MetadataMarker(parsing: block, at: position + 512),
            marker.kind == .endOfStream
        else { return "\(behind) bytes follow the footer, and no end-of-stream marker" }
        return behind > 512 ? "\(behind - 512) bytes follow the end of the stream" : nil
    }
}
