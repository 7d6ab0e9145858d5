// What is said of a command line that makes no sense.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

enum UsageError {
    /// The parser's message and where help is: that of the command that was meant.
    static func text(_ said: String, arguments: [String]) -> String {
        let message = plain(said)
        let first = arguments.dropFirst().first
        guard let first, !first.hasPrefix("-"), first != "help" else {
            let suggestion = first == "-V" ? " (did you mean '--version'?)" : ""
            return "\(message)\(suggestion); see 'ovafs --help'"
        }
        if known.contains(first) {
            let words = Array(arguments.dropFirst(2).prefix { $0 != "--" })
            return "\(option(said, first, words) ?? message); see 'ovafs \(first) --help'"
        }
        // `ovafs x.ova DIR`, as with a helper of mount(8).
        let isFile = unsafe access(first, F_OK) == 0
        let isNear = Suggestion.closest(to: first, among: known) != nil
        let suggestion =
            isFile && !isNear
            ? " (did you mean 'ovafs mount \(first)'?)" : suggestion(for: first)
        return "unknown command '\(first)'\(suggestion); see 'ovafs --help'"
    }

    /// What other programs call what a command here does.
    private static let synonyms = [
        "list": "info", "ls": "info", "show": "info", "convert": "extract", "copy": "extract",
        "check": "verify", "version": "--version",
    ]

    private static func suggestion(for command: String) -> String {
        synonyms[command].map { " (did you mean '\($0)'?)" } ?? Suggestion.text(for: command, among: known)
    }

    /// What is said of an option that `command` does not have, where more can be said than the parser does; nil where it is
    /// about something else. `words` stand behind the command.
    private static func option(_ said: String, _ command: String, _ words: [String]) -> String? {
        var message = said
        if words.contains("-V"), said.hasPrefix("Missing expected") || said.hasPrefix("Unknown option '-V'") {
            return "Unknown option '-V' (did you mean 'ovafs --version'?)"
        }
        // The parser tells what is missing first, which may be what is misspelt.
        if said.hasPrefix("Missing expected") {
            let names = CommandHelp.options(of: command).flatMap(\.names).filter { $0.hasPrefix("--") }
            let unknown = words.lazy.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" }) }
                .first { !names.contains($0) && $0 != "--help" && $0 != "--version" }
            guard !names.isEmpty, let unknown else { return nil }
            message = "Unknown option '\(unknown)'\(Suggestion.text(for: unknown, among: names))"
        }
        if let wanted = OptionSpelling.advice(on: message, for: command, words) {
            let unknown = message.split(separator: "'", maxSplits: 2).dropFirst().first ?? ""
            return "Unknown option '\(unknown)'; 'ovafs \(command)' wants \(wanted)"
        }
        return message == said ? nil : message
    }

    /// What the parser would answer with help and success though it was meant otherwise; nil where there is nothing.
    static func misread(_ arguments: [String]) -> String? {
        let words = Array(arguments.dropFirst())
        if words.first == "help", words.count > 1, !words[1].hasPrefix("-"), !known.contains(words[1]) {
            return
                "unknown command '\(words[1])'\(suggestion(for: words[1])); see 'ovafs --help'"
        }
        var previous = ""
        for word in words.prefix(while: { $0 != "--" }) {
            defer { previous = word }
            // Letters of options, one of which may be the h of help.
            guard word.count > 2, word.hasPrefix("-"), !word.hasPrefix("--"), !word.hasPrefix("-o"),
                previous != "-o", unsafe access(word, F_OK) == 0
            else { continue }
            return "'\(word)' reads as options; write './\(word)' for the file"
        }
        return nil
    }

    /// The names of all commands.
    private static var known: [String] {
        OVAFS.configuration.subcommands.map { $0.configuration }.filter { $0.shouldDisplay }
            .flatMap { [$0.commandName ?? ""] + $0.aliases }
    }

    /// The parser's message as a part of a sentence, with what an option takes where that is not a choice.
    private static func plain(_ said: String) -> String {
        var message = said.replacing(". Did you mean ", with: " (did you mean ").replacing("'?", with: "'?)")
        if message.hasSuffix(".") { message.removeLast() }
        let parts = message.split(separator: "' is invalid for '", maxSplits: 1)
        guard parts.count == 2, parts[0].hasPrefix("The value '") else { return message }
        let value = parts[0].dropFirst("The value '".count)
        for (option, wanted) in [
            ("--open-memory", "a size such as 512M"), ("--threads", "a number from 1 to 256"),
        ] where parts[1].hasPrefix(option) {
            return "\(option) takes \(wanted), not '\(value)'"
        }
        return message
    }
}
