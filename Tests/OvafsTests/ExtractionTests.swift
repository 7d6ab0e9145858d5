// Tests of several copies by one command.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Foundation
import SystemPackage
import Testing

@testable import ovafs

@Suite("Extraction")
struct ExtractionTests {
    @Test(
        "two disks whose names are one file's, as where case does not count, are not written over each other")
    func oneFile() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        let names = folder.appending(path: "names")
        try FileManager.default.createDirectory(at: names, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Another name of the folder stands for a file system that takes two names for one.
        let otherNames = folder.appending(path: "other-names")
        try FileManager.default.createSymbolicLink(at: otherNames, withDestinationURL: names)

        let extraction = Extraction(source: "x.ova", threadCount: 1, overwrites: true, isDurable: false)
        let first = try Self.copy(filledWith: 1, to: names.appending(path: "x.raw"))
        #expect(try extraction.copy(first, label: "first")?.message == nil)
        let second = try Self.copy(filledWith: 2, to: otherNames.appending(path: "x.raw"))
        #expect(throws: CommandFailure.self) { try extraction.copy(second, label: "second") }
        #expect(try Data(contentsOf: names.appending(path: "x.raw")) == Data(repeating: 1, count: 4096))
        #expect(try FileManager.default.contentsOfDirectory(atPath: names.path) == ["x.raw"])
    }

    private static func copy(filledWith byte: UInt8, to url: URL) throws -> CopyPlan.Copy {
        let bytes = MemorySource([UInt8](repeating: byte, count: 4096))
        let appliance = try Appliance.open(
            .file(bytes, name: Array("x.img".utf8), modificationTime: 0), options: ApplianceOptions())
        let path = FilePath(url.path)
        let target = try OutputTarget(at: path, overwrites: true)
        return CopyPlan.Copy(
            disk: appliance.disks[0], bytes: bytes, destination: .target(target, path), map: nil)
    }
}
