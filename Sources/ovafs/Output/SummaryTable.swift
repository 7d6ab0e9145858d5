// A summary for people: the systems, a table of disks, and what is questionable.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import DiskImages
import FoundationEssentials

struct SummaryTable {
    private let summary: ApplianceSummary
    /// The most columns of a cell: one long name does not push all others away; `--json` has it whole.
    private static let widestCell = 60
    /// Most other files of a disk that are named; `--json` has all.
    private static let mostFiles = 8

    init(_ summary: ApplianceSummary) {
        self.summary = summary
    }

    var text: String {
        let lines =
            imageLines + summary.systems.flatMap(lines) + diskTable + partitionTable + snapshotTable
            + summary.disks.compactMap(otherFiles)
            + summary.disks.compactMap { disk in
                disk.error.map {
                    OptionWords.command.message("disk \(disk.id) is not decoded: \($0)", disk.remedy)
                }
            } + [manifest].compactMap { $0 }
            + summary.warnings.filter { $0.code != "disk-not-decoded" }.map {
                OptionWords.command.message("note: \($0.text)", $0.remedy)
            }
        return lines.map { $0.onOneLine + "\n" }.joined()
    }

    /// What the image service says; empty for what is not from one.
    private var imageLines: [String] {
        guard let image = summary.image else { return [] }
        let name = image.name.map { "\($0) (\(image.id))" } ?? image.id
        let formats = [
            image.containerFormat.map { "container \($0)" }, image.diskFormat.map { "disk format \($0)" },
        ]
        let properties = image.properties.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return ["image \(([name] + formats.compactMap(\.self)).joined(separator: ", "))"]
            + properties.map { TerminalText.shortened("  \($0.key): \($0.value)".onOneLine, to: 200) }
    }

    private func lines(_ system: SystemSummary) -> [String] {
        let place = (system.collections + [system.name.isEmpty ? system.id : system.name])
        var facts: [String] = []
        if let processors = system.processors {
            facts.append("\(processors) CPU\(processors == 1 ? "" : "s")")
        }
        if let memory = system.memory { facts.append(ByteCount.text(memory)) }
        facts += operatingSystem(of: system)
        if !system.hardware.isEmpty { facts.append(system.hardware.joined(separator: " ")) }
        if let firmware = system.firmware { facts.append(firmware) }
        let networks = system.networkAdapters.map { adapter in
            [adapter.type, adapter.networks.isEmpty ? nil : "on \(adapter.networks.joined(separator: ", "))"]
                .compactMap { $0 }.joined(separator: " ")
        }
        let products = system.products.filter { !$0.name.isEmpty }.map { product in
            [product.vendor, product.name, product.version].filter { !$0.isEmpty }.joined(separator: " ")
        }
        return ["\(place.joined(separator: " / ")): \(facts.joined(separator: ", "))"]
            + (networks.isEmpty ? [] : ["  network: \(networks.joined(separator: "; "))"])
            + (products.isEmpty ? [] : ["  product: \(products.joined(separator: "; "))"])
            + [
                system.rootDisk.map { root in
                    "  root disk: \(root.disk) (\(root.rule)\(root.nova.map { "; Nova takes \($0)" } ?? ""))"
                }
            ].compactMap { $0 }
    }

    /// What the descriptor calls it, with CIM's number and the vendor's identifier.
    private func operatingSystem(of system: SystemSummary) -> [String] {
        let identifiers =
            [system.operatingSystemIdentifier.map { "OS \($0)" }, system.operatingSystemType].compactMap {
                $0
            }
            .joined(separator: ", ")
        guard let name = system.operatingSystem, !name.isEmpty else {
            return identifiers.isEmpty ? [] : [identifiers]
        }
        return [identifiers.isEmpty ? name : "\(name) (\(identifiers))"]
    }

    private var diskTable: [String] {
        let header = ["DISK", "BUS", "ADAPTER", "FORMAT", "VIRTUAL", "DATA", "STORED", "ROOT", "FILE", "RAW"]
        return Self.aligned([header] + summary.disks.map(row))
    }

    private func row(_ disk: DiskSummary) -> [String] {
        [
            disk.id, disk.bus ?? "-", disk.adapter ?? "-", disk.format,
            disk.virtualSize.map(ByteCount.text) ?? "-",
            disk.dataSize.map { (disk.dataSizeIsEstimate == true ? "~" : "") + ByteCount.text($0) } ?? "-",
            ByteCount.text(disk.storedSize), disk.isRoot ? "yes" : "-", disk.file?.shown ?? "-",
            disk.copy?.shown ?? "-",
        ]
    }

    /// What a disk is read from beside its own file; nil where that is nothing.
    private func otherFiles(of disk: DiskSummary) -> String? {
        guard !disk.files.isEmpty else { return nil }
        let shown = disk.files.prefix(Self.mostFiles).map { file in
            "\(file.name) (\(file.use.rawValue), \(ByteCount.text(file.size)))"
        }
        let more = disk.files.count - shown.count
        return "disk \(disk.id) also reads \(shown.joined(separator: ", "))"
            + (more > 0 ? " and \(more) more files" : "")
    }

    /// Each partition by its path in `.ova/partitions`; empty where no disk has any.
    private var partitionTable: [String] {
        let rows = summary.disks.flatMap { disk in
            disk.partitions.map { partition in
                [
                    "\(Self.path(disk.partitionFolder))/\(partition.number)", disk.partitionTable ?? "-",
                    String(partition.start), ByteCount.text(partition.size),
                    PartitionTypeName.text(for: partition.type),
                    partition.name ?? "-", partition.uuid ?? "-",
                ]
            }
        }
        guard !rows.isEmpty else { return [] }
        return Self.aligned([["PARTITION", "TABLE", "START (bytes)", "SIZE", "TYPE", "NAME", "UUID"]] + rows)
    }

    /// Each snapshot by its path in `.ova/snapshots`; empty where no disk has any.
    private var snapshotTable: [String] {
        let rows = summary.disks.flatMap { disk in
            disk.snapshots.map { snapshot in
                [
                    "\(Self.path(disk.snapshotFolder))/\(snapshot.file.shown)", Self.time(snapshot.time),
                    ByteCount.text(snapshot.virtualSize), Self.name(of: snapshot), snapshot.id?.shown ?? "-",
                ]
            }
        }
        guard !rows.isEmpty else { return [] }
        return Self.aligned([["SNAPSHOT", "TIME", "VIRTUAL", "NAME", "ID"]] + rows)
    }

    /// The snapshot's name; that of its file where a terminal cannot show it, so that what is shown can be given to `extract`.
    private static func name(of snapshot: SnapshotSummary) -> String {
        let name = snapshot.name.shown
        guard name != snapshot.name.text || name.onOneLine != name else { return name }
        let file = snapshot.file.shown
        return file.hasSuffix(".raw") ? String(file.dropLast(4)) : file
    }

    /// A folder of `.ova/partitions` or `.ova/snapshots`, from there.
    private static func path(_ folder: Name?) -> String {
        folder.map { $0.shown.split(separator: "/").dropFirst(2).joined(separator: "/") } ?? "-"
    }

    /// Such as `2026-01-31T12:00:00Z`; the seconds where no calendar has the year.
    private static func time(_ seconds: Int64) -> String {
        guard (0..<253_402_300_800).contains(seconds) else { return String(seconds) }
        return Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    private var manifest: String? {
        summary.manifest.map { manifest in
            "manifest: \(manifest.name.shown), "
                + (manifest.algorithms.isEmpty
                    ? "no digest of which can be read" : manifest.algorithms.joined(separator: ", "))
                + (manifest.isSigned ? ", signed" : "") + " (ovafs verify checks it)"
        }
    }

    /// Columns side by side, two spaces apart, left-aligned by the room that a terminal gives each text.
    static func aligned(_ rows: [[String]]) -> [String] {
        let rows = rows.map { row in
            row.map { TerminalText.shortened($0.onOneLine, to: widestCell) }
        }
        let columnCount = rows.map(\.count).max() ?? 0
        let widths = (0..<columnCount).map { column in
            rows.compactMap { column < $0.count ? TerminalText.columns(of: $0[column]) : nil }.max() ?? 0
        }
        return rows.map { row in
            let padded = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : TerminalText.padded(cell, to: widths[column])
            }
            return padded.joined(separator: "  ")
        }
    }
}
