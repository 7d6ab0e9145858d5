// Tests of files that are replaced as a whole, and of names that strangers chose.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import ByteSources

@Suite("Replacing files")
struct FileReplacementTests {
    /// Calls `body` with a folder that is gone afterwards, and its descriptor.
    private func withFolder(_ body: (URL, CInt) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let descriptor = unsafe open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(descriptor) }
        try body(folder, descriptor)
    }

    private func names(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    @Test("a file is made, and replaced by another, which is the user's alone")
    func replaced() throws {
        try withFolder { folder, descriptor in
            let files = FileReplacement(in: descriptor, mark: ".test.")
            let path = folder.appending(path: "a")
            for bytes in [[1, 2, 3], [], [UInt8](repeating: 7, count: 3_000_000)] as [[UInt8]] {
                try files.write(bytes, as: Array("a".utf8), called: "a")
                #expect(try Data(contentsOf: path) == Data(bytes))
            }
            #expect(try names(folder) == ["a"])
            let mode = try FileManager.default.attributesOfItem(atPath: path.path)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test("a name is bytes, which need be no text, and may have all 255 of them")
    func namesOfBytes() throws {
        try withFolder { folder, descriptor in
            let files = FileReplacement(in: descriptor, mark: ".test.")
            for name in [[0xff, 0x41], [UInt8](repeating: 0x62, count: 255)] as [[UInt8]] {
                try files.write([9], as: name, called: "a")
                #expect(files.entries { $0 == name }.map(\.byteCount) == [1])
                files.remove(name)
            }
            #expect(try names(folder) == [])
        }
    }

    @Test("where the name cannot be had, nothing is left behind")
    func refused() throws {
        try withFolder { folder, descriptor in
            let files = FileReplacement(in: descriptor, mark: ".test.")
            try FileManager.default.createDirectory(
                at: folder.appending(path: "d"), withIntermediateDirectories: true)
            #expect(throws: ReadError.system(call: "write a record", errno: EISDIR)) {
                try files.write([1], as: Array("d".utf8), called: "a record")
            }
            #expect(try names(folder) == ["d"])
        }
    }

    @Test("what was begun long ago and never ended goes, and nothing else does")
    func abandoned() throws {
        try withFolder { folder, descriptor in
            func make(_ name: String, age: Double) throws {
                let path = folder.appending(path: name).path
                try Data([1]).write(to: URL(fileURLWithPath: path))
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: path)
            }
            try make(".test.7.8", age: 100_000)
            let others = [(".test.7.9", 1.0), (".test.notes", 100_000), (".tests", 100_000), ("x", 100_000)]
            for (name, age) in others { try make(name, age: age) }
            try FileManager.default.createSymbolicLink(
                atPath: folder.appending(path: ".test.1").path, withDestinationPath: "x")
            FileReplacement(in: descriptor, mark: ".test.").removeAbandoned()
            #expect(try Set(names(folder)) == Set(others.map(\.0) + [".test.1"]))
        }
    }

    @Test(
        "the last component of a path, whichever system wrote it",
        arguments: [
            ("a/b/c.vmdk", "c.vmdk"), ("C:\\vm\\c.vhd", "c.vhd"), ("c", "c"), ("a/", ""), ("", ""), ("/", ""),
            ("a\\b/c", "c"), ("a/b\\c", "c"),
        ])
    func lastComponent(path: String, name: String) {
        #expect(FileName.lastComponent(of: Array(path.utf8)) == Array(name.utf8))
    }

    @Test(
        "a name that strangers chose has nothing that no file's name may have",
        arguments: [
            ("a", "a"), ("a/b", "ab"), ("\0", "disk"), ("/", "disk"), (".", "disk"), ("..", "disk"),
            ("./.", "disk"),
            ("...", "..."), ("", "disk"), ("a\0b", "ab"),
        ])
    func usable(given: String, name: String) {
        #expect(FileName.usable(Array(given.utf8), orElse: Array("disk".utf8)) == Array(name.utf8))
    }
}
