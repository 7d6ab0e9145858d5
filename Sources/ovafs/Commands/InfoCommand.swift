// `ovafs info`: what is in a package or a disk image.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import Glibc

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show what is in a package or a disk image.",
        discussion: """
            Reads descriptors and headers only; no disk is decoded.

            Exit codes: 0 done, 1 the source is damaged, 2 wrong usage, 3 the source cannot be read.

            Example: ovafs info --json appliance.ova
            """)

    @OptionGroup
    var source: SourceArguments

    @Flag(help: "Print JSON, as in .ova/info.json of a mount.")
    var json = false

    func run() throws {
        let appliance = try source.open()
        let summary = ApplianceSummary(of: appliance)
        try StandardOutput.write(json ? summary.json() : Array(SummaryTable(summary).text.utf8))
    }
}

extension Appliance {
    /// Opens what a SOURCE argument names; an error gives advice in `words`.
    /// - Throws: `CommandFailure` with the exit code that fits.
    static func open(
        _ argument: String, options: ApplianceOptions, words: OptionWords
    ) throws -> Appliance {
        let located = try SourceLocator.locate(argument)
        do throws(ApplianceError) {
            return try open(located, options: options)
        } catch {
            let status: ExitStatus =
                switch error.kind {
                case .unreadable: .cannotReadSource
                case .damaged: .damaged
                }
            let limit =
                "\(error)".hasSuffix(SystemError(errno: EMFILE).description)
                ? "; \(ProcessSettings.openFileLimit) may be open: raise the hard limit of ulimit -n" : ""
            throw CommandFailure(
                status: status, message: words.message("\(argument): \(error)\(limit)", error.remedy))
        }
    }
}
