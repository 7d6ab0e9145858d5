// What tells a disk image from others, for the images that build on it.
// SPDX-License-Identifier: Apache-2.0

/// An identity that a format stores, and that a child stores of its parent.
package enum ImageIdentity: Sendable, Equatable {
    /// The content identifier of a VMDK's descriptor.
    case vmdkContent(UInt32)
    /// Sixteen bytes of the footer.
    case vhd([UInt8])
    /// The data-write GUID of the current header, sixteen bytes as stored.
    case vhdx([UInt8])
    /// Sixteen bytes each.
    case vdi(creation: [UInt8], modification: [UInt8])
}

extension ImageIdentity {
    /// Whether both are states of one disk: a format that stores no names has its parents found by that.
    func isSameDisk(as other: ImageIdentity) -> Bool {
        if case .vdi(let creation, _) = self, case .vdi(let otherCreation, _) = other {
            return creation == otherCreation
        }
        return self == other
    }
}
