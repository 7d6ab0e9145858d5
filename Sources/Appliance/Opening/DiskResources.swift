// What all disks of an appliance share.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CompressedSources
import DiskImages
import SystemPackage

/// The cluster cache, the threads that decode ahead, and the count of what is read.
struct DiskResources {
    let cache: ClusterCache
    let prefetcher: Prefetcher?
    /// The same for compressed files.
    let unitWorkers: UnitWorkers?
    let meter: ReadMeter
    /// Whether the threads are those of others, too, and not stopped with this appliance.
    let isShared: Bool
    /// The memory that opening the appliance may take.
    private(set) var budget: OpeningBudget
    /// The files that were opened beside the sources themselves: parents and parts of disks.
    private let openedFiles = OpenedNumbers()
    /// Whether damaged images and compressed files are read as far as they go.
    let isLenient: Bool
    /// Where indexes of compressed files are kept; nil where nobody asked for that, or it cannot be used.
    private(set) var store: IndexStore?
    /// Why the folder for them cannot be used.
    private(set) var storeProblem: String?
    private let stretches: StretchCache
    private let progress: OpeningProgress?
    private let threadCount: Int
    private let cacheFolderByteLimit: UInt64
    /// Lasts until the appliance is there.
    let phase = OpeningPhase()

    private final class OpenedNumbers: Sendable {
        let numbers = SleepingMutex<Set<FileNumber>>([])
    }

    init(_ options: ApplianceOptions) throws(ApplianceError) {
        progress = options.progress
        threadCount = options.openingThreadCount
        isLenient = options.isLenient
        cacheFolderByteLimit = options.cacheFolderByteLimit
        let shared: SharedResources
        do throws(ReadError) {
            shared = if let given = options.shared { given } else { try SharedResources(options) }
        } catch {
            throw ApplianceError(error)
        }
        isShared = options.shared != nil
        cache = shared.cache
        stretches = shared.stretches
        meter = shared.meter
        budget =
            isShared
            ? OpeningBudget(byteLimit: options.openingByteLimit, within: shared.budget) : shared.budget
        unitWorkers = shared.unitWorkers
        prefetcher = shared.prefetcher
    }

    /// The same with what is left of the memory for opening as a budget of its own, which goes back with what took it.
    var withOwnBudget: DiskResources {
        var copy = self
        copy.budget = OpeningBudget(
            byteLimit: budget.byteLimit - min(budget.byteLimit, budget.usedByteCount), within: budget)
        return copy
    }

    /// Stops the threads that decode ahead, where they are the appliance's own.
    func stopThreads() {
        guard !isShared else { return }
        prefetcher?.stop()
        unitWorkers?.stop()
    }

    /// Keeps indexes in `folder` from now on, where one is named. That it is not used is no error: what is opened can be
    /// opened without. `sources` and `package` are what nothing is written to.
    mutating func openStore(in folder: [UInt8]?, sparing sources: Set<FileNumber>, package: FilePath? = nil) {
        guard let folder else { return }
        do throws(ReadError) {
            try CacheFolder.check(FilePath(bytes: folder), sparing: sources, package: package)
            store = try IndexStore(folder: folder, byteLimit: cacheFolderByteLimit)
        } catch {
            storeProblem = "the cache folder is not used: \(error)"
        }
    }

    /// `source`, decoded where it is a compressed file by its content. A disk of `capacity` bytes says how much that may
    /// be at most.
    func decompressed(
        _ source: any ByteSource, named name: String, capacity: UInt64?
    ) throws(ReadError) -> any ByteSource {
        var context = CompressedSource.Context(
            maximumByteCount: CompressedSource.maximumByteCount(forCapacity: capacity), budget: budget,
            cache: stretches)
        context.isLenient = isLenient
        context.threadCount = threadCount
        context.progress = progress
        context.store = store
        context.phase = phase
        context.workers = unitWorkers
        return try CompressedSource.decoding(source, named: name, in: context) ?? source
    }

    func noteOpened(_ number: FileNumber) {
        openedFiles.numbers.withLock { _ = $0.insert(number) }
    }

    /// What was noted.
    var noted: Set<FileNumber> { openedFiles.numbers.withLock { $0 } }

    /// Opens the disk image in `stored`, which may be compressed and then was `decoded` already or not, and what it builds
    /// on: `declaredParents` where a descriptor names them, else out of `neighbours`. `image` is the image where several disks
    /// have it; `capacity` and `format` are what a descriptor says of it.
    /// - Throws: `ReadError.refused` where it could only be a raw disk, and they or its name say that it is none.
    func open(
        _ stored: any ByteSource, decoded: (any ByteSource)? = nil, image: SharedImage? = nil,
        named name: String, key: FileKey? = nil,
        capacity: UInt64? = nil,
        format: String? = nil, options: DiskImageOpener.Options, neighbours: (any NeighbourFiles)? = nil,
        declaredParents: [NeighbourFile] = []
    ) throws(ReadError) -> GuestDisk {
        let source =
            if let decoded { decoded } else { try decompressed(stored, named: name, capacity: capacity) }
        if CompressedSource.decodes(source),
            let inner = CompressionFormat(
                firstBytes: try source.bytes(
                    Int(min(UInt64(CompressionFormat.headByteCount), source.byteCount)), at: 0))
        {
            throw .unsupported(
                feature: "\(name) is compressed twice: what it decodes to is a file of \(inner.name); "
                    + "decompress it once")
        }
        try budget.take(ChainOpener.bytesPerImage, for: "the image \(name)")
        let layers = try ChainOpener.open(
            source, named: name, key: key, image: image, in: cache, options: options, neighbours: neighbours,
            declaredParents: declaredParents)
        if layers[0].image.format == .raw, !options.lenient {
            let claim = RawClaim(
                name: name, wasCompressed: CompressedSource.decodes(source), format: format,
                capacity: capacity, endIsUnreadable: layers[0].isRawWithoutEnd)
            if let reason = claim.refusal(ofByteCount: layers[0].image.virtualByteCount) {
                throw .refused(record: name, offset: 0, reason: reason, remedy: .lenient)
            }
        }
        return GuestDisk(layers, cache: cache, prefetcher: prefetcher)
    }

    /// A disk that has nothing of its own: what its parents have.
    func openBlank(
        byteCount: UInt64, named name: String, declaredParents: [NeighbourFile]
    ) throws(ReadError) -> GuestDisk {
        try budget.take(ChainOpener.bytesPerImage, for: "the disk \(name)")
        return GuestDisk(
            try ChainOpener.open(
                blankOf: byteCount, named: name, in: cache,
                options: .init(lenient: isLenient, budget: budget),
                declaredParents: declaredParents), cache: cache, prefetcher: prefetcher)
    }
}
