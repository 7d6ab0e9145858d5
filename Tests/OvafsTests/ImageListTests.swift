// Tests of the list of images, and of how an image is named.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import Foundation
import Testing

@testable import RemoteSources
@testable import ovafs

@Suite("Images of a cloud")
struct ImageListTests {
    private static func image(_ members: String) throws -> GlanceImage {
        let text = #"{"id": "00000000-0000-4000-8000-000000000001", \#(members)}"#
        return try GlanceImage(try JSONParser.parse(Array(text.utf8)))
    }

    private static func list() throws -> ImageList {
        ImageList([
            try image(
                """
                "name": "a\\u001b[2J\\nb", "status": "active", "container_format": "bare", "disk_format": "qcow2",
                "size": 5, "virtual_size": 1073741824
                """), try image("\"status\": \"importing\", \"name\": null"),
        ])
    }

    @Test(
        "the JSON has the fields of docs/INFO.md, and a line of the table for each image, without control characters"
    )
    func document() throws {
        let list = try Self.list()
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(JSONText.encode(list))) as? [String: Any])
        let images = try #require(json["images"] as? [[String: Any]])
        let found = json.keys.sorted() + (images.first?.keys.map { "images[].\($0)" }.sorted() ?? [])
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: folder.appending(path: "docs/INFO.md"), encoding: .utf8)
        let start = try #require(text.range(of: "\n## The list of images\n"))
        let end = try #require(text.range(of: "\n## An uploaded image\n"))
        let fields = text[start.upperBound..<end.lowerBound].split(separator: "\n").compactMap { line in
            line.hasPrefix("| `") ? String(line.dropFirst(3).prefix(while: { $0 != "`" })) : nil
        }
        #expect(found.sorted() == fields.sorted())
        #expect(
            images.count == 2 && images[1]["name"] == nil && images[1]["status"] as? String == "importing")
        let lines = list.table.split(separator: "\n")
        #expect(lines.count == 3 && lines[1].contains("1.0 GiB"))
        #expect(list.table.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0a })
    }

    @Test("an image is named behind glance:, and a file that is called so by its path")
    func reference() throws {
        #expect(try ImageReference("glance:a:b")?.text == "a:b")
        #expect(try ImageReference("./glance:a") == nil && ImageReference("Glance:a") == nil)
        #expect(throws: CommandFailure.self) { try ImageReference("glance:") }
    }
}
