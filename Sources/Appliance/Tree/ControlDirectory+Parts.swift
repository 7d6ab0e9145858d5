// The partitions and the snapshots of disks, as files of their own.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import FileTree
import Partitions

extension ControlDirectory {
    static let partitions = Array("partitions".utf8)
    static let snapshots = Array("snapshots".utf8)

    /// `partitions/<disk>/<number>`: exactly the bytes of each partition.
    func addPartitions(to builder: inout FileTreeBuilder) {
        // Many partitions may be looked at with one `ls -l`.
        let time = CountingTime()
        for disk in appliance.disks {
            guard let partitions = disk.partitions, let source = disk.source else { continue }
            let folder = [Self.name, Self.partitions] + partitions.folder
            for partition in partitions.table.partitions {
                let number = String(partition.number)
                // The table has cut it to the disk.
                guard
                    let part = try? SubrangeSource(
                        of: source, from: partition.offset, byteCount: partition.byteCount,
                        named: "partition \(number)")
                else { continue }
                let allocation = PartAllocation(of: part, within: time)
                let met = MetDamage()
                var attributes = Attributes(modificationTime: disk.modificationTime) { () throws(ReadError) in
                    try allocation.count()
                }
                attributes.isCountedElsewhere = true
                attributes.noteError = { error in
                    met.note(error)
                    disk.metDamage.note(error)
                }
                attributes.placeOfError = { error, range in
                    let (start, startOverflow) = range.lowerBound.addingReportingOverflow(partition.offset)
                    let (end, endOverflow) = range.upperBound.addingReportingOverflow(partition.offset)
                    return startOverflow || endOverflow ? nil : disk.place(of: error, in: start..<end)
                }
                builder.add(
                    .file(part), at: folder + [Array(number.utf8)], attributes: attributes,
                    extendedAttributes: Self.extendedAttributes(
                        of: partition, in: partitions.table
                    ) { met.words(with: disk.metDamage) })
            }
        }
    }

    private static func extendedAttributes(
        of partition: Partition, in table: PartitionTable, met: @escaping @Sendable () -> String?
    ) -> [ExtendedAttribute] {
        let sectorByteCount = table.sectorByteCount
        let scheme = table.scheme
        var attributes = [
            ExtendedAttribute("user.ova.partition-table") { scheme.rawValue },
            ExtendedAttribute("user.ova.partition-type") { partition.type.description },
            ExtendedAttribute("user.ova.partition-start") { String(partition.offset) },
            ExtendedAttribute("user.ova.sector-size") { String(sectorByteCount) },
            ExtendedAttribute("user.ova.state") {
                let cut =
                    partition.isCutShort
                    ? "the disk ends \(partition.declaredByteCount - partition.byteCount) bytes before it does"
                    : nil
                let known = [cut, met()].compactMap(\.self)
                return known.isEmpty ? "ok" : known.joined(separator: "; ")
            },
        ]
        if !partition.name.isEmpty {
            attributes.append(ExtendedAttribute("user.ova.partition-name") { partition.name })
        }
        if !partition.identifier.isEmpty {
            attributes.append(ExtendedAttribute("user.ova.partition-uuid") { partition.identifier })
        }
        return attributes
    }

    /// `snapshots/<disk>/<name>.raw`: the disk as it was.
    func addSnapshots(to builder: inout FileTreeBuilder) {
        for disk in appliance.disks {
            guard let snapshots = disk.snapshots else { continue }
            let folder = [Self.name, Self.snapshots] + snapshots.folder
            for snapshot in snapshots.snapshots {
                var attributes = Attributes(modificationTime: snapshot.creationTime) { () throws(ReadError) in
                    try snapshot.disk.countAllocatedBytes()
                }
                attributes.isCountedElsewhere = true
                let met = MetDamage()
                attributes.noteError = { error in
                    met.note(error)
                    disk.metDamage.noteChange(error)
                }
                builder.add(
                    .file(snapshot.disk), at: folder + [snapshot.fileName], attributes: attributes,
                    extendedAttributes: Self.extendedAttributes(of: snapshot) {
                        met.words(with: disk.metDamage)
                    })
            }
        }
    }

    private static func extendedAttributes(
        of snapshot: DiskSnapshots.Snapshot, met: @escaping @Sendable () -> String?
    ) -> [ExtendedAttribute] {
        [
            ExtendedAttribute("user.ova.snapshot-name") { String(decoding: snapshot.name, as: UTF8.self) },
            ExtendedAttribute("user.ova.snapshot-id") {
                snapshot.identifier.isEmpty ? nil : String(decoding: snapshot.identifier, as: UTF8.self)
            },
            ExtendedAttribute("user.ova.snapshot-time") { String(snapshot.creationTime) },
            ExtendedAttribute("user.ova.format") { snapshot.disk.image.format.rawValue },
            ExtendedAttribute("user.ova.virtual-size") { String(snapshot.virtualByteCount) },
            ExtendedAttribute("user.ova.state") { met() ?? "ok" },
        ]
    }
}
