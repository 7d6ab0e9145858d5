// Tests of settings in YAML.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@testable import RemoteSources

@Suite("Settings in YAML")
struct YAMLDocumentTests {
    private func parse(_ text: String) throws -> ConfigurationSection {
        try YAMLDocument.parse(Array(text.utf8))
    }

    @Test("texts are what was written, whatever YAML would make of them")
    func texts() throws {
        let section = try parse(
            """
            a: 0123
            b: yes
            c: "yes"
            d: ~
            e:
            f: "*x*"
            g: a*b
            h: |
              *x
            i: 'null'
            j: !!str no
            k: "\\u002a\\x2a"
            """)
        #expect(section["a"]?.text == "0123")
        #expect(section["b"]?.text == "yes")
        #expect(section["b"]?.boolean == true)
        #expect(section["c"]?.boolean == nil)
        #expect(section["d"] == nil)
        #expect(section["e"] == nil)
        #expect(section["f"]?.text == "*x*")
        #expect(section["g"]?.text == "a*b")
        #expect(section["h"]?.text == "*x\n")
        #expect(section["i"]?.text == "null")
        #expect(section["j"]?.boolean == nil)
        #expect(section["j"]?.text == "no")
        #expect(section["k"]?.text == "**")
        #expect(try parse("") == ConfigurationSection())
        #expect(try parse("# nothing") == ConfigurationSection())
    }

    @Test("aliases and merges give what they stand for")
    func aliases() throws {
        let section = try parse(
            """
            base: &base {a: 1, b: 2}
            more: &more
              b: 3
              c: &name x
            one:
              <<: *base
              a: own
            two:
              <<: [*more, *base]
              d: *name
            list: [*name , *name]
            """)
        let one = try #require(section["one"]?.section)
        #expect(one["a"]?.text == "own" && one["b"]?.text == "2")
        let two = try #require(section["two"]?.section)
        #expect(
            two["a"]?.text == "1" && two["b"]?.text == "3" && two["c"]?.text == "x" && two["d"]?.text == "x")
        #expect(section["list"] == .list([.text("x", isPlain: true), .text("x", isPlain: true)]))
    }

    @Test(
        "what has no meaning as settings is refused with its line",
        arguments: [
            ("a: *nothing", 1), ("a: 1\nb: [*x]", 2), ("[1]", 1), ("text", 1), ("a: 1\na: 2", 2), ("a: {", 2),
            ("a:\n  <<: 5", 2), ("? [a]\n: 1", 1), ("a: &x 1\n*x : 2", 2), ("a: * b", 1), ("a: *", 1),
            ("a: &x [*x]", 1),
            ("a: 1\n---\nb: 1", 1), ("a: \u{1}", 0), ("\ta: 1", 1),
        ])
    func refused(_ text: String, line: Int) throws {
        let error = #expect(throws: ConfigurationSyntaxError.self) { try parse(text) }
        #expect(abs((error?.line ?? -1) - line) <= 1)
    }

    @Test("ten aliases of ten aliases of ten: counted, not made")
    func product() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            let aliases = Array(repeating: "*a\(level - 1) ", count: 10).joined(separator: ",")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let error = #expect(throws: ConfigurationSyntaxError.self) { try parse(text) }
        #expect(error?.reason.contains("\(YAMLDocument.valueLimit)") == true)
    }

    @Test("aliases as names, which a library compares with all that is in them, are refused before")
    func productOfNames() throws {
        var text = "a0: &a0 [x, x]\n"
        for level in 1...40 { text += "a\(level): &a\(level) [*a\(level - 1) , *a\(level - 1) ]\n" }
        #expect(throws: ConfigurationSyntaxError.self) { try parse(text + "{*a40 : 1}") }
        #expect(throws: ConfigurationSyntaxError.self) { try parse(text + "? *a40\n: 1") }
        #expect(throws: ConfigurationSyntaxError.self) { try parse(text + "? [*a40 , *a40 ]\n: 1") }
    }

    @Test("merges of merges are counted")
    func mergedProduct() throws {
        var text = "a0: &a0 {" + (0..<1_000).map { "k\($0): 1" }.joined(separator: ", ") + "}\n"
        for level in 1...200 { text += "b\(level): {<<: *a0 }\n" }
        #expect(throws: ConfigurationSyntaxError.self) { try parse(text) }
    }

    @Test("nesting has a bound, by brackets and by lines")
    func nesting() throws {
        for text in [
            "a: " + String(repeating: "[", count: 200_000), "a: " + String(repeating: "{a: ", count: 60_000),
            String(repeating: "- ", count: 120_000), String(repeating: "? ", count: 120_000),
            "a: " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40),
        ] {
            #expect(throws: ConfigurationSyntaxError.self) { try parse(text) }
        }
        let deep = "a: " + String(repeating: "[", count: 20) + String(repeating: "]", count: 20)
        #expect(try parse(deep)["a"] != nil)
    }

    @Test("long runs of marks, as they are and as escapes, are refused in no time")
    func marks() throws {
        let marks = String(repeating: "\u{0301}\u{0323}", count: 50_000)
        #expect(throws: ConfigurationSyntaxError.self) { try parse("a\(marks): 1") }
        let escapes = String(repeating: "\\u0301\\u0323", count: 15_000)
        #expect(throws: ConfigurationSyntaxError.self) { try parse("\"a\(escapes)\": 1") }
    }

    @Test("characters for private use, anchors of names and marks of byte order are texts as any other")
    func rareTexts() throws {
        #expect(try parse("a: \u{e000}x")["a"]?.text == "\u{e000}x")
        #expect(try parse("a: \"\\uE000*\"")["a"]?.text == "\u{e000}*")
        #expect(try parse("x: &e001 5\nb: *e001")["b"]?.text == "5")
        #expect(try parse("&k key: 1\nb: *k")["b"]?.text == "key")
        #expect(try parse("\u{feff}a: 1")["a"]?.text == "1")
        #expect(try parse("%YAML 1.1\n---\na: 1\n...\n")["a"]?.text == "1")
    }

    @Test("tens of thousands of directives, each compared with all before, are refused")
    func directives() throws {
        let text = (0..<20_000).map { "%TAG !a\($0)! x\n" }.joined()
        #expect(throws: ConfigurationSyntaxError.self) { try parse(text + "---\na: 1") }
    }

    @Test("a file that is too long, or is no text, is refused")
    func unreadable() throws {
        #expect(throws: ConfigurationSyntaxError.self) {
            try YAMLDocument.parse([UInt8](repeating: 0x20, count: YAMLDocument.byteLimit + 1))
        }
        #expect(throws: ConfigurationSyntaxError.self) { try YAMLDocument.parse([0x61, 0x3a, 0x20, 0xff]) }
    }

    @Test("an error shows nothing of the file")
    func discretion() throws {
        for text in [
            "password: \"hunter2", "password: hunter2\npassword: hunter2", "password: [hunter2",
            "hunter2: *hunter2",
        ] {
            let error = #expect(throws: ConfigurationSyntaxError.self) { try parse(text) }
            #expect(error.map { "\($0)".contains("hunter2") } == false)
        }
    }

    @Test("bytes changed at random trap nowhere")
    func mutations() throws {
        let text = Array(
            "clouds:\n  a: &a\n    auth: {url: 'x', password: \"y\\u00e9\"}\n  b:\n    <<: *a\n    list: [1, *a]\n"
                .utf8)
        #expect(try YAMLDocument.parse(text)["clouds"]?.section?["b"] != nil)
        var random = SystemRandomNumberGenerator()
        var refused = 0
        for _ in 0..<3_000 {
            var bytes = text
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: bytes.indices, using: &random)
                bytes[index] =
                    Bool.random()
                    ? UInt8.random(in: 0x20..<0x7f, using: &random) : "&*[]{}:-\n ?".utf8.randomElement() ?? 0
            }
            if (try? YAMLDocument.parse(bytes)) == nil { refused += 1 }
        }
        #expect(refused > 0)
    }
}
