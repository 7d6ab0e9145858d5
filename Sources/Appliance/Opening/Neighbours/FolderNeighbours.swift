// The files of a folder, for an image in it that leads to others.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage
import SystemPackage

/// Regular files of one folder, opened beneath it and without following links. The folder itself is opened when it is first
/// needed, so that an image that stands for itself touches nothing else.
final class FolderNeighbours: NeighbourFiles {
    private let path: FilePath
    /// Where the image is below `path`.
    private let components: [[UInt8]]
    private let resources: DiskResources
    private let folder = SleepingMutex<PackageFolder?>(nil)
    /// Files that are parts of disks, by their names: opened once for all of them.
    private let used = SleepingMutex<[ByteString: OpenFile]>([:])
    let identities = FolderIdentities()

    var place: String {
        let folder = components.reduce(path) { $0.file(named: $1) }
        return folder == "." ? "in the same folder" : "in \(String(displaying: folder.bytes))"
    }

    private struct OpenFile {
        let file: LocalFile
        let image: SharedImage
    }

    init(path: FilePath, components: [[UInt8]] = [], resources: DiskResources) {
        self.path = path.isEmpty ? "." : path
        self.components = components
        self.resources = resources
    }

    func file(named name: [UInt8]) throws(ReadError) -> NeighbourFile? {
        guard let open = try openFile(named: name) else { return nil }
        return NeighbourFile(
            MeteredSource(open.file, countedBy: resources.meter), named: String(displaying: name),
            key: open.file.number.key, image: open.image
        ) { [weak self, resources] in
            resources.noteOpened(open.file.number)
            self?.used.withLock { $0[ByteString(name)] = open }
        }
    }

    private func openFile(named name: [UInt8]) throws(ReadError) -> OpenFile? {
        if let known = used.withLock({ $0[ByteString(name)] }) { return known }
        do throws(FolderRefusal) {
            return try opened().file(at: components + [name]).map {
                OpenFile(file: $0, image: SharedImage())
            }
        } catch {
            throw error.asReadError(of: name)
        }
    }

    func names(atMost limit: Int) throws(ReadError) -> [[UInt8]] {
        do throws(FolderRefusal) {
            return Array(try opened().names(in: components).prefix(limit))
        } catch {
            throw error.asReadError(of: [])
        }
    }

    private func opened() throws(FolderRefusal) -> PackageFolder {
        if let known = folder.withLock({ $0 }) { return known }
        do throws(ReadError) {
            let opened = try PackageFolder(path: path)
            folder.withLock { $0 = opened }
            return opened
        } catch {
            throw .failure(error)
        }
    }
}

extension FolderRefusal {
    /// The refusal of a file that an image leads to.
    fileprivate func asReadError(of name: [UInt8]) -> ReadError {
        if case .failure(let error) = self { return error }
        return .unsupported(feature: "\(String(displaying: name)) is not opened: \(self)")
    }
}

extension FileNumber {
    /// The file, as chains tell files apart.
    var key: FileKey { FileKey(parts) }
}
