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
