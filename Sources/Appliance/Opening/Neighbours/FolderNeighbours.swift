// The files of a folder, for an image in it that leads to others.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import Glibc
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

    func isFolder(at path: [[UInt8]]) -> Bool {
        // As the user has named it, and without links; what stands below that was opened without following any.
        [self.path.absolute, self.path.withoutLinks].contains { folder in
            folder.map { $0 + components == path } ?? false
        }
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

extension FilePath {
    /// Its names from the root on, as they are written; nil where one of them leads up.
    fileprivate var absolute: [[UInt8]]? {
        guard isRelative else { return Self.names(bytes) }
        return Self.names(bytes).flatMap { names in FilePath(".").withoutLinks.map { $0 + names } }
    }

    /// Its names from the root on, without links; nil where it leads nowhere.
    fileprivate var withoutLinks: [[UInt8]]? {
        // SAFETY: the string lives for the call.
        unsafe withPlatformString { path in
            guard let resolved = unsafe realpath(path, nil) else { return nil }
            // SAFETY: realpath's result is a C string of our own.
            defer { unsafe free(resolved) }
            return unsafe Self.names(Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved))))
        }
    }

    private static func names(_ bytes: [UInt8]) -> [[UInt8]]? {
        let names = bytes.split(separator: UInt8(ascii: "/")).map { Array($0) }
        return names.contains(Array("..".utf8)) ? nil : names.filter { $0 != Array(".".utf8) }
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
