// A streamOptimized disk whose directory has not come yet.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// A stream that is read while it comes, and whose directory is at its end. Until that is there, grains are found by their
/// markers, and zeros by the tables behind the grains; what neither says is waited for. Once the end has come, the image is
/// what it would have been if it had been opened then, unless that contradicts what was served before: then all of it is
/// damaged. Why it is so: docs/decisions/0106-grains-before-their-directory.md.
final class ArrivingStream: DiskImage {
    /// What the image is opened from, twice.
    struct Opening: Sendable {
        let header: SparseExtentHeader
        let descriptor: VMDKDescriptor?
        let reader: OpeningReader
        let warnings: [String]
        let tables: TableCache
        let options: DiskImageOpener.Options
    }

    /// The image with its end.
    final class Whole: Sendable {
        /// Or why it is damaged as a whole.
        let image: Result<any DiskImage, ReadError>

        init(_ image: Result<any DiskImage, ReadError>) {
            self.image = image
        }
    }

    /// Tables that came before their directory have indices of their own in the cache: the directory may name others.
    private static let firstArrivedTable: UInt64 = 1 << 63

    let format = DiskFormat.vmdkStreamOptimized
    let virtualByteCount: UInt64
    let clusterByteCount: Int
    let adapterType: String?
    let parent: ParentReference?
    let identity: ImageIdentity?

    let opening: Opening
    let grainByteCount: UInt64
    let entriesPerTable: UInt64
    let markers: ArrivedMarkers
    /// Keeps the memory for the directory until it comes.
    private let reserved: BudgetShare
    let whole = AtomicLazyReference<Whole>()
    private let completing = LoadingLock()
    /// Used by the holder of `completing` only.
    private let comparison = SleepingMutex<ArrivedComparison?>(nil)

    var source: any ByteSource { opening.reader.source }

    /// Whether an image is opened in this way: it says that its directory is at its end, its grains say where they belong,
    /// and its bytes come in order and have not all come.
    static func suits(_ header: SparseExtentHeader, _ reader: OpeningReader) -> Bool {
        header.directoryOffset == SparseExtentHeader.directoryIsInFooter
            && header.isCompressed && header.flags.contains(.markers)
            && header.grainCount - 1 <= UInt64(UInt32.max)
            && GrainDirectory.isReadable(of: header, in: reader)
            && reader.source.arrivesInOrder && !hasEnd(reader)
    }

    static func hasEnd(_ reader: OpeningReader) -> Bool {
        reader.source.isAtHand((reader.byteCount - min(1, reader.byteCount))..<reader.byteCount)
    }

    /// - Throws: `ReadError.overBudget` where there is no memory for the directory that is to come.
    init(_ opening: Opening) throws(ReadError) {
        let header = opening.header
        self.opening = opening
        virtualByteCount = header.virtualByteCount
        clusterByteCount = header.grainByteCount
        adapterType = opening.descriptor?.adapterType
        parent = try opening.descriptor?.parent(of: opening.reader.imageName)
        identity = opening.descriptor?.identity
        grainByteCount = UInt64(header.grainByteCount)
        entriesPerTable = UInt64(header.entriesPerTable)
        markers = ArrivedMarkers(header, opening.reader, opening.options.budget)
        reserved = BudgetShare(of: opening.options.budget)
        try reserved.take(
            header.tableCount, times: 4, for: "grain directory of \(opening.reader.imageName)")
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        if let whole = whole.load() { return try extent(containing: offset, of: whole) }
        try GuestOffset.check(offset, below: virtualByteCount, of: opening.reader.imageName)
        let number = offset / grainByteCount
        if !Self.hasEnd(opening.reader), let extent = try knownExtent(ofGrain: number) { return extent }
        while true {
            if Self.hasEnd(opening.reader) { return try extent(containing: offset, of: try complete()) }
            try PatientRead.checkCancellation()
            let progress = try markers.advance()
            if let extent = try knownExtent(ofGrain: number) { return extent }
            let lacking: Range<UInt64>
            switch progress {
            case .advanced: lacking = 0..<0
            case .lacks(let range): lacking = range
            case .ended: lacking = (source.byteCount - 1)..<source.byteCount
            }
            guard Patience.current == .waits else { throw .wouldWait }
            if !lacking.isEmpty { _ = try source.bytes(lacking.count, at: lacking.lowerBound) }
        }
    }

    private func extent(containing offset: UInt64, of whole: Whole) throws(ReadError) -> Extent {
        switch whole.image {
        case .success(let image): return try image.extent(containing: offset)
        case .failure(let error):
            try GuestOffset.check(offset, below: virtualByteCount, of: opening.reader.imageName)
            return Extent(guestOffset: 0, byteCount: virtualByteCount, storage: .damaged(error))
        }
    }

    /// What the markers and tables that came say of grain `number`; nil where that is nothing.
    func knownExtent(ofGrain number: UInt64) throws(ReadError) -> Extent? {
        switch markers.lookUp(number) {
        case .unknown: return nil
        case .grain(let sector, let limit):
            let cluster = CompressedCluster(
                markedGrain: number, atSector: sector, storedByteCountLimit: Int(clamping: limit),
                opening.header)
            return extent(fromGrain: number, to: number + 1, .compressed(cluster))
        case .table(let sector): return try zeros(atGrain: number, ofTableAt: sector)
        }
    }

    /// The grains from `number` on that the table at `sector` calls zeros, or absent.
    private func zeros(atGrain number: UInt64, ofTableAt sector: UInt32) throws(ReadError) -> Extent? {
        let table = number / entriesPerTable
        let first = table * entriesPerTable
        let count = min(entriesPerTable, opening.header.grainCount - first)
        return try opening.tables.withTable(
            Self.firstArrivedTable + table, byteCount: Int(count) * 4, at: UInt64(sector) * 512
        ) { entries in
            let entry = entries.littleEndian(UInt32.self, at: Int(number - first) * 4)
            guard entry <= VMDKSparseExtent.lastZeroEntry else { return nil }
            var end = number + 1
            while end < first + count, entries.littleEndian(UInt32.self, at: Int(end - first) * 4) == entry {
                end += 1
            }
            return extent(
                fromGrain: number, to: end, entry == VMDKSparseExtent.absentEntry ? .absent : .zeros)
        }
    }

    private func extent(fromGrain first: UInt64, to end: UInt64, _ storage: Extent.Storage) -> Extent {
        let start = first * grainByteCount
        // Less than a grain beyond the disk, which has fewer than 2^63 bytes.
        return Extent(
            guestOffset: start, byteCount: min(end * grainByteCount, virtualByteCount) - start,
            storage: storage)
    }

    /// The image with its end, which has come.
    /// - Throws: what says nothing of the image's bytes: the next caller tries again. `ReadError.wouldWait` where this thread
    ///   may not wait.
    func complete() throws(ReadError) -> Whole {
        if let whole = whole.load() { return whole }
        guard Patience.current == .waits else { throw .wouldWait }
        try completing.acquire()
        defer { completing.release() }
        if let whole = whole.load() { return whole }
        return whole.storeIfNil(Whole(try opened()))
    }

    private func opened() throws(ReadError) -> Result<any DiskImage, ReadError> {
        var comparison: ArrivedComparison
        if let begun = self.comparison.withLock({ $0 }) {
            comparison = begun
        } else {
            reserved.giveBack(reserved.takenByteCount)
            do throws(ReadError) {
                comparison = ArrivedComparison(
                    with: try VMDKSparseExtent.openWhole(opening), named: opening.reader.imageName,
                    grainByteCount: grainByteCount)
            } catch {
                guard error.isOfTheWholeImage else { throw error }
                _ = markers.close()
                return .failure(error)
            }
        }
        if let found = markers.close() { comparison.add(found) }
        do throws(ReadError) {
            let contradiction = try comparison.finish()
            self.comparison.withLock { $0 = nil }
            return contradiction.map { .failure($0) } ?? .success(comparison.image)
        } catch {
            self.comparison.withLock { $0 = comparison }
            throw error
        }
    }
}

extension ReadError {
    /// Whether the image will never be read: it is damaged, or not read here.
    fileprivate var isOfTheWholeImage: Bool {
        switch self {
        case .corrupt, .refused, .unsupported: true
        case .system, .stale, .remote, .overBudget: false
        }
    }
}
