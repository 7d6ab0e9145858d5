// Tests of what is said of a command line in which something is called otherwise.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Testing

@testable import ovafs

@Suite("Spellings")
struct SpellingTests {
    private static func said(_ arguments: String...) -> String { said(arguments: arguments) }

    private static func said(arguments: [String]) -> String {
        do {
            _ = try OVAFS.parseAsRoot(JoinedOptions.separated(["ovafs"] + arguments))
            return "taken"
        } catch {
            return UsageError.text(OVAFS.message(for: error), arguments: ["ovafs"] + arguments)
        }
    }

    @Test("an option of the other commands, given to mount, is named as mount has it")
    func mount() {
        for (option, wanted) in [
            ("--lenient", "-o lenient"), ("--cache-dir=/x", "-o cache_dir=DIR"),
            ("--links-inside", "-o links=inside"), ("--header-file=f", "-o header=@FILE"),
            ("--threads=2", "-o threads=N"), ("--open_memory=1G", "-o open_memory=SIZE"),
        ] {
            let name = option.prefix { $0 != "=" }
            let text = "Unknown option '\(name)'; 'ovafs mount' wants '\(wanted)'; see 'ovafs mount --help'"
            #expect(Self.said("mount", option, "x.ova", "d") == text)
            // Also where something else is missing, which the parser tells first.
            #expect(Self.said("mount", option, "x.ova") == text)
        }
        #expect(!Self.said("mount", "--frobnicate", "x.ova", "d").contains("wants"))
    }

    @Test(
        "an option of mount, given to another command, is named as that has it",
        arguments: ["info", "verify"])
    func others(command: String) {
        for (words, wanted) in [
            (["-o", "lenient"], "--lenient"), (["-o", "allow_other,links=inside"], "--links-inside"),
            (["--links=inside"], "--links-inside"),
            (["-o", "cache_dir=/x,lenient"], "--cache-dir DIR --lenient"),
        ] {
            let said = Self.said(arguments: [command, "x.ova"] + words)
            #expect(
                said.hasSuffix("'ovafs \(command)' wants '\(wanted)'; see 'ovafs \(command) --help'"),
                "\(said)")
        }
        #expect(!Self.said(command, "x.ova", "-o", "out").contains("wants"))
    }

    @Test("so is one in a list of -o")
    func lists() throws {
        for (option, wanted) in [("links-inside", "links=inside"), ("header-file=x", "header=@FILE")] {
            let error = #expect(throws: CommandFailure.self) { _ = try MountOptions([Array(option.utf8)]) }
            #expect(error?.message.contains("(write '\(wanted)')") == true, "\(String(describing: error))")
        }
        let error = #expect(throws: CommandFailure.self) { _ = try MountOptions([Array("lenent".utf8)]) }
        #expect(error?.message.contains("(did you mean 'lenient'?)") == true)
    }

    @Test("an option that is misspelt is told before the one that is missing for it")
    func missing() {
        #expect(
            Self.said("extract", "--outptu", "x", "a.ova")
                == "Unknown option '--outptu' (did you mean '--output'?); see 'ovafs extract --help'")
        #expect(Self.said("extract", "a.ova").hasPrefix("Missing expected argument '--output <path>'"))
        // The name of a file is no option.
        #expect(Self.said("extract", "--", "--outptu").hasPrefix("Missing expected argument"))
    }

    @Test(
        "commands of other programs lead to those here",
        arguments: [("list", "info"), ("ls", "info"), ("convert", "extract"), ("version", "--version")])
    func synonyms(word: String, wanted: String) {
        #expect(
            Self.said(word) == "unknown command '\(word)' (did you mean '\(wanted)'?); see 'ovafs --help'")
        #expect(UsageError.misread(["ovafs", "help", word])?.contains("'\(wanted)'") == true)
        #expect(Self.said("-V").contains("(did you mean '--version'?)"))
    }

    @Test("the name of a source stands in a message once, as the user wrote it")
    func names() {
        for (description, wanted) in [
            ("d.vhdx at byte 7: wrong", "a/d.vhdx at byte 7: wrong"),
            ("not supported: d.vhdx is a zip file", "not supported: a/d.vhdx is a zip file"),
            ("d.vhdx: its last sector", "a/d.vhdx: its last sector"),
            ("d.vhdx2 is another", "a/d.vhdx: d.vhdx2 is another"), ("no disk", "a/d.vhdx: no disk"),
        ] {
            #expect(CommandFailure.text(description, about: "a/d.vhdx") == wanted)
        }
    }
}
