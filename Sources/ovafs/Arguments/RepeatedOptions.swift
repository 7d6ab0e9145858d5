// Options that were given twice, one of which the parser of arguments would drop in silence.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

enum RepeatedOptions {
    /// Those that may be given more than once.
    private static let lists: Set<String> = ["--header-file", "--property", "--tag"]

    /// What is wrong with the arguments, the program's name first, of a command that the parser has taken; nil where nothing
    /// is. A list of options of mount(8) may have one twice: the last counts, so that one on a command line goes before that
    /// of fstab.
    static func problem(in arguments: [String]) -> String? {
        guard let command = arguments.dropFirst().first, command != MountCommand.configuration.commandName
        else {
            return nil
        }
        let names = namesOfOptionsWithValue(of: command)
        var seen: Set<String> = []
        var words = arguments.dropFirst(2).prefix { $0 != "--" }
        while let word = words.popFirst() {
            guard let name = names[String(word.prefix { $0 != "=" })] else { continue }
            if !word.contains("=") { _ = words.popFirst() }
            guard seen.insert(name).inserted || lists.contains(name) else {
                return "'\(name)' is given twice; leave one out"
            }
        }
        return nil
    }

    /// The long name for each name of an option of `command` that takes a value, by the command's help.
    private static func namesOfOptionsWithValue(of command: String) -> [String: String] {
        let found = OVAFS.configuration.subcommands.first {
            $0.configuration.commandName == command || $0.configuration.aliases.contains(command)
        }
        guard let found else { return [:] }
        var names: [String: String] = [:]
        for line in OVAFS.helpMessage(for: found, columns: 200).split(separator: "\n") {
            let words = line.split(separator: " ")
            let own = words.prefix { $0.hasPrefix("-") }.map { String($0.prefix { $0 != "," }) }
            guard let long = own.last, words.dropFirst(own.count).first?.hasPrefix("<") == true else {
                continue
            }
            for name in own { names[name] = long }
        }
        return names
    }
}
