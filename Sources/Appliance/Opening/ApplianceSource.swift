// What an appliance is opened from.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import SystemPackage

/// Where a package or a disk image is.
package enum ApplianceSource: Sendable {
    /// A file: an archive or a disk image, whichever its content says.
    case file(any ByteSource, name: [UInt8], modificationTime: Int64)
    /// The same behind a network: no file of this system, and in no folder of it. `image`: what an image service says of it.
    case remote(any ByteSource, name: [UInt8], modificationTime: Int64, image: ImageRecord? = nil)
    /// A folder; `descriptorName` is the bytes of a name in it, without which it holds exactly one descriptor.
    case folder(FilePath, descriptorName: [UInt8]?)
}
