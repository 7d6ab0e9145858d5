// Disks that hold the changes to another one of the descriptor.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

extension PackageOpener {
    /// The files of the disk that `disk` changes, of the one that this one changes, and so on: `ovf:parentRef`.
    /// - Throws: `ReadError` where one of them is not to be had.
    mutating func declaredParents(of disk: VirtualDisk) throws(ReadError) -> [NeighbourFile] {
        guard disk.parentReference != nil, let envelope else { return [] }
        var parents: [NeighbourFile] = []
        var child = disk
        // The descriptor has no circles; a chain that is too long is refused where it is opened.
        while child.parentReference != nil, parents.count < ChainOpener.mostImages {
            guard let index = child.parentIndex else {
                throw .unsupported(
                    feature:
                        "the disk \"\(child.id.quotable())\" holds the changes to another (ovf:parentRef), which the "
                        + "descriptor does not have")
            }
            let parent = envelope.disks[index]
            // A disk without a file has nothing of its own.
            if let fileIndex = parent.fileIndex {
                parents.append(try parentFile(fileIndex, of: parent))
            } else if parent.fileReference != nil || parent.parentReference == nil {
                throw .unsupported(
                    feature:
                        "the disk \"\(child.id.quotable())\" holds the changes to the disk \"\(parent.id.quotable())\", "
                        + "which has no file")
            }
            child = parent
        }
        return parents
    }

    /// A disk of the descriptor that has no file of its own and changes nothing of another.
    mutating func blank(_ disk: VirtualDisk, byteCount: UInt64) -> ApplianceDisk.Content {
        do throws(ReadError) {
            return .decoded(
                try resources.openBlank(
                    byteCount: byteCount, named: disk.id.quotable(),
                    declaredParents: try declaredParents(of: disk)))
        } catch {
            return .unreadable(reason: error.description, remedy: error.remedy)
        }
    }

    /// A file of the References, opened once, and decoded once where it is compressed, however many disks build on it or hold
    /// the changes to different ones.
    mutating func parentFile(_ index: Int, of disk: VirtualDisk) throws(ReadError) -> NeighbourFile {
        if let known = parentFiles[index] { return try known.get() }
        let result: Result<NeighbourFile, ReadError>
        do throws(ReadError) {
            result = .success(try openParentFile(index, of: disk))
        } catch {
            result = .failure(error)
        }
        parentFiles[index] = result
        return try result.get()
    }

    private func openParentFile(_ index: Int, of disk: VirtualDisk) throws(ReadError) -> NeighbourFile {
        guard let file = files[index], let first = file.members.first,
            package.role(amongMembers: file.members) == nil
        else {
            throw .unsupported(
                feature: "the file of the disk \"\(disk.id.quotable())\" is not in the package")
        }
        let name = String(displaying: package.members[first].path)
        guard file.missingByteCount == 0 || resources.isLenient else {
            throw .refused(
                record: name, offset: nil,
                reason: "the archive ends \(file.missingByteCount) bytes too early for it", remedy: .lenient)
        }
        return NeighbourFile(
            try resources.decompressed(file.source, named: name, capacity: disk.capacity), named: name,
            key: package.members[first].storedPlace(at: first).key,
            neighbours: neighbours.neighbours(ofMember: first))
    }
}
