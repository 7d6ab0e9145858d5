// Tests of what opening a folder costs, and that it opens the same.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Testing

@testable import OVFPackage

@Suite("Opening a folder")
struct FolderCostTests {
    private func open(
        _ files: String, _ names: [String], manifest: String? = nil, budget: OpeningBudget = OpeningBudget()
    ) throws -> OVFPackage {
        let scratch = try ScratchFolder()
        try scratch.write("x.ovf", Array(EnvelopeBuilder(files: files).text.utf8))
        for name in names { try scratch.write(name, [1]) }
        if let manifest { try scratch.write("x.mf", Array(manifest.utf8)) }
        return try OVFPackage(folder: scratch.path, budget: budget)
    }

    private func paths(_ package: OVFPackage) -> [String] {
        package.members.map { String(decoding: $0.path, as: UTF8.self) }
    }

    @Test("chunks are opened in the order of their numbers, beside a gap and a number as high as can be")
    func chunks() throws {
        let numbers = ["000000010", "000000000", "000000001", "999999999", "000000003"]
        let package = try open(
            "<File ovf:href=\"d/a\" ovf:chunkSize=\"1\"/>", numbers.map { "d/a.\($0)" } + ["d/b.000000000"])
        #expect(paths(package) == ["x.ovf"] + numbers.sorted().map { "d/a.\($0)" })
    }

    @Test("chunks that many files name are opened once, and numbers that there are not cost nothing")
    func sharedChunks() throws {
        let files = (0..<3_000).map { "<File ovf:href=\"\($0)/x\" ovf:chunkSize=\"1\"/>" }.joined()
        let time = try ContinuousClock().measure {
            let package = try open(files, ["x.000999999"])
            #expect(paths(package) == ["x.ovf", "x.000999999"])
        }
        // The numbers up to the highest, for each of the files, take minutes.
        #expect(time < .seconds(20), "\(time)")
    }

    @Test("the folder of a path that no file can have is not looked for", arguments: [true, false])
    func longFolders(isManifest: Bool) throws {
        let folder = String(repeating: "a/", count: 300)
        let long = String(repeating: "b", count: 70_000)
        let names = ["d/a", "\(folder)a", "\(long)/a"]
        let files = isManifest ? "" : names.map { "<File ovf:href=\"\($0)\"/>" }.joined()
        let manifest = names.map { "SHA256(\($0))= 00\n" }.joined()
        let package = try open(files, ["d/a"], manifest: isManifest ? manifest : nil)
        #expect(paths(package).last == "d/a")
        #expect(package.warnings.filter { $0.code == .memberSkipped }.isEmpty)
    }

    @Test("each folder is looked into once, a thousand in all, and a finding names those that are not")
    func manyFolders() throws {
        let files = (0..<1_100).map { "<File ovf:href=\"\($0)/a\"/>" }.joined()
        let package = try open(files, ["5/a", "1099/a"])
        #expect(paths(package) == ["x.ovf", "5/a"])
        let skipped = package.warnings.filter { $0.code == .memberSkipped }
        // The package's own folder is one of the thousand.
        #expect(skipped.count == 101)
    }

    @Test("where names are too long to be compared, that is a finding of the folder, and the only one")
    func normalization() throws {
        let long = String(repeating: "\u{e9}", count: 32_000)
        let files = (0..<100).map { "<File ovf:id=\"\($0)\" ovf:href=\"\(long)\($0)\"/>" }.joined()
        let package = try open(files, [])
        let envelope = try EnvelopeBuilder(files: files).envelope()
        let warnings = package.warnings + PackageFile.files(of: envelope, in: package).warnings
        #expect(package.warnings.filter { $0.message == HrefResolver.normalizingProblem }.count == 1)
        #expect(warnings.filter { $0.message == HrefResolver.normalizingProblem }.count == 1)
    }
}
