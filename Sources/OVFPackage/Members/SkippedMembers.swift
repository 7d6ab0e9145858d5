// Finds the member that is not shown and stands in the way of an href.
// SPDX-License-Identifier: Apache-2.0

/// What a package does not show, as a tree: looking a path up costs its own length, however many folders are in it.
struct SkippedMembers {
    private struct Key: Hashable {
        let folder: Int
        let name: ByteString
    }

    /// What stands in each folder, the root being 0.
    private var numbers: [Key: Int] = [:]
    private var members: [Int: SkippedMember] = [:]

    init(_ members: [SkippedMember]) {
        for member in members {
            let components = MemberPath(member.path).components
            guard components.count <= MemberPath.maximumDepth else { continue }
            var place = 0
            for component in components {
                let key = Key(folder: place, name: ByteString(Array(component)))
                place = numbers[key] ?? numbers.count + 1
                numbers[key] = place
            }
            if self.members[place] == nil { self.members[place] = member }
        }
    }

    /// What keeps `href` from being found: a name that is not shown, of the file or of the innermost folder.
    func found(onTheWayTo href: String) -> SkippedMember? {
        guard !members.isEmpty else { return nil }
        let components = MemberPath(Array(href.utf8)).components
        guard components.count <= MemberPath.maximumDepth else { return nil }
        var place = 0
        var found: SkippedMember?
        for component in components {
            guard let next = numbers[Key(folder: place, name: ByteString(Array(component)))] else { break }
            place = next
            found = members[place] ?? found
        }
        return found
    }
}
