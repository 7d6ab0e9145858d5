// One setting, as `-o` of mount and as the other commands spell it.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Which spelling a command wants of a setting that others spell otherwise.
enum OptionSpelling {
    private struct Setting {
        /// What users call it, with dashes, whatever stands before and behind.
        let names: [String]
        let command: String
        let mount: String
    }

    private static let settings = [
        Setting(names: ["lenient"], command: "--lenient", mount: "lenient"),
        Setting(names: ["links", "links-inside"], command: "--links-inside", mount: "links=inside"),
        Setting(names: ["open-memory"], command: "--open-memory SIZE", mount: "open_memory=SIZE"),
        Setting(names: ["cache-dir"], command: "--cache-dir DIR", mount: "cache_dir=DIR"),
        Setting(names: ["cache-dir-size"], command: "--cache-dir-size SIZE", mount: "cache_dir_size=SIZE"),
        Setting(names: ["timeout"], command: "--timeout SECONDS", mount: "timeout=SECONDS"),
        Setting(names: ["header", "header-file"], command: "--header-file FILE", mount: "header=@FILE"),
        Setting(names: ["threads"], command: "--threads N", mount: "threads=N"),
    ]

    /// What stands for `option`, `--cache-dir` or `cache-dir=DIR`, in a list of `-o`; nil where it is no such setting.
    static func mountOption(for option: String) -> String? { setting(named: option)?.mount }

    /// What another command than mount has for `option`, `links=inside` or `--cache_dir`; nil where it has none.
    static func commandOption(for option: String) -> String? { setting(named: option)?.command }

    /// What stands for `list`, `lenient` or `timeout=5`, in commands whose `-o` is something else; nil where it is not made of
    /// such settings alone.
    static func commandOptions(for list: String) -> String? {
        let options = list.split(separator: ",").map { option in
            setting(named: String(option)).flatMap {
                option.first != "-" && $0.mount.contains("=") == option.contains("=") ? $0.command : nil
            }
        }
        guard !options.isEmpty, options.allSatisfy({ $0 != nil }) else { return nil }
        return options.compactMap(\.self).joined(separator: " ")
    }

    /// What `command` wants in place of the option that the parser does not know, where that is spelt otherwise; `said` is the
    /// parser's message, such as `Unknown option '-o'`.
    static func advice(on said: String, for command: String, _ arguments: [String]) -> String? {
        let parts = said.split(separator: "'", maxSplits: 2)
        guard said.hasPrefix("Unknown option '"), parts.count > 1 else { return nil }
        let option = String(parts[1])
        guard command != MountCommand.configuration.commandName else {
            return mountOption(for: option).map { "'-o \($0)'" }
        }
        guard option == "-o" else { return commandOption(for: option).map { "'\($0)'" } }
        // The list stands behind it, or in the same word.
        let words = arguments.drop { !$0.hasPrefix("-o") }
        guard let first = words.first else { return nil }
        let list = first == "-o" ? words.dropFirst().first ?? "" : String(first.dropFirst(2))
        let wanted = list.split(separator: ",").compactMap { commandOption(for: String($0)) }
        return wanted.isEmpty ? nil : "'\(wanted.joined(separator: " "))'"
    }

    private static func setting(named option: String) -> Setting? {
        let name = String(option.drop { $0 == "-" }.prefix { $0 != "=" }).replacing("_", with: "-")
        return settings.first { $0.names.contains(name) }
    }
}
