// Which entries of a VHDX's log count, and what they make of the file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The log of a file that was not closed.
/// Spec: [MS-VHDX], 2.3.3.
struct VHDXLog {
    private let ring: VHDXLogRing
    private let identifier: [UInt8]
    private let fileByteCount: UInt64
    private let imageName: String
    /// Keeps what the log takes while it is looked at.
    private let share: BudgetShare

    private static let unit: UInt64 = 1 << 20

    /// Reads the whole log.
    /// - Throws: `ReadError.corrupt` where its place is wrong, `ReadError.unsupported` for other versions,
    ///   `ReadError.overBudget` where there is no memory left for it.
    init(_ header: VHDXHeader, of reader: OpeningReader, budget: OpeningBudget) throws(ReadError) {
        imageName = reader.imageName
        fileByteCount = reader.byteCount
        identifier = header.logIdentifier
        guard header.logVersion == 0 else {
            throw .unsupported(
                feature: "the log of \(reader.imageName) has version \(header.logVersion); version 0 is read")
        }
        guard let range = header.logRange, range.lowerBound >= Self.unit, range.lowerBound % Self.unit == 0,
            header.logByteCount % Self.unit == 0, range.upperBound <= reader.byteCount
        else {
            throw .corrupt(
                record: "log of \(reader.imageName)", offset: header.logOffset,
                reason:
                    "it has to be replayed, and \(header.logByteCount) bytes are no place for it in a file of "
                    + "\(reader.byteCount)")
        }
        share = BudgetShare(of: budget)
        // An entry is copied to be checked.
        try share.take(2 * header.logByteCount, for: "log of \(reader.imageName)")
        try budget.takeLog(header.logByteCount, of: reader.imageName)
        ring = VHDXLogRing(
            bytes: try reader.source.bytes(Int(header.logByteCount), at: range.lowerBound),
            fileOffset: range.lowerBound)
    }

    /// The file as the log makes it.
    /// - Throws: `ReadError.corrupt` where no entries can be replayed, or the file has become shorter since.
    func replayed(warnings: inout [String], budget: OpeningBudget) throws(ReadError) -> ReplayedLog {
        guard let entries = try activeSequence(), let newest = entries.last else {
            throw .corrupt(
                record: "log of \(imageName)", offset: ring.fileOffset,
                reason: "it has to be replayed, and has no entries in order that can be")
        }
        guard newest.flushedFileByteCount <= fileByteCount else {
            throw .corrupt(
                record: "log of \(imageName)", offset: ring.fileOffset(ofSector: newest.sector),
                reason: "the file had \(newest.flushedFileByteCount) bytes, and has \(fileByteCount)")
        }
        warnings.append(
            "the disk was not closed: its log is replayed in memory, \(entries.count) "
                + (entries.count == 1 ? "entry" : "entries"))
        var writes = ReplayedLog.Writes(to: imageName, budget: budget)
        for entry in entries {
            var dataSectorCount = 0
            for index in 0..<entry.descriptorCount {
                switch entry.change(index, dataSectorsBefore: dataSectorCount, ring) {
                case .zeros(let range): try writes.add(zeros: range)
                case .page(let start, let data, let descriptor, let position):
                    dataSectorCount += 1
                    try writes.add(
                        pageAt: start, data: ring.fileOffset(ofSector: data),
                        descriptor: ring.fileOffset(ofSector: descriptor) + UInt64(position))
                case nil: preconditionFailure("an entry was found to be in order")
                }
            }
        }
        return try ReplayedLog(
            writes, ofFileOf: fileByteCount, extendedTo: max(fileByteCount, newest.lastFileByteCount))
    }

    /// The entries that count, the oldest first: those from the tail of the newest one on, of the run of entries with
    /// the highest number whose tail is one of them; nil where there is none.
    private func activeSequence() throws(ReadError) -> [VHDXLogEntry]? {
        var entries: [VHDXLogEntry] = []
        var sector = 0
        while sector < ring.sectorCount {
            guard let entry = VHDXLogEntry(at: sector, of: ring, identifier: identifier) else {
                sector += 1
                continue
            }
            try share.take(2 * UInt64(MemoryLayout<VHDXLogEntry>.stride), for: "log of \(imageName)")
            entries.append(entry)
            sector += entry.sectorCount
        }
        let following = entries.indices.map { index in
            let end = ring.sector(entries[index].sectorCount, from: entries[index].sector)
            let place = entries.partitionPoint { $0.sector < end }
            let follows =
                place < entries.count && entries[place].sector == end
                && entries[place].sequenceNumber == entries[index].sequenceNumber &+ 1
            return follows ? place : nil
        }
        return newestSequence(of: entries, following).map { $0.map { entries[$0] } }
    }

    /// The indices of the entries that count. `following` says which entry continues each one.
    private func newestSequence(of entries: [VHDXLogEntry], _ following: [Int?]) -> [Int]? {
        var isContinuation = [Bool](repeating: false, count: entries.count)
        for index in following { if let index { isContinuation[index] = true } }
        var newest: [Int]?
        for first in entries.indices where !isContinuation[first] {
            // Numbers ascend by one, so that a run comes to an end, and no entry is in two runs.
            var run = [first]
            var last = first
            while let next = following[last] {
                run.append(next)
                last = next
            }
            guard let tail = run.firstIndex(where: { entries[$0].sector == entries[last].tail }) else {
                continue
            }
            if let known = newest?.last, entries[known].sequenceNumber >= entries[last].sequenceNumber {
                continue
            }
            newest = Array(run[tail...])
        }
        return newest
    }
}
