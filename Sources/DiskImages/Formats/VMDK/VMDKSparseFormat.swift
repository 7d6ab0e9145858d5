// How a hosted sparse extent is recognised.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// streamOptimized and monolithicSparse.
enum VMDKSparseFormat: DiskImageFormat {
    static let name = "VMDK"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: Array("KDMV".utf8))
    }

    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        let record = try reader.record("header", byteCount: SparseExtentHeader.byteCount, at: 0)
        let header = try SparseExtentHeader(parsing: record)
        return ImageHeader(
            header.isCompressed ? .vmdkStreamOptimized : .vmdkMonolithicSparse,
            virtualByteCount: header.virtualByteCount)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try VMDKSparseExtent.open(reader, tables: tables, options: options)
    }
}
