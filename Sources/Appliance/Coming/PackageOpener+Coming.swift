// Disks of an archive that still comes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

extension PackageOpener {
    /// The disk in `file`, to be opened when it has come; nil where it can be opened now, or nothing else says how long it is.
    mutating func coming(
        _ file: PackageFile, _ fileIndex: Int, _ reference: FileReference, named name: String,
        declaredAs disk: VirtualDisk
    ) throws(ReadError) -> ComingDisk? {
        guard package.isForeseen, disk.parentReference == nil, let byteCount = disk.capacity, byteCount > 0,
            byteCount.isMultiple(of: 512)
        else { return nil }
        let key = ComingDiskKey(fileIndex: fileIndex, byteCount: byteCount)
        if let known = comingDisks[key] { return known }
        // Many disks may name one file: it is tried once.
        if comingFiles.insert(fileIndex).inserted {
            let found = try ArrivedOnly.during { () throws(ReadError) in
                try guestDisk(in: file, fileIndex, reference, named: name, declaredAs: disk)
            }
            guard case .missing = found else {
                comingFiles.remove(fileIndex)
                return nil
            }
        }
        try resources.budget.take(Self.bytesPerComingDisk, for: "the disk \(disk.id.quotable())")
        let coming = comingDisk(in: file, reference, named: name, declaredAs: disk, byteCount: byteCount)
        comingDisks[key] = coming
        return coming
    }

    /// What is kept to open a disk later, in bytes.
    private static let bytesPerComingDisk: UInt64 = 2 << 10

    /// What it takes when it is opened is given back where it has to be tried again.
    private func comingDisk(
        in file: PackageFile, _ reference: FileReference, named name: String, declaredAs disk: VirtualDisk,
        byteCount: UInt64
    ) -> ComingDisk {
        let resources = resources
        let key = file.members.first.map { package.members[$0].storedPlace(at: $0).key }
        let beside = file.members.first.map { neighbours.neighbours(ofMember: $0) }
        let stored = file.source
        let (capacity, format, expected) = (disk.capacity, disk.format, reference.byteCount)
        return ComingDisk(
            byteCount: byteCount, format: format.flatMap { FormatHint($0).format }, in: stored, named: name
        ) { () throws(ReadError) in
            let own = resources.withOwnBudget
            return try own.open(
                stored, named: name, key: key, capacity: capacity, format: format,
                options: .init(expectedByteCount: expected ?? stored.byteCount, budget: own.budget),
                neighbours: beside)
        }
    }

    /// What is said of a disk that is opened later.
    static func warning(aboutComing disk: VirtualDisk, byteCount: UInt64) -> PackageWarning {
        PackageWarning(
            .transferIncomplete,
            "it had not come when the package was opened: its size is the descriptor's, \(byteCount) bytes, and its "
                + "partitions and snapshots are not shown", line: disk.line)
    }
}

extension ApplianceDisk {
    /// The image, where it is open.
    var guest: GuestDisk? {
        switch content {
        case .decoded(let disk): disk
        case .coming(let disk): disk.opened
        case .empty, .unreadable: nil
        }
    }

    /// What is known of the format of its image.
    var format: DiskFormat? {
        switch content {
        case .decoded(let disk): disk.image.format
        case .coming(let disk): disk.format
        case .empty, .unreadable: nil
        }
    }

    /// What is questionable about an image that was opened after it was shown.
    var laterFindings: [PackageWarning] {
        guard case .coming(let disk) = content else { return [] }
        return disk.opened?.findings ?? []
    }

    /// How much of the stored bytes has come, where they come in order and are not all there. Waits for nothing.
    var arrival: String? {
        guard let stored, stored.arrivesInOrder else { return nil }
        return Patience.usesCacheOnly.during {
            guard !stored.isAtHand(0..<stored.byteCount) else { return nil }
            // The first byte that is not there.
            var (low, high) = (UInt64(0), stored.byteCount)
            while low < high {
                let middle = low + (high - low) / 2
                if stored.isAtHand(middle..<(middle + 1)) { low = middle + 1 } else { high = middle }
            }
            return "coming: \(low) of \(stored.byteCount) stored bytes are here"
        }
    }
}
