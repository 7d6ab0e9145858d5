// Opening one of the files of a VMDK disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Opens the sparse extents that a descriptor names, by their content.
enum VMDKExtentOpener {
    /// Opens the extent that `reader` reads: a hosted sparse, COWD or seSparse one.
    /// - Throws: `ReadError.corrupt` where it is none of them, or what describes it is damaged.
    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        if VMDKSparseFormat.recognises(reader.head, of: reader.source) {
            return try VMDKSparseExtent.open(reader, tables: tables, options: options, isPart: true)
        }
        if COWDFormat.recognises(reader.head, of: reader.source) {
            return try VMDKSparseExtent.openCOWD(reader, tables: tables, options: options)
        }
        if SESparseFormat.recognises(reader.head, of: reader.source) {
            return try SESparseExtent.open(reader, tables: tables, options: options)
        }
        throw .corrupt(
            record: reader.imageName, offset: 0,
            reason: "its disk's descriptor says that it is a sparse extent, and it does not start as one")
    }

    /// The error for `name`, an extent of `format` that is opened by itself.
    fileprivate static func refusal(of name: String, _ format: String) -> ReadError {
        .unsupported(
            feature:
                "\(name) is a part of an ESX disk (\(format)), mostly of what differs from a parent disk; open the "
                + "descriptor that names it")
    }
}

/// How a COWD extent is recognised; it is no disk by itself.
enum COWDFormat: DiskImageFormat {
    static let name = "VMDK of ESX (COWD)"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: SparseExtentHeader.magicOfCOWD)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        throw VMDKExtentOpener.refusal(of: reader.imageName, "COWD")
    }
}

/// How a seSparse extent is recognised; it is no disk by itself.
enum SESparseFormat: DiskImageFormat {
    static let name = "VMDK of ESX (seSparse)"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: SESparseHeader.magic)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        throw VMDKExtentOpener.refusal(of: reader.imageName, "seSparse")
    }
}
