// Tests of words that parsers compare.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ByteSources

@Suite("A word of ASCII")
struct ASCIIWordTests {
    @Test("is compared as it is written, or in lower case")
    func comparison() {
        #expect(ASCIIWord(exactly: Array("Path".utf8)[...])?.text == "Path")
        #expect(ASCIIWord(exactly: Array("Path".utf8)[...]) != "path")
        #expect(ASCIIWord(folding: "PaTh-1[") == "path-1[")
        #expect(ASCIIWord(folding: "") == "")
    }

    @Test(
        "is printable and short",
        arguments: ["caf\u{e9}", "a\u{301}", "a\tb", "\0", "\u{7f}", String(repeating: "a", count: 65)])
    func others(text: String) {
        #expect(ASCIIWord(folding: text) == nil)
        #expect(ASCIIWord(exactly: Array(text.utf8)[...]) == nil)
    }

    @Test("is found at the start of a text, and anywhere in it, in either case")
    func parts() {
        let word: ASCIIWord = "win"
        #expect(word.begins(Array("Windows".utf8)[...]))
        #expect(!word.begins(Array("Wi".utf8)[...]))
        #expect(!word.begins([]))
        #expect(word.isPart(of: Array("é wWINdows".utf8)))
        #expect(word.isPart(of: Array("win".utf8)))
        #expect(!word.isPart(of: Array("wi n wi".utf8)))
        #expect(!word.isPart(of: []))
    }

    @Test("is not made of a text that is slow to compare, and that costs nothing")
    func marks() {
        let text = "a" + String(repeating: "\u{301}\u{316}", count: 5_000_000)
        let bytes = Array(text.utf8)
        let time = ContinuousClock().measure {
            #expect(ASCIIWord(folding: text) == nil)
            #expect(ASCIIWord(exactly: bytes[...]) == nil)
        }
        #expect(time < .seconds(1), "\(time)")
    }
}
