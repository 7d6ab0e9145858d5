// Tests of what an upload tells the image service, and the user.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import Foundation
import Testing

@testable import RemoteSources
@testable import ovafs

@Suite("Uploads to a cloud")
struct UploadTests {
    private static func plan(_ virtualByteCount: UInt64?) -> UploadPlan {
        UploadPlan(
            label: "d", bytes: ZeroSource(byteCount: 1), diskFormat: "raw", containerFormat: "bare",
            virtualByteCount: virtualByteCount,
            properties: [
                .init(name: "hw_disk_bus", value: "scsi"), .init(name: "os_type", value: "linux"),
            ])
    }

    private static func image(_ arguments: String..., of plan: UploadPlan) throws -> NewImage {
        try UploadCommand.parse(["x.ova", "--name", "n"] + arguments).image.image(of: plan)
    }

    @Test("the smallest disk is the virtual size in GiB, rounded up, as far as a service can store it")
    func leastDisk() throws {
        let cases: [(UInt64?, UInt64?)] = [
            (nil, nil), (0, 0), (1, 1), (1 << 30, 1), (1 << 30 + 1, 2), (.max, nil), (1 << 61, nil),
            (UInt64(Int32.max) << 30, UInt64(Int32.max)), (UInt64(Int32.max) << 30 + 1, nil),
        ]
        for (byteCount, size) in cases {
            #expect(try Self.image(of: Self.plan(byteCount)).leastDiskSize == size)
        }
        #expect(try Self.image("--min-disk", "0", of: Self.plan(.max)).leastDiskSize == 0)
    }

    @Test("what the user says counts more than the descriptor, and an empty property leaves one out")
    func properties() throws {
        let image = try Self.image(
            "--property", "hw_disk_bus=virtio", "--property", "os_type=", "--property", "a=b=c", "--tag", "t",
            "--protected", "--community", "--min-ram", "512", of: Self.plan(1))
        #expect(
            image.properties == [.init(name: "hw_disk_bus", value: "virtio"), .init(name: "a", value: "b=c")])
        #expect(image.tags == ["t"] && image.isProtected && image.visibility == "community")
        #expect(image.leastMemorySize == 512 && image.name == "n")
        let plain = try Self.image(of: Self.plan(1))
        #expect(plain.visibility == nil && !plain.isProtected && plain.properties.count == 2)
    }

    @Test(
        "what makes no sense is refused before anything is opened",
        arguments: [
            ["--property", "x"], ["--property", "=x"], ["--property", "name=x"], ["--property", "id=x"],
            ["--property", "visibility=public"], ["--public", "--private"], ["--min-disk", "-1"],
            ["--min-disk", "2147483648"], ["--min-ram", "x"], ["--timeout", "0"], ["--os-cloud", ""],
        ])
    func refusals(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try UploadCommand.parse(["x.ova", "--name", "n"] + arguments) }
        #expect(throws: (any Error).self) { try UploadCommand.parse(["x.ova", "--name", ""]) }
        #expect(throws: (any Error).self) { try UploadCommand.parse(["x.ova"]) }
    }

    @Test("what failed decides the exit code")
    func exitCodes() {
        func status(_ kind: OpenStackError.Kind) -> Int32 {
            CommandFailure(upload: OpenStackError(kind, "x"), of: "d").status.rawValue
        }
        #expect(status(.settings) == 2)
        #expect(status(.uploadFailed) == 1 && status(.unavailable) == 1)
        #expect(status(.refused) == 1)
        #expect(status(.unreadable(.corrupt(record: "r", offset: 0, reason: "x"))) == 1)
        #expect(status(.unreadable(.stale(source: "s"))) == 3)
        #expect(status(.unreadable(.remote(source: "s", reason: "x"))) == 3)
        #expect(status(.unreadable(.system(call: "read", errno: 5))) == 3)
    }

    @Test("the JSON has the fields of docs/INFO.md")
    func document() throws {
        let text = """
            {"id": "00000000-0000-4000-8000-000000000001", "name": "n", "status": "active", "container_format": "bare",
            "disk_format": "raw", "size": 5, "virtual_size": 5, "os_hash_algo": "sha512", "os_hash_value": "00"}
            """
        let image = try GlanceImage(try JSONParser.parse(Array(text.utf8)))
        let report = UploadReport(GlanceUpload.Outcome(image: image, isCompared: true))
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(JSONText.encode(report))) as? [String: Any])
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let document = try String(contentsOf: folder.appending(path: "docs/INFO.md"), encoding: .utf8)
        let start = try #require(document.range(of: "\n## An uploaded image\n"))
        let end = try #require(document.range(of: "\n## The verification report\n"))
        let fields = document[start.upperBound..<end.lowerBound].split(separator: "\n").compactMap { line in
            line.hasPrefix("| `") ? String(line.dropFirst(3).prefix(while: { $0 != "`" })) : nil
        }
        #expect(json.keys.sorted() == fields.sorted())
    }
}
