// How a hosted sparse extent is recognised.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// streamOptimized and monolithicSparse.
enum VMDKSparseFormat: DiskImageFormat {
    static let name = "VMDK"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: Array("KDMV".utf8))
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try VMDKSparseExtent.open(reader, tables: tables, options: options)
    }
}
