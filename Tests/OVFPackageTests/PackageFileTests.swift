// Tests of how hrefs find members, how chunks become one file, and of folders.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import TestSupport
import Testing

@testable import OVFPackage

@Suite("The files of a package")
struct PackageFileTests {
    private func package(_ members: [(String, [UInt8])]) throws -> OVFPackage {
        var builder = TarBuilder()
        for (path, data) in members { builder.add(Array(path.utf8), data) }
        builder.finish()
        return try OVFPackage(archive: MemorySource(builder.bytes))
    }

    @Test(
        "an href matches exactly, else percent-decoded, else by last component, else normalised",
        arguments: [
            ("a.vmdk", "a.vmdk", HrefResolver.Rule.exact), ("./a.vmdk", "a.vmdk", .exact),
            ("sub/b.vmdk", "sub/b.vmdk", .exact), ("my%20disk.vmdk", "my disk.vmdk", .percentDecoded),
            ("50%25.vmdk", "50%.vmdk", .percentDecoded), ("x/y/a.vmdk", "a.vmdk", .lastComponent),
            ("../../a.vmdk", "a.vmdk", .lastComponent), ("/etc/a.vmdk", "a.vmdk", .lastComponent),
            ("C:\\images\\a.vmdk", "a.vmdk", .lastComponent), ("b.vmdk", "sub/b.vmdk", .lastComponent),
            ("caf\u{e9}.vmdk", "cafe\u{301}.vmdk", .normalized),
            ("caf%C3%A9.vmdk", "cafe\u{301}.vmdk", .normalized),
        ])
    func rules(href: String, path: String, rule: HrefResolver.Rule) throws {
        let package = try package([
            ("x.ovf", []), ("a.vmdk", []), ("sub/b.vmdk", []), ("my disk.vmdk", []), ("50%.vmdk", []),
            ("cafe\u{301}.vmdk", []),
        ])
        guard
            case .found(let index, let found) = HrefResolver(package.members, allowsOtherFolders: true)
                .resolve(href)
        else {
            Issue.record("\(href) is not found")
            return
        }
        #expect(package.members[index].path == Array(path.utf8))
        #expect(found == rule)
    }

    @Test("the first of two members with one name is the one that an href means")
    func duplicates() throws {
        let package = try package([("x.ovf", []), ("a", [1]), ("a", [2])])
        #expect(HrefResolver(package.members, allowsOtherFolders: true).resolve("a") == .found(1, .exact))
    }

    @Test(
        "an href never leads out of the package, nor to a member whose name does",
        arguments: [
            ("../evil", HrefResolver.Resolution.absent), ("evil", .absent), ("/evil", .absent),
            ("%2e%2e/evil", .absent),
            ("https://host/a", .refused), ("file:///a", .refused), ("", .refused), ("..", .absent),
        ])
    func escapes(href: String, resolution: HrefResolver.Resolution) throws {
        let package = try package([("x.ovf", []), ("../evil", [1]), ("/evil", [2])])
        #expect(HrefResolver(package.members, allowsOtherFolders: true).resolve(href) == resolution)
    }

    @Test("a last component that several members have finds none of them")
    func ambiguous() throws {
        let package = try package([("x.ovf", []), ("a/disk", [1]), ("b/disk", [2])])
        #expect(
            HrefResolver(package.members, allowsOtherFolders: true).resolve("c/disk") == .ambiguous([1, 2]))
    }

    @Test("hrefs are relative to the descriptor's folder")
    func descriptorFolder() throws {
        let package = try package([("sub/x.ovf", []), ("disk", [1]), ("sub/disk", [2])])
        let resolver = HrefResolver(
            package.members, relativeTo: package.descriptor, allowsOtherFolders: true)
        #expect(resolver.resolve("disk") == .found(2, .exact))
    }

    private func files(
        _ file: String, _ members: [(String, [UInt8])]
    ) throws -> (file: PackageFile?, codes: [PackageWarning.Code]) {
        let package = try package([("x.ovf", [])] + members)
        let envelope = try EnvelopeBuilder(files: file).envelope()
        let (files, _, warnings) = PackageFile.files(of: envelope, in: package)
        return (files[0], warnings.map(\.code))
    }

    @Test("chunks are joined in order, and reported where they are not stored in it")
    func chunks() throws {
        let (file, codes) = try files(
            "<File ovf:id=\"f\" ovf:href=\"d\" ovf:size=\"5\" ovf:chunkSize=\"2\"/>",
            [("d.000000002", [5]), ("d.000000000", [1, 2]), ("d.000000001", [3, 4])])
        #expect(try file?.source.bytes(5, at: 0) == [1, 2, 3, 4, 5])
        #expect(file?.members == [2, 3, 1])
        #expect(codes == [.memberOrder])
    }

    @Test(
        "a gap between chunks, or an end that is missing, is reported and nothing is served",
        arguments: [
            [("d.000000000", [1, 2]), ("d.000000002", [5])], [("d.000000001", [3, 4])],
            [("d.000000000", [1, 2]), ("d.000000001", [3, 4])],
        ] as [[(String, [UInt8])]])
    func gaps(members: [(String, [UInt8])]) throws {
        let (file, codes) = try files(
            "<File ovf:id=\"f\" ovf:href=\"d\" ovf:size=\"5\" ovf:chunkSize=\"2\"/>", members)
        #expect(file == nil)
        #expect(codes == [.chunkMissing] || codes.contains(.chunkMissing))
    }

    @Test("many files that name the same chunks do not cost their number times that of the chunks")
    func sharedChunks() throws {
        let members = (0..<50).map { ("d.0000000\($0 / 10)\($0 % 10)", [UInt8($0)]) }
        let references = (0..<200).map {
            "<File ovf:id=\"f\($0)\" ovf:href=\"folder\($0)/d\" ovf:chunkSize=\"1\"/>"
        }
        let (files, _, warnings) = PackageFile.files(
            of: try EnvelopeBuilder(files: references.joined()).envelope(), in: try package(members))
        #expect(files[0]?.members == Array(0..<50))
        #expect(files.reduce(0) { $0 + ($1?.members.count ?? 0) } <= 2 * members.count)
        #expect(warnings.contains { $0.code == .chunkMissing })
    }

    @Test(
        "chunks are joined only where all but the last have the chunk's size, and all together the file's",
        arguments: [
            ([3, 3, 3], nil, true), ([3, 3, 1], nil, true), ([3, 3, 3], 9, true), ([3, 3, 1], 7, true),
            ([3], 3, true), ([1], 1, true),
            // One in the middle, or the first, is shorter or longer: what is behind it would move.
            ([3, 2, 3], nil, false), ([2, 3, 3], nil, false), ([3, 4, 3], nil, false), ([4, 3], nil, false),
            ([3, 2, 3], 8, false), ([3, 0, 3], nil, false),
            // The last one is longer, or the file is not as long as it is said to be.
            ([3, 3, 4], nil, false), ([4], nil, false), ([3, 3, 1], 8, false), ([3, 3, 1], 9, false),
            ([3, 3, 3], 7, false), ([3, 3, 3], 10, false),
        ] as [([Int], Int?, Bool)])
    func chunkSizes(sizes: [Int], declared: Int?, isWhole: Bool) throws {
        let size = declared.map { "ovf:size=\"\($0)\"" } ?? ""
        let chunks = sizes.enumerated().map { number, size in
            ("d.00000000\(number)", [UInt8](repeating: UInt8(number), count: size))
        }
        let (file, codes) = try files(
            "<File ovf:id=\"f\" ovf:href=\"d\" ovf:chunkSize=\"3\" \(size)/>", chunks)
        #expect((file != nil) == isWhole)
        if isWhole { #expect(try file?.source.bytes(sizes.reduce(0, +), at: 0) == chunks.flatMap(\.1)) }
        let reported: Set<PackageWarning.Code> = [.chunkSizeWrong, .chunkMissing, .fileSizeWrong]
        #expect(codes.isEmpty == isWhole && (isWhole || !reported.isDisjoint(with: codes)))
    }

    @Test("a chunk in the middle that the archive ends inside of is not joined with those behind it")
    func cutChunk() throws {
        // The first chunk is stored last.
        var builder = TarBuilder()
        builder.add("x.ovf")
        builder.add("d.000000001", [UInt8](repeating: 2, count: 3))
        builder.add(Array("d.000000000".utf8), [1, 1], sizeField: TarBuilder.octal(3, width: 12))
        let package = try OVFPackage(archive: MemorySource(Array(builder.bytes.dropLast(510))))
        #expect(package.members.map(\.missingByteCount) == [0, 0, 1])
        let envelope = try EnvelopeBuilder(
            files: "<File ovf:id=\"f\" ovf:href=\"d\" ovf:chunkSize=\"3\"/>"
        ).envelope()
        let found = PackageFile.files(of: envelope, in: package)
        #expect(found.files[0] == nil && found.refusals[0] != nil)
    }

    @Test("beside a manifest nothing is found by its last component, however the href is written")
    func strict() throws {
        let members: [(String, [UInt8])] = [
            ("x.ovf", []), ("x/d.vmdk", [1]), ("x/caf\u{e9}", [1]), ("y/c.000000000", [1]),
        ]
        let envelope = try EnvelopeBuilder(
            files: """
                <File ovf:id="1" ovf:href="d.vmdk"/><File ovf:id="2" ovf:href="%64.vmdk"/>
                <File ovf:id="3" ovf:href="../d.vmdk"/><File ovf:id="4" ovf:href="C:\\d.vmdk"/>
                <File ovf:id="5" ovf:href="cafe\u{301}"/><File ovf:id="6" ovf:href="z/d.vmdk"/>
                <File ovf:id="7" ovf:href="c" ovf:chunkSize="1"/>
                """
        ).envelope()
        let found = PackageFile.files(of: envelope, in: try package(members + [("x.mf", [])]))
        #expect(found.files.allSatisfy { $0 == nil } && found.refusals.count == 7)
        // Without a manifest they are, so the test is one of the manifest.
        let loose = PackageFile.files(of: envelope, in: try package(members))
        #expect(loose.files.allSatisfy { $0 != nil })
    }

    @Test("a file that is to be in chunks and is in one piece is taken whole")
    func whole() throws {
        let (file, codes) = try files(
            "<File ovf:id=\"f\" ovf:href=\"d\" ovf:chunkSize=\"2\"/>", [("d", [1, 2, 3])])
        #expect(file?.source.byteCount == 3)
        #expect(codes == [.chunkWhole])
    }

    @Test("a wrong size, an absent file and an unreferenced member are reported")
    func sizes() throws {
        #expect(
            try files("<File ovf:id=\"f\" ovf:href=\"d\" ovf:size=\"9\"/>", [("d", [1])]).codes == [
                .fileSizeWrong
            ])
        #expect(
            try files("<File ovf:id=\"f\" ovf:href=\"none\"/>", [("d", [1])]).codes == [
                .fileMissing, .fileUnreferenced,
            ])
    }

    @Test("the descriptor is the first *.ovf, case ignored, and never a file of macOS or outside the package")
    func descriptorRule() throws {
        let one = try package([
            ("._a.ovf", []), ("__MACOSX/b.ovf", []), ("../c.ovf", []), ("d.OVF", []), ("e.ovf", []),
        ])
        #expect(one.descriptor?.displayPath == "d.OVF")
        #expect(one.warnings.contains { $0.code == .descriptorSeveral })
        #expect(try package([("a.vmdk", [])]).descriptor == nil)
    }

    @Test("manifest and certificate have the descriptor's base name, or are the only ones beside it")
    func companions() throws {
        let named = try package([("a.ovf", []), ("b.mf", []), ("a.MF", []), ("a.cert", [])])
        #expect(named.manifest?.displayPath == "a.MF")
        #expect(named.certificate?.displayPath == "a.cert")
        let only = try package([("a.ovf", []), ("b.mf", [])])
        #expect(only.manifest?.displayPath == "b.mf")
        #expect(only.warnings.contains { $0.code == .manifestName })
        #expect(try package([("a.ovf", []), ("b.mf", []), ("c.mf", [])]).manifest == nil)
        #expect(
            try package([("a.vmdk", []), ("a.ovf", [])]).warnings.contains { $0.code == .descriptorNotFirst })
    }

    @Test("a folder's package is the descriptor and the files that it names, opened beneath the folder")
    func folder() throws {
        let scratch = try ScratchFolder()
        let text = EnvelopeBuilder(
            files: """
                <File ovf:id="f1" ovf:href="sub/my%20disk"/><File ovf:id="f2" ovf:href="c" ovf:chunkSize="1"/>
                <File ovf:id="f3" ovf:href="../../../etc/passwd"/><File ovf:id="f4" ovf:href="link"/>
                <File ovf:id="f5" ovf:href="linked/file"/>
                """
        ).text
        try scratch.write("a.ovf", Array(text.utf8))
        try scratch.write("a.mf", Array("SHA1(notes/readme.txt)= 00\nSHA1(../outside)= 00\n".utf8))
        try scratch.write("notes/readme.txt", [7])
        try scratch.write("sub/my disk", [1])
        try scratch.write("c.000000000", [1])
        try scratch.write("c.000000001", [2])
        try scratch.write("private.txt", [9])
        try scratch.write("real/file", [9])
        for (name, target) in [("link", "/etc/passwd"), ("linked", scratch.url.appending(path: "real").path)]
        {
            try FileManager.default.createSymbolicLink(
                atPath: scratch.url.appending(path: name).path, withDestinationPath: target)
        }
        let package = try OVFPackage(folder: scratch.path)
        #expect(
            package.members.map(\.displayPath) == [
                "a.ovf", "a.mf", "sub/my disk", "c.000000000", "c.000000001", "notes/readme.txt",
            ])
        #expect(package.container == .folder)
        #expect(package.manifest?.displayPath == "a.mf")
        #expect(package.warnings.contains { $0.code == .memberSkipped })
        let envelope = try EnvelopeParser(reading: #require(package.descriptor).source).envelope
        let files = PackageFile.files(of: envelope, in: package).files
        #expect(files.map { $0 != nil } == [true, true, false, false, false])
        #expect(try files[1]?.source.bytes(2, at: 0) == [1, 2])
    }

    @Test("a folder with no descriptor, or several, is refused unless one is named")
    func folderDescriptors() throws {
        let scratch = try ScratchFolder()
        #expect(throws: ReadError.self) { try OVFPackage(folder: scratch.path) }
        try scratch.write("a.ovf", [])
        try scratch.write("b.ovf", [])
        #expect(throws: ReadError.self) { try OVFPackage(folder: scratch.path) }
        #expect(
            try OVFPackage(folder: PackageFolder(path: scratch.path), descriptorName: Array("b.ovf".utf8))
                .members.map(\.displayPath) == [
                    "b.ovf"
                ])
    }
}
