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
        /// Formats that are looked for before those that are read anyway.
        package let formats: [any DiskImageFormat.Type]

        package init(
            lenient: Bool = false, expectedByteCount: UInt64? = nil, budget: OpeningBudget,
            formats: [any DiskImageFormat.Type] = []
        ) {
            self.budget = budget
            self.formats = formats
            self.lenient = lenient
            self.expectedByteCount = expectedByteCount
        }
    }

    /// The formats that are read, in the order in which they are looked for. What has no mark of any is a raw disk.
    private static let formats: [any DiskImageFormat.Type] = [
        VMDKSparseFormat.self,
        COWDFormat.self,
        SESparseFormat.self,
        VMDKDescriptorFormat.self,
        QCOWFormat.self,
        QCOW2Format.self,
        VHDFormat.self,
        VHDXFormat.self,
        VDIFormat.self,
        ParallelsFormat.self,
        CloopFormat.self,
        // Looks for nothing in front.
        VHDFixedFormat.self,
    ]

    /// Opens the image in `source`, which errors call `name`. Bytes that are no known format are a raw disk. Its tables are
    /// kept in `cache` under `disk`, a number of its own.
    ///
    /// - Throws: `ReadError.corrupt` where the image's own description is damaged, `ReadError.unsupported` where it is of a
    ///   format that is not decoded.
    package static func open(
        _ source: any ByteSource, named name: String, in cache: ClusterCache, for disk: DiskNumber,
        options: Options
    ) throws(ReadError) -> any DiskImage {
        let reader = try OpeningReader(source, named: name)
        var unreadableEnd: ReadError?
        for format in options.formats + formats {
            do throws(ReadError) {
                guard try format.recognises(reader.head, of: source) else { continue }
            } catch {
                // The start could be read: it is the end that tells.
                guard error.isOfTheBytes else { throw error }
                unreadableEnd = error
                continue
            }
            return try format.open(
                reader, tables: TableCache(of: source, in: cache, for: disk), options: options)
        }
        if let format = UndecodedFormat(startingWith: reader.head) {
            throw .unsupported(feature: refusal(of: format, named: name))
        }
        return try RawImage(source, named: name, unreadableEnd: unreadableEnd)
    }

    /// The format of `source` by its content; nil for what is read as a raw disk.
    package static func recognise(_ source: any ByteSource) throws(ReadError) -> RecognisedFormat? {
        try recognise(source, among: formats)
    }

    /// What the content of a guest disk looks like; by its start alone where its end may not have come.
    package static func recognise(contentOf disk: GuestDisk) throws(ReadError) -> RecognisedFormat? {
        try recognise(disk, among: disk.isArriving ? formats.filter { $0 != VHDFixedFormat.self } : formats)
    }

    private static func recognise(
        _ source: any ByteSource, among formats: [any DiskImageFormat.Type]
    ) throws(ReadError) -> RecognisedFormat? {
        let head = try source.bytes(Int(min(512, source.byteCount)), at: 0)[...]
        for format in formats where try format.recognises(head, of: source) {
            return RecognisedFormat(name: format.name, isDiskImage: true)
        }
        return UndecodedFormat(startingWith: head).map {
            RecognisedFormat(name: $0.name, isDiskImage: false)
        }
    }

    /// What the header of the image that `reader` reads says; nil where its bytes are no known format: a raw disk.
    /// - Throws: as `open`, and `ReadError.unsupported` where the format says it elsewhere.
    package static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? {
        for format in formats where try format.recognises(reader.head, of: reader.source) {
            if let header = try format.header(reader) { return header }
            throw .unsupported(
                feature:
                    "\(reader.imageName) is a disk in the format \(format.name), whose header does not say its size"
            )
        }
        switch UndecodedFormat(startingWith: reader.head) {
        case .compressed(let format)?:
            throw .unsupported(
                feature:
                    "\(reader.imageName) is \(article(of: format.name)) \(format.name) file, whose header does "
                    + "not say the disk's size")
        case let format?: throw .unsupported(feature: refusal(of: format, named: reader.imageName))
        case nil: return nil
        }
    }

    /// What children know the image in `source` by, where its first 512 bytes tell.
    static func identity(of source: any ByteSource) throws(ReadError) -> ImageIdentity? {
        let head = try source.bytes(Int(min(512, source.byteCount)), at: 0)[...]
        for format in formats {
            if let identity = format.identity(head) { return identity }
        }
        return nil
    }

    private static func refusal(of format: UndecodedFormat, named name: String) -> String {
        let isForeign = if case .foreign = format { true } else { false }
        return "\(name) is \(article(of: format.name)) \(format.name) file, which is not "
            + (isForeign ? "read here; convert it: " : "unpacked here; unpack it: ")
            + ConversionAdvice.unpacking(format, named: name)
    }

    /// As they are spoken: an xz file, an LZ4 file.
    private static func article(of name: String) -> String {
        "aeiox".contains(name.prefix(1).lowercased()) || name.hasPrefix("LZ") ? "an" : "a"
    }
}
