// Puts a file tree together, path by path.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Collects files and links; directories on the way to them are made as they are named.
package struct FileTreeBuilder {
    private struct Draft {
        let parent: Int
        var content: Content
        var attributes: Attributes
        var extendedAttributes: [ExtendedAttribute] = []

        enum Content {
            case directory(entries: [Directory.Entry], positions: [[UInt8]: Int])
            case leaf(Node.Content)
        }
    }

    private var drafts: [Draft]
    private let directoryAttributes: Attributes
    private let budget: OpeningBudget
    /// Why nodes are missing: those that were added when the budget was used up.
    package private(set) var failure: ReadError?

    /// What a node takes beside its name, in bytes: here, in the tree, and in its directory.
    private static let bytesPerNode = 384

    /// - Parameters:
    ///   - directoryTime: The modification time of every directory, in seconds since 1970.
    ///   - budget: The memory that the nodes may take.
    package init(directoryTime: Int64, budget: OpeningBudget) {
        self.budget = budget
        directoryAttributes = Attributes(modificationTime: directoryTime, allocatedByteCount: 0)
        drafts = [
            Draft(
                parent: 0, content: .directory(entries: [], positions: [:]), attributes: directoryAttributes)
        ]
    }

    /// Whether there is a node at `path`.
    package func contains(_ path: [[UInt8]]) -> Bool {
        position(of: path) != nil
    }

    /// Adds a file, a live file or a link.
    ///
    /// - Returns: false where the path is taken, or goes through something that is not a directory; nothing
    ///   is added then.
    @discardableResult
    package mutating func add(
        _ content: Node.Content, at path: [[UInt8]], attributes: Attributes,
        extendedAttributes: [ExtendedAttribute] = []
    ) -> Bool {
        guard let name = path.last, let parent = makeDirectory(path.dropLast()) else { return false }
        return insert(
            Draft(
                parent: parent, content: .leaf(content), attributes: attributes,
                extendedAttributes: extendedAttributes),
            named: name, in: parent, isListed: true) != nil
    }

    /// Makes a directory, and those above it. Where it is not `isListed`, it can be entered and does not show up
    /// when its parent is listed.
    ///
    /// - Returns: false where something else stands in the way.
    @discardableResult
    package mutating func addDirectory(_ path: [[UInt8]], isListed: Bool = true) -> Bool {
        makeDirectory(path[...], isListed: isListed) != nil
    }

    package func build() -> FileTree {
        FileTree(
            nodes: drafts.enumerated().map { position, draft in
                Node(
                    inode: inode(of: position), content: content(of: draft), attributes: draft.attributes,
                    extendedAttributes: draft.extendedAttributes)
            })
    }

    private func content(of draft: Draft) -> Node.Content {
        switch draft.content {
        case .leaf(let content): content
        case .directory(let entries, let positions):
            .directory(
                Directory(
                    parent: inode(of: draft.parent), entries: entries,
                    subdirectoryCount: positions.values.count(where: { isDirectory($0) })))
        }
    }

    private func inode(of position: Int) -> UInt64 { FileTree.rootInode + UInt64(position) }

    private func isDirectory(_ position: Int) -> Bool {
        if case .directory = drafts[position].content { true } else { false }
    }

    private func position(of path: [[UInt8]]) -> Int? {
        var current = 0
        for name in path {
            guard case .directory(_, let positions) = drafts[current].content, let next = positions[name]
            else { return nil }
            current = next
        }
        return current
    }

    private mutating func makeDirectory(_ path: ArraySlice<[UInt8]>, isListed: Bool = true) -> Int? {
        var current = 0
        for name in path {
            guard case .directory(_, let positions) = drafts[current].content else { return nil }
            if let next = positions[name] {
                current = next
                continue
            }
            let draft = Draft(
                parent: current, content: .directory(entries: [], positions: [:]),
                attributes: directoryAttributes)
            guard let next = insert(draft, named: name, in: current, isListed: isListed) else { return nil }
            current = next
        }
        return isDirectory(current) ? current : nil
    }

    private mutating func insert(
        _ draft: Draft, named name: [UInt8], in parent: Int, isListed: Bool
    ) -> Int? {
        guard case .directory(var entries, var positions) = drafts[parent].content, positions[name] == nil
        else { return nil }
        do throws(ReadError) {
            try budget.take(
                UInt64(Self.bytesPerNode + 2 * name.count),
                for: "the tree of files, of \(drafts.count) so far,")
        } catch {
            failure = failure ?? error
            return nil
        }
        let position = drafts.count
        // Without this the arrays below would be copied for every entry.
        drafts[parent].content = .directory(entries: [], positions: [:])
        entries.append(Directory.Entry(name: name, inode: inode(of: position), isListed: isListed))
        positions[name] = position
        drafts[parent].content = .directory(entries: entries, positions: positions)
        drafts.append(draft)
        return position
    }
}
