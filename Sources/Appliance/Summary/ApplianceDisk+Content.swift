// What the guest's own bytes look like.
// SPDX-License-Identifier: Apache-2.0

import DiskImages
import OVFPackage

extension ApplianceDisk {
    /// A guest disk whose content looks like a disk image of its own is a danger to programs that guess formats.
    ///
    /// `known` has what was found of images that were looked at before.
    func contentWarnings(_ known: inout [ObjectIdentifier: [PackageWarning]]) -> [PackageWarning] {
        guard case .decoded(let guest) = content else { return [] }
        if let warnings = known[ObjectIdentifier(guest)] { return warnings }
        let warnings = Self.contentWarnings(of: guest)
        known[ObjectIdentifier(guest)] = warnings
        return warnings
    }

    private static func contentWarnings(of source: GuestDisk) -> [PackageWarning] {
        guard let format = try? DiskImageOpener.recognise(contentOf: source), format.isDiskImage else {
            return []
        }
        return [
            PackageWarning(
                .guestLooksLikeImage,
                "the guest's data looks like a disk image (\(format.name)); give -f raw to qemu, which would "
                    + "open it as one")
        ]
    }
}
