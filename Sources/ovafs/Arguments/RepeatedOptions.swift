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
        guard let command = arguments.dropFirst().first, command != MountCommand.configuration.commandName,
            // Those that no one writes by hand.
            command != MountBroker.commandName, command != SandboxProbeCommand.name
        else {
            return nil
        }
        var names: [String: String] = [:]
        for option in CommandHelp.options(of: command) where option.takesValue {
            for name in option.names { names[name] = option.names.last }
        }
        var seen: Set<String> = []
        var words = arguments.dropFirst(2).prefix { $0 != "--" }
        while let word = words.popFirst() {
            for name in written(in: word).compactMap({ names[$0] }) {
                if !word.contains("=") { _ = words.popFirst() }
                guard seen.insert(name).inserted || lists.contains(name) else {
                    return "'\(name)' is given twice; leave one out"
                }
            }
        }
        return nil
    }

    /// The names of options in `word`, without a value: `-fo` is `-f` and `-o`.
    private static func written(in word: String) -> [String] {
        let name = String(word.prefix { $0 != "=" })
        guard name.count > 2, name.hasPrefix("-"), !name.hasPrefix("--") else { return [name] }
        return name.dropFirst().map { "-\($0)" }
    }
}
