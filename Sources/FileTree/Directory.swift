// The names in a directory.
// SPDX-License-Identifier: Apache-2.0

/// A directory's entries. Names are bytes, as on disk.
package struct Directory: Sendable {
    package struct Entry: Sendable {
        package let name: [UInt8]
        package let inode: UInt64
        /// Whether readdir(3) shows it; it can be looked up by name in any case.
        package let isListed: Bool
    }

    package let parent: UInt64
    /// The entries that are listed, in the order in which they were added.
    package let listed: [Entry]
    /// How many entries are directories.
    package let subdirectoryCount: Int
    private let inodes: [[UInt8]: UInt64]

    init(parent: UInt64, entries: [Entry], subdirectoryCount: Int) {
        self.parent = parent
        self.subdirectoryCount = subdirectoryCount
        listed = entries.filter(\.isListed)
        inodes = Dictionary(entries.map { ($0.name, $0.inode) }, uniquingKeysWith: { first, _ in first })
    }

    func name(of inode: UInt64) -> [UInt8]? {
        inodes.first { $0.value == inode }?.key
    }

    /// The names of all entries, in no order.
    package var names: some Collection<[UInt8]> { inodes.keys }

    package func inode(named name: [UInt8]) -> UInt64? {
        inodes[name]
    }
}
