// What a shell offers as a disk to copy.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import Glibc

enum DiskNameCompletion {
    /// Seconds after which a source that takes long to open is left alone.
    private static let timeLimit: UInt32 = 3

    /// Most partitions and snapshots that are offered.
    private static let mostParts = 1_000

    /// The identifiers and raw names of the disks, and the paths of their partitions and snapshots, in the source
    /// that stands on the command line.
    static func candidates(_ words: [String]) -> [String] {
        guard let arguments = sourceArguments(in: words) else { return [] }
        // Ends the process, which has nothing else to do.
        alarm(timeLimit)
        guard let remote = try? arguments.remoteSession(),
            let located = try? SourceLocator.locate(arguments.source, through: remote),
            let appliance = try? Appliance.open(located, options: arguments.options)
        else { return [] }
        defer { appliance.stopPrefetching() }
        let disks = appliance.disks.flatMap { [$0.identifier, $0.rawFileName] }
        let names = (disks + appliance.partLabels(atMost: mostParts)).map(\.onOneLine)
        return names.enumerated().filter { !names.prefix($0.offset).contains($0.element) }.map(\.element)
    }

    /// What the words behind the command say of the source; nil where they are no arguments of it, or have none.
    static func sourceArguments(in words: [String]) -> SourceArguments? {
        let commands = [ExtractCommand.configuration, UploadCommand.configuration].map(\.commandName)
        let line = words.drop { !commands.contains($0) }
        let typed = line.dropFirst().map(unquoted)
        // Where to put the copies, and what to call the image, has to be said, and may not be yet; what is typed later
        // counts.
        guard line.first == UploadCommand.configuration.commandName else {
            return try? ExtractCommand.parse(["--output", "-"] + typed).source
        }
        return try? UploadCommand.parse(["--name", "-"] + typed).source
    }

    /// A word of a command line as the shell would read it, in the cases that names of files come in.
    private static func unquoted(_ word: String) -> String {
        var text = word
        if word.hasPrefix("~/"), let home = unsafe getenv("HOME") {
            text = unsafe String(cString: home) + word.dropFirst()
        }
        var plain = ""
        var isEscaped = false
        for character in text {
            if isEscaped || !["\\", "'", "\""].contains(character) { plain.append(character) }
            isEscaped = !isEscaped && character == "\\"
        }
        return plain
    }
}
