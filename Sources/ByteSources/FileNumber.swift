// Which file a name stands for.
// SPDX-License-Identifier: Apache-2.0

package import Glibc

/// A file by the numbers that the system has for it: the same for all of its names. A block device is the same
/// whichever of its nodes is meant.
package struct FileNumber: Hashable, Sendable {
    private let device: dev_t
    /// Nil for a block device.
    private let number: ino_t?

    package init(_ status: stat) {
        let isDevice = status.st_mode & S_IFMT == S_IFBLK
        device = isDevice ? status.st_rdev : status.st_dev
        number = isDevice ? nil : status.st_ino
    }

    /// The block device of this number.
    package init(blockDevice: dev_t) {
        device = blockDevice
        number = nil
    }

    /// The number of the block device that it is; nil for any other file.
    package var blockDevice: dev_t? { number == nil ? device : nil }

    /// The numbers themselves.
    package var parts: [UInt64] { [2, UInt64(device)] + (number.map { [UInt64($0)] } ?? []) }
}
