// Tests of options that are given twice, and of those that are meant for another command.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Testing

@testable import ovafs

@Suite("Repeated and mistaken options")
struct RepeatedOptionTests {
    private static func problem(_ words: String...) -> String? {
        RepeatedOptions.problem(in: ["ovafs"] + words)
    }

    @Test("an option with a value that is given twice is an error, however it is written")
    func twice() {
        for words in [["-o", "x", "-o", "y"], ["--output=x", "-o", "y"], ["-o", "x", "--output", "x"]] {
            let problem = RepeatedOptions.problem(in: ["ovafs", "extract", "a.ova"] + words)
            #expect(problem == "'--output' is given twice; leave one out", "\(words)")
        }
        #expect(Self.problem("verify", "--trust", "a", "x", "--trust", "b")?.contains("--trust") == true)
        #expect(Self.problem("info", "x", "--timeout", "5", "--timeout=6")?.contains("--timeout") == true)
        #expect(
            Self.problem("info", "--cache-dir", "a", "x", "--cache-dir", "a")?.contains("--cache-dir") == true
        )
    }

    @Test("an option behind flags in one word counts, and so does its value")
    func groups() {
        for words in [["-fo", "a", "-o", "b"], ["-o", "a", "-fo", "b"], ["-fo", "a", "-fo", "b"]] {
            let problem = RepeatedOptions.problem(in: ["ovafs", "extract", "x.ova"] + words)
            #expect(problem == "'--output' is given twice; leave one out", "\(words)")
        }
        #expect(Self.problem("extract", "x.ova", "-fo", "-o") == nil)
        #expect(Self.problem("extract", "x.ova", "-fo", "a", "-f") == nil)
        #expect(Self.problem("info", "-fo", "--timeout", "5") == nil)
    }

    @Test("what may be there twice, and values and files that look like options, are none")
    func once() {
        #expect(Self.problem("extract", "a.ova", "-o", "x", "--map", "y") == nil)
        #expect(Self.problem("extract", "a.ova", "-o", "x", "--", "-o", "-o") == nil)
        #expect(Self.problem("extract", "--map", "--output", "-o", "x", "a.ova") == nil)
        #expect(Self.problem("info", "x", "--header-file", "a", "--header-file", "b") == nil)
        #expect(Self.problem("info", "x", "--json", "--json") == nil)
        #expect(Self.problem("mount", "-o", "ro", "-o", "lenient", "x", "y") == nil)
        #expect(
            Self.problem("unmount", "x") == nil && Self.problem() == nil && Self.problem("nosuch", "x") == nil
        )
    }

    @Test("of an option that a list of mount has twice the last counts, as with mount(8)")
    func lists() throws {
        let options = try MountOptions(
            ["uid=1,record=a,cache=none,exec", "uid=2,record=b,cache=kernel,noexec"].map {
                Array($0.utf8)
            })
        #expect(options.userID == 2 && options.remote.recordFile == Array("b".utf8))
        #expect(try options.cacheMode == MountOptions([]).cacheMode && !options.permitsExecution)
    }

    @Test(
        "an option of mount behind extract's -o is no name of a file, unless there is one or it has a slash")
    func mistaken() {
        for (list, wanted) in [
            ("lenient", "--lenient"), ("lenient,links=inside", "--lenient --links-inside"),
            ("timeout=5", "--timeout SECONDS"), ("header=@x", "--header-file FILE"),
        ] {
            #expect(OptionSpelling.commandOptions(for: list) == wanted)
            let error = #expect(throws: (any Error).self) {
                _ = try OVAFS.parseAsRoot(["extract", "-o", list, "x.ova"])
            }
            let text = error.map { OVAFS.message(for: $0) } ?? ""
            #expect(
                text.contains("for the option of mount write '\(wanted)', for a file './\(list)'"), "\(text)")
        }
        for name in ["./lenient", "timeout", "links", "out", "lenient/", "x,lenient", "--lenient", "", ","] {
            #expect(OptionSpelling.commandOptions(for: name) == nil, "\(name)")
        }
    }

    @Test("an address of another scheme is told from a path")
    func schemes() {
        for (argument, scheme) in [
            ("ftp://h/x", "ftp"), ("s3://b/c", "s3"), ("FILE:///x", "FILE"), ("git+ssh://h", "git+ssh"),
            ("http://h/x", nil), ("HTTPS://h", nil), ("x://", "x"), ("a/b://c", nil), ("://x", nil),
            ("1x://y", nil), ("x:/y", nil), ("x.ova", nil), ("glance:x", nil),
        ] as [(String, String?)] {
            #expect(SourceAddress.otherScheme(of: argument) == scheme, "\(argument)")
        }
    }

    @Test("-V behind a command is answered with --version")
    func version() {
        for words in [["info", "-V"], ["info", "-V", "x.ova"], ["extract", "-V"]] {
            let error = #expect(throws: (any Error).self) { _ = try OVAFS.parseAsRoot(words) }
            let text =
                error.map { UsageError.text(OVAFS.message(for: $0), arguments: ["ovafs"] + words) } ?? ""
            #expect(text.hasPrefix("Unknown option '-V' (did you mean 'ovafs --version'?)"), "\(text)")
        }
    }
}
