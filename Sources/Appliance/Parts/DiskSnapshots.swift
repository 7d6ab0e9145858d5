// The snapshots inside of a disk image as a mount shows them.
// SPDX-License-Identifier: Apache-2.0

import DiskImages

/// The earlier states of a disk, and where they are shown.
package struct DiskSnapshots: Sendable {
    /// In the image's order.
    package let snapshots: [Snapshot]
    /// The folder with a file for each snapshot, as names below `.ova/snapshots`.
    package let folder: [[UInt8]]

    package struct Snapshot: Sendable {
        /// As the image spells it.
        package let name: [UInt8]
        package let identifier: [UInt8]
        /// When it was taken, in seconds since 1970.
        package let creationTime: Int64
        /// What its file is called in the folder.
        package let fileName: [UInt8]
        let disk: GuestDisk

        /// Of the disk at that time, in bytes.
        package var virtualByteCount: UInt64 { disk.byteCount }
    }
}
