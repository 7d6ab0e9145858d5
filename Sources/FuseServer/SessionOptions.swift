// How a tree is served.
// SPDX-License-Identifier: Apache-2.0

/// What the one who mounts may choose about the file system itself.
package struct SessionOptions: Sendable {
    package enum CacheMode: String, Sendable, CaseIterable {
        /// Through the kernel's page cache, kept from one open to the next.
        case kernel
        /// Every read comes to the server.
        case none
    }

    /// What `/proc/mounts` shows as the source, in bytes.
    package var sourceName: [UInt8]
    package var allowsOtherUsers = false
    /// Whether programs in the tree may be run; devices and changes of rights never take effect.
    package var permitsExecution = false
    package var cacheMode = CacheMode.kernel
    package var userID: UInt32
    package var groupID: UInt32
    /// Permission bits that are taken from 0444 and 0555.
    package var umask: UInt32 = 0
    /// How many reads are answered at once by the threads that take requests.
    package var threadCount = 12
    /// How many reads that had to wait are decoded at once.
    package var decoderCount = 2

    package init(sourceName: [UInt8], userID: UInt32, groupID: UInt32) {
        self.sourceName = sourceName
        self.userID = userID
        self.groupID = groupID
    }
}
