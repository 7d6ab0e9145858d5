// What is said of a command line that makes no sense.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

enum UsageError {
    /// The parser's message and where help is: that of the command that was meant.
    static func text(_ said: String, arguments: [String]) -> String {
        let message = said.replacing(". Did you mean ", with: " (did you mean ").replacing("'?", with: "'?)")
        let first = arguments.dropFirst().first
        let commands = OVAFS.configuration.subcommands.map { $0.configuration }.filter { $0.shouldDisplay }
        let known = commands.flatMap { [$0.commandName ?? ""] + $0.aliases }
        guard let first, !first.hasPrefix("-"), first != "help" else {
            return "\(message); see 'ovafs --help'"
        }
        if known.contains(first) { return "\(message); see 'ovafs \(first) --help'" }
        // `ovafs x.ova DIR`, as with a helper of mount(8).
        let isFile = unsafe access(first, F_OK) == 0
        let suggestion =
            isFile ? " (did you mean 'ovafs mount \(first)'?)" : Suggestion.text(for: first, among: known)
        return "unknown command '\(first)'\(suggestion); see 'ovafs --help'"
    }
}
