// Tests of what the folders of images are called: every name gets one, and no two the same.
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Catalogue

@Suite("Names of folders")
struct FolderNamesTests {
    static func id(_ number: Int) -> String {
        let digits = String(number)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// The names of images that are listed together; their ids are numbered from 1.
    private static func names(_ names: [String?]) -> [String] {
        let rule = FolderNames(of: names)
        return names.enumerated().map { index, name in
            String(decoding: rule.name(of: name, id: id(index + 1)), as: UTF8.self)
        }
    }

    @Test("a name that no other image has, and that a folder can have, stays as it is")
    func plain() {
        let names = ["debian-12", "Ubuntu 24.04 (Noble)", "-x", ".hidden", "日本語", "a~b", "x:y", "..."]
        #expect(Self.names(names) == names)
    }

    @Test("of a name that repeats, each gets its id")
    func repeated() {
        #expect(
            Self.names(["a", "b", "a"]) == ["a~\(Self.id(1))", "b", "a~\(Self.id(3))"])
        // Two texts that look the same and differ in their bytes are two names.
        #expect(Self.names(["\u{e9}", "e\u{301}"]).map { Array($0.utf8).count } == [2, 3])
    }

    @Test("what no folder can be called is made safe, with the id behind it; without any name it is the id")
    func unusable() {
        let one = Self.id(1)
        for (name, expected) in [
            ("a/b", "a_b~\(one)"), ("/", "_~\(one)"), ("", one), (".", one), ("..", one),
            (".ova", ".ova~\(one)"), ("a\u{0}b", "a_b~\(one)"), ("a\n\u{1b}[2Jb", "a__[2Jb~\(one)"),
            ("a\u{85}b\u{2028}", "a_b_~\(one)"), ("\u{7f}", "_~\(one)"), (one, one),
        ] { #expect(Self.names([name]) == [expected]) }
        #expect(Self.names([nil]) == [one])
    }

    @Test("a name that is too long is cut between characters, and 255 bytes are not too long")
    func long() {
        let longest = String(repeating: "x", count: 255)
        #expect(Self.names([longest]) == [longest])
        let cut = Self.names([String(repeating: "é", count: 300)])[0]
        #expect(cut == String(repeating: "é", count: 100) + "~" + Self.id(1))
        #expect(Self.names([longest + "x"])[0].utf8.count == 237)
    }

    @Test("names that look like those that are made here meet none of them")
    func collisions() {
        let names = [
            "a", "a", "a~\(Self.id(1))", "a~\(Self.id(2))", Self.id(1), Self.id(9), "a/", "a_",
            "a_~\(Self.id(7))", "a~\(Self.id(1).uppercased())", Self.id(6), nil, "", ".", "x\(Self.id(3))",
        ]
        let folders = Self.names(names)
        #expect(Set(folders).count == names.count)
        for (index, folder) in folders.enumerated() where folder != names[index] {
            #expect(folder.hasSuffix(Self.id(index + 1)))
        }
    }

    @Test("of any names, made of pieces that are likely to meet, no two folders have one name")
    func random() {
        var random = SeededRandom(seed: 7)
        let pieces = ["a", "/", "~", Self.id(1), Self.id(2), ".", "_", "", "\u{1}", "é"]
        for _ in 0..<2_000 {
            let names: [String?] = (0..<Int(random.next() % 6) + 1).map { _ in
                random.next() % 8 == 0
                    ? nil
                    : (0..<Int(random.next() % 4)).map { _ in pieces[Int(random.next() % 10)] }.joined()
            }
            let folders = Self.names(names)
            #expect(Set(folders).count == names.count, "\(names)")
            for folder in folders {
                #expect(!folder.isEmpty && folder.utf8.count <= 255 && !folder.contains("/"))
                #expect(![".", "..", ".ova"].contains(folder))
            }
        }
    }
}
