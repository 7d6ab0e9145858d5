// How a VHD is recognised: by its start, or by the footer of a fixed one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A VHD with the cookie in front: dynamic or differencing.
enum VHDFormat: DiskImageFormat {
    static let name = "VHD"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        head.starts(with: VHDFooter.cookie)
    }

    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        let footer = try footer(of: try VHDFooters(reader), reader)
        return ImageHeader(
            footer.kind == .differencing ? .vhdDifferencing : .vhdDynamic,
            virtualByteCount: footer.virtualByteCount)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        let footers = try VHDFooters(reader)
        return try VHDImage(
            try footer(of: footers, reader), footers, reader, tables: tables, options: options)
    }

    private static func footer(of footers: VHDFooters, _ reader: OpeningReader) throws(ReadError) -> VHDFooter
    {
        let footer = try footers.used()
        guard footer.kind != .fixed else {
            throw .unsupported(
                feature: "\(reader.imageName) starts like a VHD that grows and has the footer of a fixed one")
        }
        return footer
    }
}

/// A VHD that is the guest's bytes with a footer behind them. To be looked for last: it has nothing in front.
enum VHDFixedFormat: DiskImageFormat {
    static let name = "VHD"

    /// Only a footer that is right in every way counts: anything less is a raw disk's last sector.
    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) throws(ReadError) -> Bool {
        // What starts like another file is that.
        guard UndecodedFormat(startingWith: head) == nil,
            let found = try VHDFooters.atEnd(of: source, named: "disk"),
            case .success(let footer) = found.footer
        else { return false }
        return footer.kind == .fixed && footer.dataOffset == VHDFooter.noDataOffset
    }

    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        ImageHeader(.vhdFixed, virtualByteCount: try VHDFooters(reader).used().virtualByteCount)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        let footers = try VHDFooters(reader)
        return try VHDFixedImage(try footers.used(), footers, reader)
    }
}
