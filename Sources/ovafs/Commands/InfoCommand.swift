// `ovafs info`: what is in a package or a disk image.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show what is in a package or a disk image.",
        discussion: """
            Reads descriptors and headers only. A gzip file is decoded once when it is opened (at most 64 GiB).

            Exit codes: 0 done, 1 the source is damaged, or of a kind that ovafs does not read, 2 wrong usage, \
            3 the source cannot be read.

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
