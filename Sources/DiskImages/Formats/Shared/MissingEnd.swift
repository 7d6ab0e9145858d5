// What is said of a file that ends before what its own tables name.
// SPDX-License-Identifier: Apache-2.0

/// An image that was cut short is read as far as it goes: what is missing is damage, where it is read. That some is missing is
/// known earlier, where the table is at hand when the image is opened.
enum MissingEnd {
    /// The warning about a file of `fileByteCount` bytes whose `record` names data up to byte `end`; none where the file has
    /// all of it.
    static func warnings(of fileByteCount: UInt64, namedTo end: UInt64, by record: String) -> [String] {
        guard end > fileByteCount else { return [] }
        return [
            "the file ends at byte \(fileByteCount), and its \(record) \(record.hasSuffix("s") ? "name" : "names") data up to byte \(end): it was cut "
                + "short, or is damaged there"
        ]
    }
}
