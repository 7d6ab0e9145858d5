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

    @Test("UCS-4 in any order of its bytes, EBCDIC and NULs are refused before libxml2 reads them")
    func hiddenMarkup() {
        let text = Array("<?xml version='1.0'?><a/>".utf8)
        for place in 0..<4 {
            let wide = text.flatMap { byte in (0..<4).map { $0 == place ? byte : 0 } }
            let mark: [[UInt8]] = [
                [0, 0, 0xfe, 0xff], [0, 0, 0xff, 0xfe], [0xfe, 0xff, 0, 0], [0xff, 0xfe, 0, 0],
            ]
            for bytes in [wide] + mark.map({ $0 + wide }) {
                let error = #expect(throws: DescriptorError.self) { try XMLDocument(parsing: bytes) }
                #expect(error?.description.contains("NUL") == true, "\(place)")
            }
        }
        let ebcdic: [UInt8] = [
            0x4c, 0x6f, 0xa7, 0x94, 0x93, 0x40, 0xa5, 0x85, 0x99, 0xa2, 0x89, 0x96, 0x95, 0x7e, 0x7d, 0xf1,
            0x4b,
            0xf0, 0x7d, 0x6f, 0x6e, 0x4c, 0x81, 0x61, 0x6e,
        ]
        let error = #expect(throws: DescriptorError.self) { try XMLDocument(parsing: ebcdic) }
        #expect(error?.description.contains("EBCDIC") == true)
        for end in ["", "<!-- \0 -->", "\0"] {
            let bytes = Array("<a>\(end)</a>".utf8)
            #expect((try? XMLDocument(parsing: bytes)) == nil || end.isEmpty)
            #expect(
                (try? XMLDocument(parsing: utf16("<a>\(end)</a>", isBigEndian: true))) == nil || end.isEmpty)
        }
        // UTF-16 without a mark is told by its first characters.
        #expect(throws: Never.self) {
            try XMLDocument(parsing: Array(utf16("<a>x</a>", isBigEndian: true).dropFirst(2)))
        }
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

    @Test("attributes of an element are bounded, before libxml2 compares each with each")
    func attributes() throws {
        func element(_ count: Int) -> String {
            "<a>\n<b " + (0..<count).map { "x\($0) = '=>\"'" }.joined(separator: "\n") + "/></a>"
        }
        #expect(try parse(element(256)).children[0].attributes.count == 256)
        let error = #expect(throws: DescriptorError.self) { try parse(element(257)) }
        #expect(error?.line == 2)
        #expect(error?.element == "b")
        for isBigEndian in [true, false] {
            #expect(throws: DescriptorError.self) {
                try XMLDocument(parsing: utf16(element(257), isBigEndian: isBigEndian))
            }
        }
    }

    @Test("namespaces in scope are bounded, and those of closed elements do not count")
    func namespaces() throws {
        func element(_ level: Int, _ inner: String) -> String {
            "<a " + (0..<100).map { "xmlns:n\(level)x\($0)='u'" }.joined(separator: " ") + ">\(inner)</a>"
        }
        let beside = (0..<9).map { element($0, "<b xmlns:c='u'/>") }.joined()
        #expect(try parse("<r>\(beside)</r>").children.count == 9)
        #expect(throws: DescriptorError.self) { try parse(element(1, element(2, element(3, "")))) }
        let name = String(repeating: "n", count: 5_000)
        #expect(throws: DescriptorError.self) { try parse("<a xmlns=\"\(name)\"/>") }
    }

    @Test("a start tag is bounded, and a comment, an instruction or CDATA is none")
    func startTags() throws {
        let long = String(repeating: "x", count: 1 << 20)
        #expect(throws: DescriptorError.self) { try parse("<a b=\"\(long)\"/>") }
        let equals = String(repeating: "=", count: 1_000)
        let text = "<?xml version='1.0'?><!--<a \(equals)--><a><?pi <\(equals)?><![CDATA[<a \(equals)>]]></a>"
        #expect(try parse(text).text == "<a \(equals)>")
    }

    @Test(
        "a character of very many combining marks is refused: comparing it takes their square",
        arguments: ["<a b=\"x%%\"/>", "<a>x%%</a>", "<a>x%<!-- -->%</a>", "<a%%/>"])
    func combiningMarks(text: String) throws {
        func document(_ count: Int) -> String {
            text.replacingOccurrences(of: "%", with: String(repeating: "\u{316}", count: count))
        }
        _ = try parse(document(15))
        #expect(throws: DescriptorError.self) { try parse(document(16)) }
        let numbers = String(repeating: "&#x316;", count: 31)
        #expect(throws: DescriptorError.self) { try parse("<a>x\(numbers)</a>") }
    }

    @Test(
        "encodings that are ASCII where markup is are read, others are refused",
        arguments: [
            ("ISO-8859-1", true), ("windows-1252", true), ("utf-8", true), ("UTF-7", false),
            ("ISO-2022-JP", false), ("IBM037", false), ("UTF-32", false), ("hz-gb-2312", false),
        ])
    func encodings(name: String, isRead: Bool) {
        let text = "<?xml version='1.0' encoding = '\(name)' ?><a>x</a>"
        #expect((try? parse(text).text) == (isRead ? "x" : nil))
    }

    @Test("what a document takes is taken from the budget, which the error names")
    func budget() throws {
        let text = "<a>" + String(repeating: "<b c=\"d\"/>", count: 1_000) + "</a>"
        let budget = OpeningBudget(byteLimit: 1 << 20)
        _ = try XMLDocument(parsing: Array(text.utf8), budget: budget)
        #expect(budget.usedByteCount > 200_000)
        let error = #expect(throws: DescriptorError.self) {
            try XMLDocument(parsing: Array(text.utf8), budget: OpeningBudget(byteLimit: 100_000))
        }
        #expect(error?.remedy == .openMemory)
        #expect(error?.reason.contains("the descriptor, up to its line 1") == true)
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
