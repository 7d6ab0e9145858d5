// Tests of arguments as the bytes that they are.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import SystemPackage
import Testing

@testable import ovafs

@Suite("Arguments that are bytes")
struct RawArgumentsTests {
    /// As the shell's `$'…\xe4…'`.
    private static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.flatMap { $0.value < 0x100 ? [UInt8($0.value)] : Array(String($0).utf8) }
    }

    /// What is found of `text` among `arguments`; nil where that is an error.
    private static func found(_ text: String, _ arguments: [String]) -> [UInt8]? {
        let read = String(decoding: bytes(text), as: UTF8.self)
        return try? RawArguments.bytes(read, among: arguments.map(bytes))
    }

    @Test("a name that is no UTF-8 is found as an argument, or behind an option's name")
    func names() {
        for argument in ["a\u{e4}", "--map=a\u{e4}", "-oa\u{e4}", "-o=a\u{e4}"] {
            #expect(Self.found("a\u{e4}", ["x", argument, "y"]) == Self.bytes("a\u{e4}"), "\(argument)")
        }
        #expect(Self.found("plain", []) == Array("plain".utf8))
        // U+FFFD itself is a name like any other.
        #expect(Self.found("\u{fffd}", ["\u{fffd}"]) == Array("\u{fffd}".utf8))
    }

    @Test("where it cannot be told which bytes are meant, none are guessed")
    func unknown() {
        #expect(Self.found("a\u{e4}", []) == nil)
        #expect(Self.found("a\u{e4}", ["log=/a\u{e4},lenient", "ba\u{e4}", "a\u{e4}b"]) == nil)
        #expect(Self.found("a\u{e4}", ["a\u{e4}", "a\u{f6}"]) == nil)
        #expect(Self.found("a\u{e4}", ["a\u{e4}", "--map=a\u{e4}"]) == Self.bytes("a\u{e4}"))
    }

    @Test("the list of mount options is split as bytes, and the log has the name that was given")
    func options() throws {
        func log(_ list: String) throws -> FilePath? {
            guard case .file(let path) = try MountOptions([Self.bytes(list)]).log else { return nil }
            return path
        }
        for (list, name) in [
            ("log=/t/\u{e4}.log,lenient", "/t/\u{e4}.log"), ("lenient, log=\u{e4}\u{f6}", "\u{e4}\u{f6}"),
            ("log=a\\,b\\\\c\\d\\", "a,b\\c\\d\\"), ("log=a=b", "a=b"), ("log=x,log=\u{e4}", "\u{e4}"),
            // A mark behind a comma makes no other character of it.
            ("log=x,\u{cc}\u{81}=1", ""),
        ] {
            let found = try? log(list)
            #expect(found == (name.isEmpty ? nil : FilePath(bytes: Self.bytes(name))), "\(list)")
        }
        #expect(
            try MountOptions([Self.bytes("cache_dir=/t/\u{e4},log=\u{e4}")]).cacheFolder
                == Self.bytes("/t/\u{e4}"))
        for list in ["cache_dir=", "cache_dir"] {
            #expect(throws: CommandFailure.self) { try MountOptions([Self.bytes(list)]) }
        }
        #expect(try MountOptions([Array("log=syslog".utf8)]).log == .systemLog)
        #expect(try MountOptions([Array("log=stderr".utf8)]).log == .standardError)
        #expect(throws: CommandFailure.self) { try MountOptions([Array("log=".utf8)]) }
        #expect(throws: CommandFailure.self) { try MountOptions([Array("log".utf8)]) }
    }
}
