// From an image file's first bytes to its format: the only list of formats.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Opens disk images by what they contain.
package enum DiskImageOpener {
    /// How an image is opened.
    package struct Options: Sendable {
        /// Shows what can be read of an image that is cut short, and errors for the rest.
        package let lenient: Bool
        /// How long the file should be, in bytes, where something else says so, such as `ovf:size`.
        package let expectedByteCount: UInt64?
        /// The memory that opening may take.
        package let budget: OpeningBudget

        package init(
            lenient: Bool = false, expectedByteCount: UInt64? = nil, budget: OpeningBudget
        ) {
            self.budget = budget
            self.lenient = lenient
            self.expectedByteCount = expectedByteCount
        }
    }

    /// Opens the image in `source`, which errors call `name`. Bytes that are no known format are a raw disk. Its tables are
    /// kept in `cache` under `disk`, a number of its own.
    ///
    /// - Throws: `ReadError.corrupt` where the image's own description is damaged, `ReadError.unsupported` where it is of a
    ///   format that is not decoded, or needs other files.
    package static func open(
        _ source: any ByteSource, named name: String, in cache: ClusterCache, for disk: DiskNumber,
        options: Options
    ) throws(ReadError) -> any DiskImage {
        let reader = try OpeningReader(source, named: name)
        switch try format(of: source, startingWith: reader.head) {
        case .vmdkSparseExtent:
            return try VMDKSparseExtent.open(
                reader, tables: TableCache(of: source, in: cache, for: disk), options: options)
        case .vmdkDescriptor:
            throw .unsupported(feature: descriptorRefusal(for: reader.head, named: name))
        case let format?:
            throw .unsupported(feature: refusal(of: format, named: name))
        case nil:
            return try RawImage(source, named: name)
        }
    }

    /// The format of `source` by its content; nil for what is read as a raw disk. Also tells whether the
    /// content of a guest disk looks like an image of its own.
    package static func recognise(_ source: any ByteSource) throws(ReadError) -> RecognisedFormat? {
        let count = Int(min(512, source.byteCount))
        return try format(of: source, startingWith: try source.bytes(count, at: 0)[...])
    }

    private static func format(
        of source: any ByteSource, startingWith head: ArraySlice<UInt8>
    ) throws(ReadError) -> RecognisedFormat? {
        if let format = RecognisedFormat(startingWith: head) { return format }
        // A fixed VHD is a raw disk with a footer, of 511 bytes in some old files.
        guard source.byteCount > 512 else { return nil }
        let tail = try source.bytes(512, at: source.byteCount - 512)
        let magic = Array("conectix".utf8)
        return tail.starts(with: magic) || tail.dropFirst().starts(with: magic) ? .vhd : nil
    }

    private static func refusal(of format: RecognisedFormat, named name: String) -> String {
        if format.isDiskImage {
            let advice =
                ConversionAdvice.command(for: format, named: name).map { "; convert it: \($0)" } ?? ""
            return "\(name) is a disk in the format \(format.name), which is not decoded\(advice)"
        }
        let advice = ConversionAdvice.unpacking(format, named: name) ?? "unpack it first"
        // As they are spoken: an xz file.
        let article = "aeiox".contains(format.name.prefix(1).lowercased()) ? "an" : "a"
        return "\(name) is \(article) \(format.name) file, which is not unpacked; unpack it: \(advice)"
    }

    private static func descriptorRefusal(for text: ArraySlice<UInt8>, named name: String) -> String {
        let names = VMDKDescriptor(parsing: text).extents.compactMap(\.fileName)
        let shown = names.first.map { "\(VMDKDescriptor.shown($0))\(names.count > 1 ? " and others" : "")" }
        return
            "\(name) is a VMDK descriptor that refers to other files (\(shown ?? "not named")), which "
            + "are never opened"
            + (ConversionAdvice.command(for: .vmdkDescriptor, named: name).map { "; convert it: \($0)" } ?? "")
    }
}
