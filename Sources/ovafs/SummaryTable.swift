// A summary for people: a table of disks, and what is questionable.
// SPDX-License-Identifier: Apache-2.0

import Appliance

struct SummaryTable {
    private let summary: ApplianceSummary

    init(_ summary: ApplianceSummary) {
        self.summary = summary
    }

    var text: String {
        var lines: [String] = []
        let rows = [["DISK", "FORMAT", "VIRTUAL", "DATA", "STORED", "FILE"]] + summary.disks.map(row)
        lines += Self.aligned(rows)
        lines += summary.disks.compactMap { disk in disk.error.map { "\(disk.id): not decoded: \($0)" } }
        let warnings = summary.warnings + summary.disks.flatMap { disk in disk.warnings.map { "\(disk.id): \($0)" } }
        lines += warnings.map { "warning: \($0)" }
        return lines.map { $0 + "\n" }.joined()
    }

    private func row(_ disk: ApplianceSummary.Disk) -> [String] {
        [
            disk.id, disk.format, disk.virtualSize.map(ByteCount.text) ?? "-",
            disk.dataSize.map(ByteCount.text) ?? "-", ByteCount.text(disk.storedSize), disk.file?.text ?? "-",
        ]
    }

    /// Columns side by side, two spaces apart, left-aligned.
    private static func aligned(_ rows: [[String]]) -> [String] {
        let columnCount = rows.map(\.count).max() ?? 0
        let widths = (0..<columnCount).map { column in
            rows.compactMap { column < $0.count ? $0[column].count : nil }.max() ?? 0
        }
        return rows.map { row in
            let padded = row.enumerated().map { column, cell in
                column == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return padded.joined(separator: "  ")
        }
    }
}
