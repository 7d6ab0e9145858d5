// What the guest's own bytes look like.
// SPDX-License-Identifier: Apache-2.0

import DiskImages
import OVFPackage

extension ApplianceDisk {
    /// A guest disk whose content looks like a disk image of its own is a danger to programs that guess formats.
    var contentWarnings: [PackageWarning] {
        guard let source, let format = try? DiskImageOpener.recognise(source), format.isDiskImage else {
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
