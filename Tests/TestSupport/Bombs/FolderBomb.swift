// Folder packages that are small and ask for much.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A folder that means harm: opened with care it takes next to nothing.
package struct FolderBomb: Sendable, CustomStringConvertible {
    /// What multiplies with what.
    package let name: String
    private let files: @Sendable () -> [File]

    package var description: String { name }

    /// Each by its path in the folder, which may be longer than a system call takes.
    private struct File {
        let path: [String]
        let bytes: [UInt8]

        init(_ path: String, _ text: String = "") {
            self.path = path.split(separator: "/").map(String.init)
            bytes = Array(text.utf8)
        }
    }

    private init(_ name: String, _ files: @escaping @Sendable () -> [File]) {
        self.name = name
        self.files = files
    }

    package static let all = [
        FolderBomb("files times numbers of chunks that there are not") {
            let files = (0..<30_000).map { "<File ovf:href=\"\($0)/x\" ovf:chunkSize=\"1\"/>" }.joined()
            return [descriptor(files), File("x.000999999")]
        },
        FolderBomb("numbers of chunks times the folder of their file") {
            let path = String(repeating: String(repeating: "f", count: 250) + "/", count: 250) + "x"
            let files = ["", "./"].map { "<File ovf:href=\"\($0)\(path)\" ovf:chunkSize=\"1\"/>" }
            return [descriptor(files.joined()), File(path + ".000999999")]
        },
        FolderBomb("folders of long references") {
            let files = folders.map { "<File ovf:href=\"\($0)\"/>" }
            return [descriptor(files.joined())]
        },
        FolderBomb("folders of long lines of a manifest") {
            let lines = folders.map { "SHA256(\($0))= 00\n" }
            return [descriptor(""), File("x.mf", lines.joined())]
        },
    ]

    /// Paths of a megabyte each, of nothing but folders.
    private static var folders: [String] {
        (0..<8).map { "\($0)/" + String(repeating: "a/", count: 500_000) + "a" }
    }

    private static func descriptor(_ files: String) -> File {
        File(
            "x.ovf",
            BombDescriptor(files: files, disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>").text)
    }

    /// Makes the files in the folder at `path`, which is there.
    /// - Throws: where a system call fails.
    package func write(to path: String) throws {
        for file in files() {
            var folder = unsafe open(path, O_RDONLY | O_DIRECTORY)
            defer { close(folder) }
            for name in file.path.dropLast() {
                // What is there already is opened; whatever else fails, fails the next call, too.
                _ = unsafe mkdirat(folder, name, 0o700)
                let next = unsafe openat(folder, name, O_RDONLY | O_DIRECTORY)
                close(folder)
                folder = next
            }
            let descriptor = unsafe openat(folder, file.path.last ?? "", O_WRONLY | O_CREAT, 0o600)
            guard descriptor >= 0 else { throw Failure(errno: errno) }
            defer { close(descriptor) }
            // SAFETY: the bytes are the array's own, and live for the call.
            let written = unsafe file.bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            guard written == file.bytes.count else { throw Failure(errno: errno) }
        }
    }

    private struct Failure: Error {
        let errno: CInt
    }
}
