// Opening an extent of an ESX disk that grows: COWD.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskFormat {
    package static let vmdkCOWD = DiskFormat("vmdk-vmfsSparse")
}

extension VMDKSparseExtent {
    /// Opens the COWD extent in `reader`'s file, a part of a disk.
    /// - Throws: `ReadError.corrupt` where header or directory are damaged or cut off.
    static func openCOWD(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        let header = try SparseExtentHeader(
            parsingCOWD: try reader.record(
                "COWD header", byteCount: SparseExtentHeader.byteCountOfCOWD, at: 0))
        let directory = try GrainDirectory(
            at: header.directoryOffset, for: header, by: reader, budget: options.budget)
        return try VMDKSparseExtent(
            header: header,
            map: try TableMap(directory, redundant: nil, header: header, reader: reader, options: options),
            hasTableMarkers: false, descriptor: nil, format: .vmdkCOWD,
            warnings: header.wasNotShutDown
                ? ["the image was not closed by its last writer (unclean shutdown)"] : [],
            reader: reader, tables: tables, options: options)
    }
}
