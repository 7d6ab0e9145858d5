// Which folder each member of a package is in.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage

/// The folders of a package as numbers, so that a folder's members are found without comparing paths.
struct FolderIndex {
    /// The folder of each member, by the member's index.
    let folders: [Int]
    /// The members of each folder, as indices, by the folder's number.
    private let members: [[Int]]
    /// Keeps what it takes.
    private let share: BudgetShare

    /// What a member, or a folder, takes, in bytes.
    private static let byteCountPerItem: UInt64 = 160

    /// A folder in another one.
    private struct Step: Hashable {
        let folder: Int
        let name: ByteString
    }

    /// - Throws: `ReadError.overBudget` where there is no memory for it.
    init(of all: [PackageMember], budget: OpeningBudget) throws(ReadError) {
        let share = BudgetShare(of: budget)
        try share.take(UInt64(all.count), times: Self.byteCountPerItem, for: "the folders of the package")
        var numbers: [Step: Int] = [:]
        var members: [[Int]] = [[]]
        var folders: [Int] = []
        folders.reserveCapacity(all.count)
        for (index, member) in all.enumerated() {
            var folder = 0
            for name in member.components.dropLast() {
                let step = Step(folder: folder, name: ByteString(name))
                if let known = numbers[step] {
                    folder = known
                } else {
                    try share.take(
                        Self.byteCountPerItem + UInt64(name.count), for: "the folders of the package")
                    folder = members.count
                    numbers[step] = folder
                    members.append([])
                }
            }
            folders.append(folder)
            // A name with `..` in it is shown, and nothing is led to it.
            if member.isReferable { members[folder].append(index) }
        }
        self.folders = folders
        self.members = members
        self.share = share
    }

    /// The members of folder `number` that something may lead to, by their names.
    func members(inFolder number: Int, of all: [PackageMember]) -> [ByteString: Int] {
        Dictionary(members[number].map { (ByteString(all[$0].name), $0) }) { _, last in last }
    }
}
