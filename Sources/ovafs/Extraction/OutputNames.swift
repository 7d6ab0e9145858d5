// The names that the files of one command have, complete or not.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import SystemPackage

/// Keeps the files that one command makes apart: none is given the name that another has, or has while it is written.
struct OutputNames {
    private struct Name: Hashable {
        let folder: Folder
        let bytes: [UInt8]
    }

    private enum Folder: Hashable {
        case number(FileNumber)
        /// One that is not there yet.
        case path(FilePath)
    }

    /// The names of complete files, and those that files have while they are written.
    private var complete: [Name: FilePath] = [:]
    private var partial: [Name: FilePath] = [:]
    /// Files that the caller writes to meanwhile.
    private let standardFiles = StandardDescriptors.outputs.map(\.number)

    /// Takes `path`, and the name that its file has while it is written, which may be together with `other`.
    /// - Throws: `CopyError.refused` where one of them is taken.
    mutating func take(_ path: FilePath, writtenWith other: FilePath? = nil) throws(CopyError) {
        let partialPath = OutputFile.partialPath(for: path)
        for name in [path, partialPath] {
            if let number = FileNumber(at: name), standardFiles.contains(number) {
                throw .refused("\(name) is where the command's own output goes")
            }
        }
        let (completeName, partialName) = (Self.name(of: path), Self.name(of: partialPath))
        // Disks are written one after the other, so that one may have the partial name that another had.
        let together = other.flatMap { partial[partialName] == $0 ? $0 : nil }
        if let owner = complete[completeName] ?? partial[completeName] ?? complete[partialName] ?? together {
            throw .refused("\(path) and \(owner) would be written over each other: choose another name")
        }
        guard completeName != partialName else {
            throw .refused("\(path) is the name that its file has until it is complete, too: choose another")
        }
        complete[completeName] = path
        partial[partialName] = path
    }

    /// The same for all ways to write a path.
    private static func name(of path: FilePath) -> Name {
        let bytes = path.lastName ?? []
        let folder = path.removingLastComponent()
        if let number = FileNumber(at: folder.isEmpty ? "." : folder) {
            return Name(folder: .number(number), bytes: bytes)
        }
        // At most the last folder is to be made.
        let parent = folder.removingLastComponent()
        let resolved = (parent.isEmpty ? "." : parent).resolved ?? parent
        let place = folder.lastComponent.map { resolved.appending($0) } ?? resolved
        return Name(folder: .path(place), bytes: bytes)
    }
}
