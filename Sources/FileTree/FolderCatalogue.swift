// A root whose folders come and go, each a tree of files that is opened when it is first entered.
// SPDX-License-Identifier: Apache-2.0

/// Where folders come from. Any thread may use it; its calls wait for whatever they have to.
package protocol FolderCatalogue: Sendable {
    /// The folders when it was made.
    var firstList: FolderList { get }
    /// How long a list is good, in seconds.
    var listLifetime: Double { get }
    /// Opening takes no longer, in seconds.
    var openingTimeLimit: Double { get }

    /// The folders as they are now. Who calls it sees to it that there is one call at a time.
    func renewedList() throws(FolderFailure) -> FolderList

    /// Opens a folder of the last list.
    func open(_ folder: Folder) throws(FolderFailure) -> OpenFolder
}

/// A folder that was opened.
package struct OpenFolder: Sendable {
    package let tree: FileTree
    /// What lives as long as the tree.
    package let owner: (any Sendable)?

    package init(_ tree: FileTree, owner: (any Sendable)? = nil) {
        self.tree = tree
        self.owner = owner
    }
}

/// Why a folder cannot be entered, or folders cannot be listed, now; the next time may do.
package struct FolderFailure: Error, CustomStringConvertible {
    package enum Kind: Sendable {
        /// It cannot be read, or is damaged.
        case unreadable
        /// Whoever mounted may not.
        case refused
        /// It is no longer what was listed.
        case gone
        /// The memory that all open folders share is used up.
        case overBudget
        /// The process may open no more files.
        case tooManyOpenFiles
    }

    package let kind: Kind
    /// One line.
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
