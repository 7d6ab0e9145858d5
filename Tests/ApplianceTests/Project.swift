// Where the project's own files are: documents and examples.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import SystemPackage

enum Project {
    static let folder = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()

    /// A file below the project's folder.
    static func open(_ path: String) throws -> LocalFile {
        try LocalFile(path: folder.pushing(FilePath(path)))
    }

    static func text(of path: String) throws -> String {
        let file = try open(path)
        return String(decoding: try file.bytes(Int(file.byteCount), at: 0), as: UTF8.self)
    }
}
