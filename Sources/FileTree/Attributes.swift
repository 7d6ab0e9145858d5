// What a node has besides its content.
// SPDX-License-Identifier: Apache-2.0

package struct Attributes: Sendable {
    /// The last modification, in seconds since 1970.
    package var modificationTime: Int64
    /// Bytes that are stored rather than known to be zero, counted when someone asks; nil where that is all of them.
    package var allocatedByteCount: (@Sendable () -> UInt64)?

    package init(modificationTime: Int64, countingAllocated: (@Sendable () -> UInt64)? = nil) {
        self.modificationTime = modificationTime
        allocatedByteCount = countingAllocated
    }

    package init(modificationTime: Int64, allocatedByteCount: UInt64) {
        self.init(modificationTime: modificationTime) { allocatedByteCount }
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
