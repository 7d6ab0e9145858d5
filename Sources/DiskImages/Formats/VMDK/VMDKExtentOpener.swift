// Opens a file that is a sparse part of a VMDK disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

enum VMDKExtentOpener {
    /// The sparse extent that `reader` reads.
    /// - Throws: `ReadError.corrupt` where it is none.
    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        guard VMDKSparseFormat.recognises(reader.head, of: reader.source) else {
            throw .corrupt(
                record: reader.imageName, offset: 0, reason: "it is no sparse extent of a VMDK disk")
        }
        return try VMDKSparseExtent.open(reader, tables: tables, options: options)
    }
}
