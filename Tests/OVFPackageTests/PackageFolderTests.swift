// Tests of a folder whose files are opened beneath it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Glibc
import SystemPackage
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
        #expect(throws: FolderRefusal.self) { try folder.file(at: bytes("link")) }
        #expect(throws: FolderRefusal.self) { try folder.file(at: bytes("folder", "disk")) }
        #expect(throws: FolderRefusal.self) { try folder.names(in: bytes("folder")) }
    }

    @Test("a name that leads out is refused", arguments: ["..", ".", "", "a/b", "a\u{0}b"])
    func escapes(name: String) throws {
        let scratch = try ScratchFolder()
        let folder = try PackageFolder(path: scratch.path)
        #expect(throws: FolderRefusal.self) { try folder.file(at: bytes(name)) }
        #expect(throws: FolderRefusal.self) { try folder.file(at: bytes(name, "x")) }
    }

    @Test("a folder or a device is no file")
    func notAFile() throws {
        let scratch = try ScratchFolder()
        try scratch.write("sub/x", [])
        let folder = try PackageFolder(path: scratch.path)
        #expect(throws: FolderRefusal.self) { try folder.file(at: bytes("sub")) }
    }

    /// A folder `package` in a folder that has secrets beside it.
    private func linked() throws -> (scratch: ScratchFolder, path: FilePath) {
        let scratch = try ScratchFolder()
        try scratch.write("secret", [9])
        try scratch.write("package/disk", [1])
        try scratch.write("package/real/deep/disk", [2])
        return (scratch, scratch.path.appending("package"))
    }

    private func link(_ name: String, to target: String, in path: FilePath) throws {
        try FileManager.default.createSymbolicLink(
            atPath: path.appending(name).string, withDestinationPath: target)
    }

    @Test(
        "links that stay inside are followed where that is asked for, and only there",
        arguments: [
            ("disk", [1]), ("./disk", [1]), ("real/deep/disk", [2]), ("real/../disk", [1]),
            ("real/deep/../../disk", [1]), (".//real///deep/./disk", [2]), ("real/up/disk", [1]),
        ] as [(String, [UInt8])])
    func inside(target: String, content: [UInt8]) throws {
        let (scratch, path) = try linked()
        try link("link", to: target, in: path)
        try link("real/up", to: "..", in: path)
        let following = try PackageFolder(path: path, followsLinks: true)
        #expect(try following.file(at: bytes("link"))?.bytes(1, at: 0) == content)
        #expect(throws: FolderRefusal.link(name: bytes("link")[0], target: Array(target.utf8))) {
            try PackageFolder(path: path).file(at: bytes("link"))
        }
        withExtendedLifetime(scratch) {}
    }

    @Test(
        "links that lead outside are never followed, however they are written",
        arguments: [
            "../secret", "/etc/passwd", "real/../../secret", "real/out", "..", "../package/disk",
            "real/out/secret",
            "/proc/self/root/etc/passwd", "real/deep/../../../secret",
        ])
    func outside(target: String) throws {
        let (scratch, path) = try linked()
        try link("link", to: target, in: path)
        try link("real/out", to: "../..", in: path)
        for follows in [false, true] {
            let folder = try PackageFolder(path: path, followsLinks: follows)
            #expect(throws: FolderRefusal.self) { try folder.file(at: bytes("link")) }
        }
        let absolute = path.appending("disk").string
        try link("absolute", to: absolute, in: path)
        #expect(throws: FolderRefusal.outside(name: bytes("absolute")[0], target: Array(absolute.utf8))) {
            try PackageFolder(path: path, followsLinks: true).file(at: bytes("absolute"))
        }
        withExtendedLifetime(scratch) {}
    }

    @Test("folders behind links are listed and entered; links in a circle end")
    func folderLinks() throws {
        let (scratch, path) = try linked()
        try link("way", to: "real/deep", in: path)
        try link("circle", to: "circle", in: path)
        try link("a", to: "b", in: path)
        try link("b", to: "a", in: path)
        let folder = try PackageFolder(path: path, followsLinks: true)
        #expect(try folder.names(in: bytes("way")) == bytes("disk"))
        #expect(try folder.file(at: bytes("way", "disk"))?.bytes(1, at: 0) == [2])
        for name in ["circle", "a"] {
            #expect(throws: FolderRefusal.self) { try folder.file(at: bytes(name)) }
            #expect(throws: FolderRefusal.self) { try folder.names(in: bytes(name)) }
        }
        #expect(try folder.file(at: bytes("way", "none")) == nil)
        withExtendedLifetime(scratch) {}
    }

    @Test(
        "a link, a fifo, a socket and a file of no permission hide themselves with a finding, not the package"
    )
    func hidden() throws {
        let scratch = try ScratchFolder()
        let names = ["link", "fifo", "socket", "folder", "linked/disk", "locked"]
        let references = names.map { "<File ovf:id=\"\($0)\" ovf:href=\"\($0)\"/>" }.joined()
        let text = EnvelopeBuilder(files: references + "<File ovf:id=\"good\" ovf:href=\"good\"/>").text
        try scratch.write("a.ovf", Array(text.utf8))
        try scratch.write("good", [1])
        try scratch.write("real/disk", [1])
        try scratch.write("folder/x", [1])
        try scratch.write("locked", [1])
        try link("link", to: "good", in: scratch.path)
        try link("linked", to: "real", in: scratch.path)
        try #require(unsafe mkfifo(scratch.path.appending("fifo").string, 0o600) == 0)
        try makeSocket(scratch.path.appending("socket").string)
        // Only root reads a file without permissions.
        try #require(unsafe chmod(scratch.path.appending("locked").string, 0) == 0)
        let isRoot = geteuid() == 0
        let package = try OVFPackage(folder: scratch.path)
        #expect(
            Set(package.members.map(\.displayPath))
                == Set(["a.ovf", "good"] + (isRoot ? ["locked"] : [])))
        let envelope = try EnvelopeParser(reading: #require(package.descriptor).source).envelope
        let found = PackageFile.files(of: envelope, in: package)
        for (index, name) in names.enumerated() where name != "locked" || !isRoot {
            #expect(found.files[index] == nil, "\(name)")
            #expect(found.refusals[index]?.reason.contains(" is ") == true, "\(name)")
            #expect(
                package.warnings.contains { $0.code == .memberSkipped && $0.message.contains(name.prefix(4)) }
            )
        }
        #expect(found.files.last??.source.byteCount == 1)
        #expect(found.refusals[0]?.reason.contains("symbolic link to \"good\"") == true)
        #expect(found.refusals[0]?.remedy == .linksInside && found.refusals[4]?.remedy == .linksInside)
        let followed = try OVFPackage(folder: scratch.path, followsLinks: true)
        let files = PackageFile.files(of: envelope, in: followed).files
        #expect(files[0] != nil && files[4] != nil && files[1] == nil)
    }

    /// A socket in the file system, by the program that has a word for it.
    private func makeSocket(_ path: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [
            "-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path,
        ]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    @Test("a descriptor that is a link is named, with the option for it; one that is not there is said so")
    func linkedDescriptor() throws {
        let scratch = try ScratchFolder()
        try scratch.write("real.txt", Array(EnvelopeBuilder().text.utf8))
        try link("a.ovf", to: "real.txt", in: scratch.path)
        let refused = #expect(throws: ReadError.self) { try OVFPackage(folder: scratch.path) }
        #expect(refused?.remedy == .linksInside)
        #expect(refused?.description.contains("a.ovf") == true)
        #expect(try OVFPackage(folder: scratch.path, followsLinks: true).descriptor != nil)
        let absent = #expect(throws: ReadError.self) {
            try OVFPackage(folder: scratch.path, descriptorName: Array("b.ovf".utf8))
        }
        guard case .system(_, ENOENT)? = absent else {
            Issue.record("\(String(describing: absent))")
            return
        }
    }

    @Test("a folder of too many names is refused, and folders beyond the bound are reported")
    func tooMuch() throws {
        let scratch = try ScratchFolder()
        try scratch.write("a.ovf", Array(EnvelopeBuilder().text.utf8))
        try scratch.write("b", [])
        #expect(try PackageFolder(path: scratch.path, maximumEntryCount: 2).names().count == 2)
        let small = try PackageFolder(path: scratch.path, maximumEntryCount: 1)
        #expect(throws: FolderRefusal.self) { try small.names() }
        let error = #expect(throws: ReadError.self) { try OVFPackage(folder: small) }
        #expect(error?.description.contains("more than 1 names") == true)

        let lines = (0..<1_001).map { "SHA256(f\($0)/x)= 00\n" }.joined()
        try scratch.write("a.mf", Array(lines.utf8))
        let warnings = try OVFPackage(folder: scratch.path).warnings.filter { $0.code == .memberSkipped }
        #expect(warnings.map { $0.message.contains("\"f1000\" is not looked into") }.contains(true))
    }

    @Test(
        "a manifest or certificate that is there and cannot be opened is not none",
        arguments: [("mf", "a.mf"), ("mf", "other.mf"), ("cert", "a.cert")], [false, true])
    func refusedRoles(role: (suffix: String, name: String), followsLinks: Bool) throws {
        let scratch = try ScratchFolder()
        try scratch.write("a.ovf", Array(EnvelopeBuilder().text.utf8))
        try scratch.write("x/disk1.vmdk", [1])
        // Where links are followed it leads nowhere, which is no file either.
        try link(role.name, to: followsLinks ? "nowhere" : "x/disk1.vmdk", in: scratch.path)
        let package = try OVFPackage(folder: scratch.path, followsLinks: followsLinks)
        let refused = role.suffix == "mf" ? package.refusedManifest : package.refusedCertificate
        #expect(refused?.path == Array(role.name.utf8))
        #expect(package.hasManifest == (role.suffix == "mf"))
        #expect(package.warnings.contains { $0.code == .manifestMissing } == (role.suffix != "mf"))
    }
}
