// Tests of the hardened XML reader.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Testing

@testable import OVFPackage

@Suite("An XML document")
struct XMLDocumentTests {
    private func parse(_ text: String) throws -> XMLElement {
        try XMLDocument(parsing: Array(text.utf8)).root
    }

    private func utf16(_ text: String, isBigEndian: Bool) -> [UInt8] {
        let units = [0xfeff] + Array(text.utf16)
        return units.flatMap {
            isBigEndian ? [UInt8($0 >> 8), UInt8($0 & 0xff)] : [UInt8($0 & 0xff), UInt8($0 >> 8)]
        }
    }

    @Test("elements, attributes, namespaces, text and lines are as written")
    func tree() throws {
        let root = try parse(
            """
            <?xml version="1.0"?>
            <!-- a comment with <!DOCTYPE in it -->
            <a xmlns="urn:one" xmlns:p="urn:two" p:x="1" y="2">
              <p:b>te<![CDATA[<x>]]>xt &amp; more</p:b>
              <c/>
            </a>
            """)
        #expect(root.namespace == "urn:one")
        #expect(
            root.attributes == [
                XMLElement.Attribute(namespace: "urn:two", name: "x", value: "1"),
                XMLElement.Attribute(namespace: "", name: "y", value: "2"),
            ])
        #expect(root.children.map(\.name) == ["b", "c"])
        #expect(root.children[0].namespace == "urn:two")
        #expect(root.children[0].text == "te<x>xt & more")
        #expect(root.line == 3)
        #expect(root.children.map(\.line) == [4, 5])
    }

    @Test("a byte-order mark is fine, in UTF-8 and UTF-16")
    func byteOrderMarks() throws {
        let text = "<?xml version=\"1.0\"?><a>é</a>"
        #expect(try XMLDocument(parsing: [0xef, 0xbb, 0xbf] + Array(text.utf8)).root.text == "é")
        #expect(try XMLDocument(parsing: utf16(text, isBigEndian: true)).root.text == "é")
        #expect(try XMLDocument(parsing: utf16(text, isBigEndian: false)).root.text == "é")
    }

    private static let billionLaughs: String = {
        var text = "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY lol0 \"lol\">"
        for level in 1...9 {
            text += "<!ENTITY lol\(level) \"" + String(repeating: "&lol\(level - 1);", count: 10) + "\">"
        }
        return text + "]><a>&lol9;</a>"
    }()

    @Test(
        "a document type declaration is refused, in UTF-16 too",
        arguments: [
            "<!DOCTYPE a><a/>",
            "<?xml version=\"1.0\"?>\n<!-- x --><!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", billionLaughs,
        ])
    func documentType(text: String) {
        for bytes in [Array(text.utf8), utf16(text, isBigEndian: true), utf16(text, isBigEndian: false)] {
            let error = #expect(throws: DescriptorError.self) { try XMLDocument(parsing: bytes) }
            #expect(error?.element == "!DOCTYPE")
        }
    }

    @Test("a document type in an encoding that hides it is refused, or is no XML")
    func hiddenDocumentType() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADw-+ACE-DOCTYPE a+AD4-<a/>"
        #expect(throws: DescriptorError.self) { try XMLDocument(parsing: Array(text.utf8)) }
    }

    @Test("an entity that was never declared is an error")
    func undeclaredEntity() {
        #expect(throws: DescriptorError.self) { try parse("<a>&x;</a>") }
        #expect(throws: DescriptorError.self) { try parse("<a b=\"&x;\"/>") }
    }

    @Test("nesting is accepted to 256 elements and refused beyond")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
        }
        _ = try parse(nested(256))
        #expect(throws: DescriptorError.self) { try parse(nested(257)) }
        #expect(throws: DescriptorError.self) { try parse(nested(100_000)) }
    }

    @Test("a document over 16 MiB is refused")
    func tooLong() {
        let text = "<a>" + String(repeating: " ", count: XMLDocument.maximumByteCount) + "</a>"
        #expect(throws: DescriptorError.self) { try parse(text) }
    }

    @Test("a document of very many elements is refused")
    func tooMany() {
        let text = "<a>" + String(repeating: "<b/>", count: XMLDocument.maximumElementCount) + "</a>"
        #expect(throws: DescriptorError.self) { try parse(text) }
    }

    @Test(
        "what is not well-formed is an error that names its line",
        arguments: [
            ("", 0), ("text", 1), ("<a>", 1), ("<a>\n<b>\n</a>", 3), ("<a>\n<b x=1/></a>", 2),
            ("<a/>\n<b/>", 2),
            ("<a x=\"1\"\n x=\"2\"/>", 2), ("<a>\u{1}</a>", 1),
        ])
    func malformed(text: String, line: Int) {
        let error = #expect(throws: DescriptorError.self) { try parse(text) }
        #expect(error?.line == line)
    }

    @Test("lines past 65,535 are counted")
    func manyLines() throws {
        let root = try parse("<a>" + String(repeating: "\n", count: 70_000) + "<b>x</b></a>")
        #expect(root.children[0].line == 70_001)
    }

    @Test("a prefix that is not declared is left out of the name")
    func undeclaredPrefix() throws {
        let root = try parse("<ovf:a ovf:b=\"1\"/>")
        #expect(root.name == "a")
        #expect(root.attributes.map(\.name) == ["b"])
    }

    @Test("many threads parse at once")
    func threads() async throws {
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                group.addTask {
                    var total = 0
                    for _ in 0..<20 {
                        total += try XMLDocument(
                            parsing: Array("<a>\(String(repeating: "<b/>", count: number))</a>".utf8)
                        ).root.children.count
                        _ = try? XMLDocument(parsing: Array("<a><b></a>".utf8))
                    }
                    return total
                }
            }
            var counts: Set<Int> = []
            for try await count in group { counts.insert(count) }
            return counts
        }
        #expect(counts == Set((0..<8).map { $0 * 20 }))
    }

    @Test("changed bytes never trap", arguments: [UInt64(1), 2, 3])
    func mutations(seed: UInt64) {
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <Envelope xmlns="urn:a" xmlns:b="urn:b"><b:File b:id="f">t<![CDATA[x]]><!-- c --></b:File></Envelope>
            """
        var random = Mutator(seed: seed)
        for _ in 0..<2_000 { _ = try? XMLDocument(parsing: random.mutate(Array(text.utf8))) }
    }
}
