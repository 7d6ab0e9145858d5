// Which folders indexes of compressed files are not kept in.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import SystemPackage

/// The folder of `cache_dir=`, looked at before it is made or written to.
enum CacheFolder {
    /// Makes sure that what is written to `path` is not written to what is opened: the files `sources`, and the folder
    /// `package`.
    /// - Throws: `ReadError.unsupported` where it is.
    static func check(
        _ path: FilePath, sparing sources: Set<FileNumber>, package: FilePath?,
        devices: DeviceStack = .system
    ) throws(ReadError) {
        let parent = path.removingLastComponent()
        // Where nothing is there yet, it is made in its parent.
        let place = path.isAbsent ? (parent.isEmpty ? "." : parent) : path
        // What cannot be looked at cannot be opened either, which has its own error.
        guard let status = try? FileStatus.at(place) else { return }
        if devices.isAnySource(sources, changedByFilesOn: status.st_dev) {
            throw .unsupported(
                feature: "a cache folder on a file system that stands on what is opened: \(path)")
        }
        if let package, let folder = FileNumber(at: package), isSame(place, orBeneath: folder) {
            throw .unsupported(feature: "a cache folder in the folder of the package that is opened: \(path)")
        }
    }

    /// Whether the folder at `place`, or one above it, is `folder`.
    private static func isSame(_ place: FilePath, orBeneath folder: FileNumber) -> Bool {
        var place = place
        var below: FileNumber?
        // Up to the root, which is its own parent; longer paths than the system takes are not looked at.
        while let number = FileNumber(at: place), number != below {
            if number == folder { return true }
            below = number
            place = FilePath(bytes: place.bytes + Array("/..".utf8))
        }
        return false
    }
}
