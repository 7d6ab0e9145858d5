// What is said of a file that ends before what its own tables name.
// SPDX-License-Identifier: Apache-2.0

/// An image that was cut short is read as far as it goes: what is missing is damage, where it is read. That some is missing is
/// known earlier, where the table is at hand when the image is opened.
package enum MissingEnd {
    /// How warnings about it end.
    private static let ofTables = "it was cut short, or is damaged there"
    static let ofLength = "bytes are missing from the file's end"

    /// Whether it is what a warning of an image is about.
    package static func isMeant(by warning: String) -> Bool {
        warning.hasSuffix(ofTables) || warning.hasSuffix(ofLength)
    }

    /// The warning about a file of `fileByteCount` bytes whose `record` names data up to byte `end`; none where the file has
    /// all of it.
    static func warnings(of fileByteCount: UInt64, namedTo end: UInt64, by record: String) -> [String] {
        guard end > fileByteCount else { return [] }
        return [
            "the file ends at byte \(fileByteCount), and its \(record) "
                + "\(record.hasSuffix("s") ? "name" : "names") data up to byte \(end): \(ofTables)"
        ]
    }
}
