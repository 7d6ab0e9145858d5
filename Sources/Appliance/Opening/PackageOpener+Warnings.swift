// Where a descriptor and a disk do not agree.
// SPDX-License-Identifier: Apache-2.0

import DiskImages
import OVFPackage

extension PackageOpener {
    /// What is questionable about a disk that was opened, and where the descriptor is wrong about it.
    func warnings(about guest: GuestDisk, declaredAs disk: VirtualDisk) -> [PackageWarning] {
        var warnings = guest.findings
        if let capacity = disk.capacity, capacity != guest.byteCount {
            warnings.append(
                PackageWarning(
                    .capacityWrong,
                    "the descriptor says a capacity of \(capacity) bytes, the image \(guest.byteCount)",
                    line: disk.line))
        }
        let format = guest.image.format
        if let hint = disk.format, FormatHint(hint).contradicts(format) {
            warnings.append(
                PackageWarning(
                    .formatWrong,
                    "the descriptor says the format \(hint.quotable()), the image is \(format.rawValue)",
                    line: disk.line))
        }
        return warnings
    }
}
