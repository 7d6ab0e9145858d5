// Compressing by the programs that users use.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// xz(1), zstd(1), bzip2(1) and the like: they read and write files, since a pipe that another test's process inherits
/// would never end.
enum CompressionProgram {
    /// What `command`, such as `["xz", "-9"]`, makes of a file of `bytes`.
    static func compress(_ bytes: [UInt8], _ command: [String]) throws -> [UInt8] {
        let manager = FileManager.default
        let folder = manager.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try manager.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? manager.removeItem(at: folder) }
        let file = folder.appending(path: "file")
        try Data(bytes).write(to: file)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        // They say what they do, which nobody wants to know.
        process.standardError = FileHandle.nullDevice
        process.arguments = command + [file.path]
        try process.run()
        process.waitUntilExit()
        struct Failure: Error { let command: [String] }
        let names = try manager.contentsOfDirectory(atPath: folder.path).filter { $0 != "file" }
        guard process.terminationStatus == 0, let name = names.first else { throw Failure(command: command) }
        return Array(try Data(contentsOf: folder.appending(path: name)))
    }
}
