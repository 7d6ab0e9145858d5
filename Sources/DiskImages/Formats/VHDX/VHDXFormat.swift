// How a VHDX is recognised and opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let vhdxFixed = DiskFormat("vhdx-fixed")
    package static let vhdxDynamic = DiskFormat("vhdx-dynamic")
    package static let vhdxDifferencing = DiskFormat("vhdx-differencing")
}

/// VHDX, all three kinds.
/// Spec: [MS-VHDX], 2.2.
enum VHDXFormat: DiskImageFormat {
    static let name = "VHDX"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: Array("vhdxfile".utf8))
    }

    /// Where headers and region tables are, in bytes of the file.
    private static let heads = (start: UInt64(64 << 10), byteCount: 256 << 10)
    /// What is read of the metadata at once: its table, and the items where programs put them.
    private static let metadataByteCount = 68 << 10

    /// Follows the region table to the metadata, which has the size: usually two reads of 324 KiB in all.
    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        var reader = reader
        try reader.hold(heads.byteCount, at: heads.start)
        var warnings: [String] = []
        let header = try VHDXHeader.current(of: reader, &warnings)
        guard !header.hasLog else {
            throw .unsupported(
                feature:
                    "\(reader.imageName) is a VHDX that was not closed: what its header says counts only when its log "
                    + "is replayed, as without --header")
        }
        let region = try VHDXRegions(reader, header, &warnings).metadata
        try reader.hold(metadataByteCount, at: region.lowerBound)
        let metadata = try VHDXMetadata(reader, in: region)
        return ImageHeader(metadata.format, virtualByteCount: metadata.virtualByteCount)
    }

    /// Reads the headers of the file as it is, and all else of the file as its log makes it.
    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        var warnings: [String] = []
        let header = try VHDXHeader.current(of: reader, &warnings)
        guard header.hasLog else {
            return try VHDXImage(
                header, log: nil, reader, tables: tables, options: options, warnings: warnings)
        }
        let log = try VHDXLog(header, of: reader, budget: options.budget).replayed(
            warnings: &warnings, budget: options.budget)
        let file = ReplayedFile(reader.source, as: log)
        return try VHDXImage(
            header, log: log, try OpeningReader(file, named: reader.imageName), tables: tables.reading(file),
            options: options, warnings: warnings)
    }
}
