// What a format is to the opener: how it is recognised, and how it is opened.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A disk format. To add one: a file (or a folder) in `Formats/`, a line in `DiskImageOpener.formats`, and a run of the
/// conformance suite; CONTRIBUTING.md has an example.
package protocol DiskImageFormat: Sendable {
    /// What users call it.
    static var name: String { get }

    /// Whether a file that starts with `head`, at most 16 KiB, is one of this format: by its mark alone, since a mark
    /// with a damaged header is a damaged image and never a raw disk.
    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) throws(ReadError) -> Bool

    /// What children know the image that starts with `head` by, where that can be told from its first 512 bytes: formats whose
    /// children store no name of their parent have it there.
    static func identity(_ head: ArraySlice<UInt8>) -> ImageIdentity?

    /// What the header says of the disk, out of what `reader` holds already: the start of the file, and for marks at its end
    /// that; or out of a bounded number of bounded reads more. Nil where the format has that elsewhere.
    /// - Throws: `ReadError.corrupt` where the header is damaged, `ReadError.unsupported` for what is not read.
    static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader?

    /// Opens the image that `reader` reads; tables that are not held go through `tables`.
    /// - Throws: `ReadError.corrupt` where what describes the image is damaged, `ReadError.unsupported` for what is not read.
    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage
}

extension DiskImageFormat {
    package static func identity(_ head: ArraySlice<UInt8>) -> ImageIdentity? { nil }
    package static func header(_ reader: OpeningReader) throws(ReadError) -> ImageHeader? { nil }
}
