// Which partitions and snapshots a user means, and why one is not to be had.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage
import Partitions

extension Appliance {
    /// How a name fits a partition or a snapshot; a better one goes before the others.
    private enum Fit: Int {
        /// The path that `info` shows.
        case path
        /// A snapshot's own name.
        case name
        /// The path without `.raw`, behind the disk's identifier, or as messages show it.
        case otherPath
        /// A snapshot's identifier, or its file's name without `.raw`.
        case identifier
    }

    /// The partitions and snapshots that a user may mean by `name`: the path that `info` shows, with or without the folder of
    /// `.ova` in front, or the name of a snapshot; where nothing is called so, other ways to write these.
    package func parts(called name: [UInt8]) -> [CopySubject] {
        let partition = Self.path(name, below: ControlDirectory.partitions)
        let snapshot = Self.path(name, below: ControlDirectory.snapshots)
        var found: [Fit: [CopySubject]] = [:]
        for disk in disks {
            for part in disk.partitions?.table.partitions ?? [] {
                let number = Array(String(part.number).utf8)
                let path = (disk.partitions?.folder ?? []) + [number]
                guard let partition, let fit = Self.fit(of: partition, path, in: disk) else { continue }
                found[fit, default: []] += [CopySubject(part, of: disk, at: path)].compactMap(\.self)
            }
            for part in disk.snapshots?.snapshots ?? [] {
                let path = (disk.snapshots?.folder ?? []) + [part.fileName]
                let fits = [
                    snapshot.flatMap { Self.fit(of: $0, path, in: disk) },
                    part.name == name ? .name : nil,
                    part.identifier == name || RawName.stem(part.fileName) == name ? .identifier : nil,
                ]
                guard let fit = fits.compactMap(\.self).min(by: { $0.rawValue < $1.rawValue }) else {
                    continue
                }
                found[fit, default: []].append(CopySubject(part, of: disk, at: path))
            }
        }
        for fit in [Fit.path, .name, .otherPath, .identifier] {
            if let parts = found[fit], !parts.isEmpty { return parts }
        }
        return []
    }

    /// How `name` fits the part whose file is `path`.
    private static func fit(of name: [UInt8], _ path: [[UInt8]], in disk: ApplianceDisk) -> Fit? {
        let joined = path.joinedBySlashes
        if joined == name { return .path }
        let slash = UInt8(ascii: "/")
        let other = Array(disk.identifier.utf8) + [slash] + (path.last ?? [])
        let ways = [RawName.stem(joined), other, RawName.stem(other), Array(String(displaying: joined).utf8)]
        return ways.contains(name) ? .otherPath : nil
    }

    /// At most `limit` paths of partitions and snapshots, as `info` shows them.
    package func partLabels(atMost limit: Int) -> [String] {
        var labels: [String] = []
        for disk in disks {
            let numbers = disk.partitions?.table.partitions.map { Array(String($0.number).utf8) } ?? []
            let paths =
                numbers.map { (disk.partitions?.folder ?? []) + [$0] }
                + (disk.snapshots?.snapshots ?? []).map { (disk.snapshots?.folder ?? []) + [$0.fileName] }
            for path in paths {
                guard labels.count < limit else { return labels }
                labels.append(String(displaying: path.joinedBySlashes))
            }
        }
        return labels
    }

    /// Why a partition or a snapshot that `name` may mean is not there: its disk is not decoded, or what would list it is
    /// damaged; nil where nothing of the kind is known, or `name` means no part of such a disk.
    package func problem(ofPart name: [UInt8]) -> Problem? {
        let path =
            Self.path(name, below: ControlDirectory.partitions)
            ?? Self.path(name, below: ControlDirectory.snapshots) ?? name
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else {
            return path.isEmpty ? nil : problemOfSnapshots
        }
        guard slash + 1 < path.count else { return nil }
        let isNumber = path[(slash + 1)...].allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        let codes: [PackageWarning.Code] =
            isNumber ? [.partitionTableUnreadable, .partitionTableDamaged] : [.snapshotsNotShown]
        for disk in disks where disk.mayHoldParts(in: Array(path[..<slash])) {
            if case .unreadable(let reason, let remedy) = disk.content {
                return Problem("disk \(disk.identifier) is not decoded: \(reason)", remedy)
            }
            if let warning = disk.partWarnings.first(where: { codes.contains($0.code) }) {
                return Problem("disk \(disk.identifier): \(warning.message)", warning.remedy)
            }
        }
        return nil
    }

    /// Why snapshots are not there that a name or an identifier by itself may mean.
    private var problemOfSnapshots: Problem? {
        for disk in disks {
            if case .unreadable(let reason, let remedy) = disk.content, disk.mayKeepSnapshots {
                return Problem("disk \(disk.identifier) is not decoded: \(reason)", remedy)
            }
            if let warning = disk.partWarnings.first(where: { $0.code == .snapshotsNotShown }) {
                return Problem("disk \(disk.identifier): \(warning.message)", warning.remedy)
            }
        }
        return nil
    }

    /// `name` without `.ova/partitions/` in front, where `folder` is `partitions`; nil where it has another folder of
    /// `.ova` there.
    private static func path(_ name: [UInt8], below folder: [UInt8]) -> [UInt8]? {
        let slash = UInt8(ascii: "/")
        guard name.starts(with: ControlDirectory.name + [slash]) else { return name }
        let prefix = ControlDirectory.name + [slash] + folder + [slash]
        return name.starts(with: prefix) ? Array(name.dropFirst(prefix.count)) : nil
    }
}

extension ApplianceDisk {
    /// Whether its file begins as those of the one format that keeps snapshots do: qcow2.
    fileprivate var mayKeepSnapshots: Bool {
        (try? stored?.bytes(4, at: 0)) == Array("QFI".utf8) + [0xfb]
    }

    /// Whether `folder` is, or would be, that of its partitions or snapshots.
    fileprivate func mayHoldParts(in folder: [UInt8]) -> Bool {
        let raw = rawPath?.joinedBySlashes ?? RawName.plain(for: storedName)
        return [
            partitions?.folder.joinedBySlashes, snapshots?.folder.joinedBySlashes, raw.dropLast(4),
            Array(identifier.utf8),
        ].contains(folder)
    }
}
