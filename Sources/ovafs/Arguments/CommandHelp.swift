// What the help of a command says of its options.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

enum CommandHelp {
    /// An option or a flag.
    struct Option {
        /// As they are written, the long one last.
        let names: [String]
        let takesValue: Bool
    }

    /// The options of `command`, one of its aliases too; none of what is no command.
    static func options(of command: String) -> [Option] {
        let found = OVAFS.configuration.subcommands.first {
            $0.configuration.commandName == command || $0.configuration.aliases.contains(command)
        }
        guard let found else { return [] }
        return OVAFS.helpMessage(for: found, columns: 200).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            let names = words.prefix { $0.hasPrefix("-") }.map { String($0.prefix { $0 != "," }) }
            guard !names.isEmpty else { return nil }
            return Option(
                names: names, takesValue: words.dropFirst(names.count).first?.hasPrefix("<") == true)
        }
    }
}
