// What a verification has to have checked.
// SPDX-License-Identifier: Apache-2.0

import OVFPackage

/// What the descriptor makes of a package: all of it has to be listed in the manifest and right.
struct VerificationScope: Sendable {
    /// The descriptor, and the members that it uses, chunks too; as indices of the package's list.
    var usedMembers: Set<Int> = []
    /// Why a file of the References is not to be had, one line each.
    var absentFiles: [String] = []
    /// Why the manifest cannot be read; nil where it can, and where there is none.
    var manifestProblem: String?

    /// Takes in the files of the References and the members of the disks.
    mutating func use(
        _ files: [PackageFile?], of disks: [ApplianceDisk], in package: OVFPackage, hasDescriptor: Bool
    ) {
        for file in files { usedMembers.formUnion(file?.members ?? []) }
        // With a descriptor the disks' members are those of the files: disks times chunks would be a product.
        if !hasDescriptor { for disk in disks { usedMembers.formUnion(disk.memberIndices) } }
        if let descriptor = package.descriptorIndex { usedMembers.insert(descriptor) }
    }

    /// Takes in what the disks were found to build on. A file that is none of the package's is in no manifest.
    mutating func use(_ usage: PackageNeighbours.Usage) {
        usedMembers.formUnion(usage.members)
        for name in usage.outsiders.sorted() {
            absentFiles.append("a disk builds on \"\(name)\", which is beside the package and not in it")
        }
    }
}
