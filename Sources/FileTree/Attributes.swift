// What a node has besides its content.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

package struct Attributes: Sendable {
    /// The last modification, in seconds since 1970.
    package var modificationTime: Int64
    /// Bytes that are stored rather than known to be zero, counted when someone asks; nil where that is all of them.
    /// Throws `ReadError.wouldWait` where counting takes longer than the thread may wait.
    package var countAllocated: ByteCounting?
    /// Says of an error that a read of these bytes met which of them it is about, in words for the log; nil where
    /// nothing more than the read's own place is known.
    package var placeOfError: (@Sendable (ReadError, Range<UInt64>) -> String?)?
    /// Told of each error that a read of the file met.
    package var noteError: (@Sendable (ReadError) -> Void)?
    /// Whether the bytes are those of another file, and counted there when all data is counted.
    package var isCountedElsewhere = false

    package init(
        modificationTime: Int64, countingAllocated: ByteCounting? = nil
    ) {
        self.modificationTime = modificationTime
        countAllocated = countingAllocated
    }

    package init(modificationTime: Int64, allocatedByteCount: UInt64) {
        self.init(modificationTime: modificationTime) { () throws(ReadError) in allocatedByteCount }
    }
}

/// An extended attribute, such as `user.ova.format`.
package struct ExtendedAttribute: Sendable {
    package let name: String
    /// The value now; nil where there is none.
    package let value: @Sendable () -> String?

    package init(_ name: String, value: @escaping @Sendable () -> String?) {
        self.name = name
        self.value = value
    }
}
