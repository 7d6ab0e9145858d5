// From what the user names to what is opened.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import OVFPackage
import SystemPackage

/// Finds out what a SOURCE argument means: ovafs(1), DESCRIPTION.
enum SourceLocator {
    /// What is behind an address is opened through `remote`.
    /// - Throws: `CommandFailure` with `cannotReadSource` where there is nothing to open.
    static func locate(_ argument: String, through remote: RemoteSession) throws -> ApplianceSource {
        guard !argument.isEmpty else {
            throw CommandFailure(status: .wrongUsage, message: "the source is empty")
        }
        if let address = try SourceAddress.parse(argument) { return try remote.open(address) }
        try checkHeaderFiles(of: remote.options)
        if let image = try ImageReference(argument) { return try remote.open(image) }
        let path = try RawArguments.path(argument)
        if let scheme = SourceAddress.otherScheme(of: argument), path.isAbsent {
            // The rest may have a password in it.
            let advice = scheme.lowercased() == "file" ? "for a file, write its path" : "bring it here first"
            throw CommandFailure(
                status: .wrongUsage,
                message:
                    "of addresses http and https ones are read, and the source is one of \(scheme): \(advice)"
            )
        }
        if path.isAbsent, argument.lowercased().hasPrefix(ImageReference.prefix) {
            throw CommandFailure(
                status: .wrongUsage, message: "'\(argument)': write glance: in small letters for an image")
        }
        if isPipe(path) || argument == "-" && path.kind == nil {
            throw CommandFailure(
                status: .damaged, message: "\(argument): a pipe cannot be read: save it to a file first")
        }
        if isDirectory(path) { return .folder(path, descriptorName: nil) }
        if let descriptor = [target(of: path), path].compactMap({ $0 }).first(where: isDescriptor) {
            // A bare name stands for a file of the working directory.
            let parent = descriptor.removingLastComponent()
            return .folder(parent.isEmpty ? "." : parent, descriptorName: name(of: descriptor))
        }
        do throws(ReadError) {
            let file = try LocalFile(path: path)
            return .file(file, name: name(of: path), modificationTime: file.modificationTime)
        } catch {
            // Something else than a file: the same as a file of a kind that is not read.
            let isOfAnotherKind = if case .unsupported = error { true } else { false }
            throw CommandFailure(
                status: isOfAnotherKind ? .damaged : .cannotReadSource, message: error.description)
        }
    }

    /// Files of headers that mean nothing for a source have to be there all the same: whoever names one that is not has made a
    /// mistake.
    /// - Throws: `CommandFailure` where one cannot be read, or a line of it is no header.
    static func checkHeaderFiles(of options: RemoteOptions) throws {
        for file in options.headerFiles {
            _ = try HeaderFile.headers(at: try RawArguments.path(file)) { _ in }
        }
    }

    /// What /proc/mounts says to everyone: the path without links from the root on, the address without secrets, or the image
    /// as it was named.
    static func mountedName(_ argument: String) throws -> [UInt8] {
        if let address = try SourceAddress.parse(argument) { return Array("\(address)".utf8) }
        if ImageReference.isCatalogue(argument) { return Array(argument.utf8) }
        if try ImageReference(argument) != nil { return Array(argument.utf8) }
        return try absolutePath(argument).bytes
    }

    private static func absolutePath(_ argument: String) throws -> FilePath {
        let path = try RawArguments.path(argument)
        return path.resolved ?? path
    }

    private static func isPipe(_ path: FilePath) -> Bool {
        path.kind.map { [S_IFIFO, S_IFSOCK].contains($0) } ?? false
    }

    private static func isDescriptor(_ path: FilePath) -> Bool { path.extension?.lowercased() == "ovf" }

    /// Where the path leads that the user named, if that is a symbolic link; nil where it is none. It is the user's own,
    /// as no link is that a package holds.
    private static func target(of path: FilePath) -> FilePath? {
        guard let status = try? FileStatus.at(path, followingLink: false),
            status.st_mode & S_IFMT == S_IFLNK
        else { return nil }
        return path.resolved
    }

    private static func isDirectory(_ path: FilePath) -> Bool {
        guard let descriptor = try? FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
        else { return false }
        try? descriptor.close()
        return true
    }

    private static func name(of path: FilePath) -> [UInt8] {
        path.lastName ?? Array("disk".utf8)
    }
}
