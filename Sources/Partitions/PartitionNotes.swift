// What is questionable about a partition table, bounded: a hostile table has thousands of wrong entries.
// SPDX-License-Identifier: Apache-2.0

/// Warnings about one table, of which only the first of each kind are kept.
struct PartitionNotes {
    private var kept: [PartitionWarning] = []
    private var counts: [PartitionWarning.Kind: Int] = [:]

    /// Most warnings of one kind.
    static let maximumCount = 10

    /// The warnings, and for each kind that has more, how many were left out.
    var warnings: [PartitionWarning] {
        let omitted = [PartitionWarning.Kind.damaged, .hybrid, .outside, .overlap].compactMap { kind in
            let count = counts[kind, default: 0] - Self.maximumCount
            return count > 0 ? PartitionWarning(kind: kind, text: "and \(count) more like that") : nil
        }
        return kept + omitted
    }

    mutating func add(_ kind: PartitionWarning.Kind, _ text: @autoclosure () -> String) {
        counts[kind, default: 0] += 1
        guard counts[kind, default: 0] <= Self.maximumCount else { return }
        kept.append(PartitionWarning(kind: kind, text: text()))
    }

    mutating func add(_ absence: Partition.Absence, ofPartition number: Int) {
        switch absence {
        case .empty: add(.outside, "partition \(number) is empty: it is not shown")
        case .behindTheEnd:
            add(.outside, "partition \(number) starts behind the end of the disk: it is not shown")
        }
    }

    /// Takes note of partitions that are cut short, and of neighbours that share bytes.
    mutating func add(about partitions: [Partition]) {
        for partition in partitions where partition.isCutShort {
            add(
                .outside,
                "partition \(partition.number) ends \(partition.declaredByteCount - partition.byteCount) bytes "
                    + "behind the end of the disk: it is shown as far as the disk goes")
        }
        var last: Partition?
        for partition in partitions.sorted(by: { ($0.offset, $0.number) < ($1.offset, $1.number) }) {
            if let last, partition.offset < last.end {
                add(.overlap, "partitions \(last.number) and \(partition.number) overlap")
            }
            if last.map({ $0.end < partition.end }) ?? true { last = partition }
        }
    }
}
