// Tests of a folder whose files are opened beneath it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Testing

@testable import OVFPackage

@Suite("A package folder")
struct PackageFolderTests {
    private func bytes(_ components: String...) -> [[UInt8]] { components.map { Array($0.utf8) } }

    @Test("a file in a folder beneath is opened, and an absent one is nil")
    func opens() throws {
        let scratch = try ScratchFolder()
        try scratch.write("sub/disk", [1, 2])
        let folder = try PackageFolder(path: scratch.path)
        let file = try folder.file(at: bytes("sub", "disk"))
        #expect(try file?.bytes(2, at: 0) == [1, 2])
        #expect(try folder.file(at: bytes("sub", "none")) == nil)
        #expect(try folder.file(at: bytes("none", "disk")) == nil)
        #expect(try folder.names() == bytes("sub"))
        #expect(try folder.names(in: bytes("sub")) == bytes("disk"))
        #expect(try folder.names(in: bytes("sub")) == bytes("disk"))
    }

    @Test("a symbolic link is refused, whether it is the file or a folder on the way")
    func links() throws {
        let scratch = try ScratchFolder()
        try scratch.write("real/disk", [1])
        let manager = FileManager.default
        try manager.createSymbolicLink(
            at: scratch.url.appending(path: "link"),
            withDestinationURL: scratch.url.appending(path: "real/disk"))
        try manager.createSymbolicLink(
            at: scratch.url.appending(path: "folder"), withDestinationURL: scratch.url.appending(path: "real")
        )
        let folder = try PackageFolder(path: scratch.path)
        #expect(throws: ReadError.self) { try folder.file(at: bytes("link")) }
        #expect(throws: ReadError.self) { try folder.file(at: bytes("folder", "disk")) }
        #expect(throws: ReadError.self) { try folder.names(in: bytes("folder")) }
    }

    @Test("a name that leads out is refused", arguments: ["..", ".", "", "a/b", "a\u{0}b"])
    func escapes(name: String) throws {
        let scratch = try ScratchFolder()
        let folder = try PackageFolder(path: scratch.path)
        #expect(throws: ReadError.self) { try folder.file(at: bytes(name)) }
        #expect(throws: ReadError.self) { try folder.file(at: bytes(name, "x")) }
    }

    @Test("a folder or a device is no file")
    func notAFile() throws {
        let scratch = try ScratchFolder()
        try scratch.write("sub/x", [])
        let folder = try PackageFolder(path: scratch.path)
        #expect(throws: ReadError.self) { try folder.file(at: bytes("sub")) }
    }
}
