// Which members of a package are not shown under their own names.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// The members that are the stored form of a decoded disk and nothing else.
enum HiddenMembers {
    /// The descriptor, the manifest and the certificate are always shown, whatever names them; and so is a file that
    /// only happens to be a piece of a disk, too. `files` are those of the References.
    ///
    /// `fileIndices` are the disks' places in `files`; nil where there is no descriptor, and each disk is one member.
    static func of(
        _ package: OVFPackage, _ disks: [ApplianceDisk], _ files: [PackageFile?], fileIndices: [Int?]?
    ) -> Set<Int> {
        // Many disks may name one file of many chunks: each file counts once.
        var seen: Set<Int> = []
        var decoded: Set<[Int]> = []
        for (index, disk) in disks.enumerated() where disk.source != nil {
            if let fileIndices {
                guard let file = fileIndices[index], seen.insert(file).inserted else { continue }
            }
            decoded.insert(disk.memberIndices)
        }
        var hidden = Set(decoded.joined())
        hidden.subtract(package.roleIndices)
        for file in files.compactMap({ $0 }) where !decoded.contains(file.members) {
            hidden.subtract(file.members)
        }
        return hidden
    }
}
