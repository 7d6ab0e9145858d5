// From what the user names to what is opened.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import OVFPackage
import SystemPackage

/// Finds out what a SOURCE argument means: ovafs(1), DESCRIPTION.
enum SourceLocator {
    /// - Throws: `CommandFailure` with `cannotReadSource` where there is nothing to open.
    static func locate(_ argument: String) throws -> ApplianceSource {
        let path = try RawArguments.path(argument)
        if isDirectory(path) { return .folder(path, descriptorName: nil) }
        if path.extension?.lowercased() == "ovf", let name = path.lastComponent {
            // A bare name stands for a file of the working directory.
            let parent = path.removingLastComponent()
            return .folder(parent.isEmpty ? "." : parent, descriptorName: name.string)
        }
        do throws(ReadError) {
            let file = try LocalFile(path: path)
            return .file(file, name: name(of: path), modificationTime: file.modificationTime)
        } catch {
            throw CommandFailure(status: .cannotReadSource, message: error.description)
        }
    }

    /// The path without links from the root on, so that /proc/mounts says the same to everyone.
    static func absolutePath(_ argument: String) throws -> FilePath {
        let path = try RawArguments.path(argument)
        return path.resolved ?? path
    }

    private static func isDirectory(_ path: FilePath) -> Bool {
        guard let descriptor = try? FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
        else { return false }
        try? descriptor.close()
        return true
    }

    private static func name(of path: FilePath) -> [UInt8] {
        path.lastComponent.map { name in
            // SAFETY: the string ends with a NUL and lives for the call.
            unsafe name.withPlatformString {
                unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
            }
        } ?? Array("disk".utf8)
    }
}
