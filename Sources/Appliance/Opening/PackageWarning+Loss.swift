// Which findings mean that something of the package cannot be shown.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

extension PackageWarning.Code {
    /// Whether the one who mounts is told at once; the others are for `info` and `verify`.
    var isLoss: Bool {
        switch self {
        case .archiveDamaged, .transferIncomplete, .memberCutShort, .descriptorUnusable, .nameHostile,
            .partitionTableUnreadable,
            .snapshotsNotShown:
            true
        default: false
        }
    }
}
