// `-oOPTIONS` without a space, as mount(8) and fstab users write it.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

enum JoinedOptions {
    /// The arguments behind the program's name, each `-oOPTIONS` of a mount as two; the parser of arguments would take
    /// what stands before a `=` in it for a name.
    static func separated(_ arguments: [String]) -> [String] {
        let rest = arguments.dropFirst()
        guard rest.first == MountCommand.configuration.commandName else { return Array(rest) }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        let options = rest[..<end].flatMap { argument in
            argument.hasPrefix("-o") && argument != "-o" ? ["-o", String(argument.dropFirst(2))] : [argument]
        }
        return options + rest[end...]
    }
}
