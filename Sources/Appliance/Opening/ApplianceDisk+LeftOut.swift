// What of a disk's compressed files was left out.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CompressedSources
import DiskImages
import OVFPackage

extension GuestDisk {
    /// Bytes at the ends of its compressed files that are no part of them.
    var leftOutByteCount: UInt64 {
        files.reduce(0) { $0 &+ CompressedSource.leftOutByteCount(of: $1) }
    }

    /// What is questionable about it though it can be read.
    var findings: [PackageWarning] {
        let lines = leftOutByteCount > 0 ? [PackageWarning.leftOut(leftOutByteCount)] : []
        let empty = byteCount == 0 ? ["the disk is empty: it has no bytes"] : []
        return (warnings + lines + empty).map { PackageWarning(.imageQuestionable, $0) }
    }
}

extension ApplianceDisk {
    /// Stored bytes that were left out since they are no part of the compressed file that they are in.
    var leftOutByteCount: UInt64 {
        guard case .decoded(let disk) = content else { return 0 }
        return disk.leftOutByteCount
    }
}

extension PackageWarning {
    static func leftOut(_ byteCount: UInt64) -> String {
        "the last \(byteCount) bytes of the compressed file belong to nothing and are left out: "
            + "what is shown may not be all"
    }
}
