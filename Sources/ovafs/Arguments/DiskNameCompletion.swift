// What a shell offers as a disk to copy.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import Glibc

enum DiskNameCompletion {
    /// Seconds after which a source that takes long to open is left alone.
    private static let timeLimit: UInt32 = 3

    /// The identifiers and raw names of the disks in the source that stands on the command line.
    static func candidates(_ words: [String]) -> [String] {
        guard let source = source(in: words) else { return [] }
        // Ends the process, which has nothing else to do.
        alarm(timeLimit)
        guard let located = try? SourceLocator.locate(source),
            let appliance = try? Appliance.open(located, options: ApplianceOptions())
        else { return [] }
        defer { appliance.stopPrefetching() }
        let names = appliance.disks.flatMap { [$0.identifier, $0.rawFileName] }.map(\.onOneLine)
        return names.enumerated().filter { !names.prefix($0.offset).contains($0.element) }.map(\.element)
    }

    /// The first word behind the command that names something there and is no option's value.
    private static func source(in words: [String]) -> String? {
        var previous = ""
        for word in words.drop(while: { $0 != "extract" }).dropFirst() {
            defer { previous = word }
            if word.hasPrefix("-") || ["-o", "--output", "--map"].contains(previous) { continue }
            let path = unquoted(word)
            if unsafe access(path, F_OK) == 0 { return path }
        }
        return nil
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
