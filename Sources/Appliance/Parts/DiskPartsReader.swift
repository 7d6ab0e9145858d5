// Finding the partitions and snapshots of an appliance's disks, when it is opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage
import Partitions

/// Adds to disks what is shown of them in parts. What goes wrong here is a finding, and never an error: the disks
/// themselves are not concerned. Disks times partitions is a product, which memory, decoding and findings are bounded for.
struct DiskPartsReader {
    /// What a part takes in all, in bytes: itself, its node with its attributes, and what `info` says of it.
    private static let bytesPerPart: UInt64 = 4 << 10
    /// What a disk with parents takes beside that, in bytes: the list of its layers.
    private static let bytesPerChain = 16 << 10
    private static let maximumWarningCount = 1_000
    /// Disks far away whose first bytes are asked for together.
    private static let mostPreparedDisks = 64
    /// The sector in which each partition table begins, in bytes.
    private static let firstByteCount: UInt64 = 512

    private let budget: OpeningBudget
    /// What parts may take of the memory for opening, in bytes: half of what the disks have left. The tree needs the rest.
    private var memoryLeft: UInt64
    private let allowance = TableAllowance()
    private var partitionFolders = PartFolders()
    private var snapshotFolders = PartFolders()
    /// What was found on each disk: many disks of an appliance may be one image.
    private var tables: [ObjectIdentifier: Result<PartitionTable?, ReadError>] = [:]
    /// The same of the files that disks are read from.
    private var otherFiles: [ObjectIdentifier: (files: [OtherFile], partByteCount: UInt64)] = [:]
    private var warningCount = 0
    private var loss: ReadError?
    /// What one of those takes beside its name, in bytes: here and in `info`.
    private static let bytesPerFile: UInt64 = 256

    /// `disks`, with their partitions and snapshots; and why those could not be read now, which is no finding.
    static func addingParts(
        to disks: [ApplianceDisk], budget: OpeningBudget
    ) -> (disks: [ApplianceDisk], loss: ReadError?) {
        var reader = DiskPartsReader(budget)
        for disk in disks.lazy.compactMap(\.farDisk).prefix(Self.mostPreparedDisks) {
            disk.prepare(0..<Self.firstByteCount)
        }
        let whole = disks.map { reader.addingParts(to: $0) }
        return (whole, reader.loss)
    }

    init(_ budget: OpeningBudget) {
        self.budget = budget
        memoryLeft = (budget.byteLimit - min(budget.byteLimit, budget.usedByteCount)) / 2
    }

    private mutating func addingParts(to disk: ApplianceDisk) -> ApplianceDisk {
        guard case .decoded(let guest) = disk.content, let rawPath = disk.rawPath else { return disk }
        var disk = disk
        addPartitions(of: guest, rawPath, to: &disk)
        addSnapshots(of: guest, rawPath, to: &disk)
        addFiles(of: guest, to: &disk)
        return disk
    }

    private mutating func addFiles(of guest: GuestDisk, to disk: inout ApplianceDisk) {
        guard guest.isLayered else { return }
        let known = otherFiles[ObjectIdentifier(guest)] ?? (guest.otherFiles, guest.partByteCount)
        otherFiles[ObjectIdentifier(guest)] = known
        let (total, overflow) = disk.storedByteCount.addingReportingOverflow(known.partByteCount)
        disk.storedByteCount = overflow ? .max : total
        do throws(ReadError) {
            let byteCount = known.files.reduce(0) { $0 + Self.bytesPerFile + 4 * UInt64($1.name.utf8.count) }
            try take(0, extra: byteCount, for: "the list of \(known.files.count) files")
            disk.files = known.files
        } catch {
            let text = "the \(known.files.count) other files that it is read from are not listed: \(error)"
            add(PackageWarning(.more, text, remedy: error.remedy), to: &disk)
        }
    }

    private mutating func addPartitions(
        of guest: GuestDisk, _ rawPath: [[UInt8]], to disk: inout ApplianceDisk
    ) {
        do throws(ReadError) {
            guard let table = try table(of: guest) else { return }
            try take(
                table.partitions.count, extra: Self.byteCount(ofFolder: rawPath),
                for: "the \(table.partitions.count) partitions")
            // An empty folder is not shown, and takes no name.
            let files = table.partitions.map { Array(String($0.number).utf8) }
            let folder = files.isEmpty ? [] : partitionFolders.take(rawPath, holding: files)
            disk.partitions = DiskPartitions(table: table, folder: folder)
            for warning in table.warnings {
                add(PackageWarning(warning.kind.code, "partition table: \(warning.text)"), to: &disk)
            }
        } catch {
            if error.endsOpening(sharing: budget.isHeldByOthers) { loss = loss ?? error }
            guard !error.isWouldWait else {
                let text =
                    "its partitions are not shown: their table had not come when it was opened"
                return add(PackageWarning(.transferIncomplete, text), to: &disk)
            }
            add(
                PackageWarning(
                    .partitionTableUnreadable, "partition table: \(error)", remedy: error.remedy), to: &disk)
        }
    }

    private mutating func table(of guest: GuestDisk) throws(ReadError) -> PartitionTable? {
        if let known = tables[ObjectIdentifier(guest)] { return try known.get() }
        let sectorByteCount = guest.image.sectorByteCount.flatMap { UInt64(exactly: $0) }
        do throws(ReadError) {
            let table = try PartitionTable.read(
                from: BoundedDisk(guest, within: allowance), sectorByteCount: sectorByteCount)
            tables[ObjectIdentifier(guest)] = .success(table)
            return table
        } catch {
            tables[ObjectIdentifier(guest)] = .failure(error)
            throw error
        }
    }

    private mutating func addSnapshots(
        of guest: GuestDisk, _ rawPath: [[UInt8]], to disk: inout ApplianceDisk
    ) {
        let states = guest.image.snapshots
        guard !states.isEmpty else { return }
        do throws(ReadError) {
            let textByteCount = states.reduce(0) { $0 + $1.name.count + $1.identifier.count }
            let bytesPerDisk = guest.image.parent == nil ? 0 : Self.bytesPerChain
            try take(
                states.count,
                extra: UInt64(4 * textByteCount + states.count * bytesPerDisk)
                    + Self.byteCount(ofFolder: rawPath),
                for: "the \(states.count) snapshots")
        } catch {
            if error.endsOpening(sharing: budget.isHeldByOthers) { loss = loss ?? error }
            add(PackageWarning(.snapshotsNotShown, "snapshots: \(error)", remedy: error.remedy), to: &disk)
            return
        }
        var names = SnapshotNames()
        let snapshots = states.map { state in
            DiskSnapshots.Snapshot(
                name: state.name, identifier: state.identifier, creationTime: state.creationTime,
                fileName: names.fileName(for: state.name), disk: guest.disk(of: state))
        }
        disk.snapshots = DiskSnapshots(
            snapshots: snapshots, folder: snapshotFolders.take(rawPath, holding: snapshots.map(\.fileName)))
    }

    /// What the path of a disk's folder takes where it is kept: here, in the tree and in `info`.
    private static func byteCount(ofFolder path: [[UInt8]]) -> UInt64 {
        4 * path.reduce(0) { $0 + UInt64($1.count) + 16 }
    }

    /// Takes the memory for `count` parts.
    private mutating func take(
        _ count: Int, extra: UInt64 = 0, for purpose: String
    ) throws(ReadError) {
        let byteCount = UInt64(count) * Self.bytesPerPart + extra
        guard byteCount <= memoryLeft else {
            throw .overBudget(purpose: purpose, byteCount: byteCount, byteLimit: budget.byteLimit)
        }
        try budget.take(byteCount, for: purpose)
        memoryLeft -= byteCount
    }

    private mutating func add(_ warning: PackageWarning, to disk: inout ApplianceDisk) {
        warningCount += 1
        if warningCount <= Self.maximumWarningCount {
            disk.partWarnings.append(warning)
        } else if warningCount == Self.maximumWarningCount + 1 {
            disk.partWarnings.append(
                PackageWarning(.more, "further findings about partitions are not listed"))
        }
    }
}

extension PartitionWarning.Kind {
    fileprivate var code: PackageWarning.Code {
        switch self {
        case .damaged: .partitionTableDamaged
        case .hybrid: .partitionTableHybrid
        case .outside: .partitionOutside
        case .overlap: .partitionOverlap
        }
    }
}

extension ApplianceDisk {
    /// The decoded disk, where it comes from far away.
    fileprivate var farDisk: GuestDisk? {
        guard case .decoded(let guest) = content, !guest.isNear else { return nil }
        return guest
    }
}
