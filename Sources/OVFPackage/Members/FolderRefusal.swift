// Why a name in a folder is not opened.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A name in a folder package that hides itself: what it is, and what the user can ask for instead.
package enum FolderRefusal: Error, Equatable {
    /// A symbolic link, and links are not followed.
    case link(name: [UInt8], target: [UInt8])
    /// A symbolic link that leads out of the folder, which is never followed.
    case outside(name: [UInt8], target: [UInt8])
    /// Links that lead to links, without an end.
    case tooManyLinks(name: [UInt8])
    /// A folder, a device, a fifo or a socket.
    case notAFile(name: [UInt8], kind: String)
    /// A name that cannot be one of a file beneath the folder.
    case unusableName([UInt8])
    /// A file that cannot be opened or read, such as for a lack of permission.
    case unreadable(name: [UInt8], ReadError)
    /// What is not about this name: the process has no descriptors left, or no memory.
    case failure(ReadError)

    /// What `notAFile` calls a folder.
    static let folderKind = "folder"

    package var remedy: Remedy? {
        if case .link = self { .linksInside } else { nil }
    }
}

extension FolderRefusal: CustomStringConvertible {
    /// What the name is, as the end of a sentence about it.
    package var description: String {
        switch self {
        case .link(_, let target): "a symbolic link to \"\(String(displaying: target))\""
        case .outside(_, let target):
            "a symbolic link to \"\(String(displaying: target))\", which is outside of the folder and is not followed"
        case .tooManyLinks: "a symbolic link that leads from link to link"
        case .notAFile(_, let kind): "a \(kind), not a regular file"
        case .unusableName: "not the name of a file in the folder"
        case .unreadable(_, let error), .failure(let error): "not readable: \(error)"
        }
    }

    /// The component that the name was met with.
    package var name: [UInt8]? {
        switch self {
        case .link(let name, _), .outside(let name, _), .tooManyLinks(let name), .notAFile(let name, _),
            .unusableName(let name), .unreadable(let name, _):
            name
        case .failure: nil
        }
    }
}
