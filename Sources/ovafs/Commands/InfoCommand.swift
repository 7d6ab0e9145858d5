// `ovafs info`: what is in a package or a disk image.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show what is in a package or a disk image.",
        discussion: """
            Reads descriptors, headers and partition tables only. Of a compressed file, as much is decoded as has \
            to be to know how long it is and to read these: all of it for gzip, bzip2 and zstd frames that do not \
            say how long they are (at most 64 GiB), and the whole of a unit with a checksum, which is all of a \
            file that xz made without -T, or zstd. --cache-dir keeps what that found. With \
            --header, format and size of a disk image are read from its first 64 KiB and its last sector, and of a \
            VHDX from 324 KiB more; a VMDK that is a text descriptor and a compressed file do not say them there.

            Exit codes: 0 done, for a package also where a disk is not decoded, 1 the source is damaged, or of a kind \
            that ovafs does not read, 2 wrong usage, 3 the source cannot be read.

            Example: ovafs info --json appliance.ova
            """)

    @OptionGroup
    var source: SourceArguments

    @Flag(help: "Print JSON, as in .ova/info.json of a mount.")
    var json = false

    @Flag(help: "Read format and size from the header of a disk image, and nothing else.")
    var header = false

    func run() throws {
        if header { return try showHeader() }
        let appliance = try source.open(isConfined: true)
        let summary = ApplianceSummary(of: appliance)
        try StandardOutput.write(json ? summary.json() : Array(SummaryTable(summary).text.utf8))
    }

    private func showHeader() throws {
        let summary = try source.openHeader()
        let text = """
            format:       \(summary.format)
            virtual size: \(ByteCount.text(summary.virtualSize)) (\(summary.virtualSize) bytes)
            stored size:  \(ByteCount.text(summary.storedSize)) (\(summary.storedSize) bytes)

            """
        try StandardOutput.write(json ? summary.json() : Array(text.utf8))
    }
}
