// What all disks of an appliance share.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CompressedSources
import DiskImages

/// The cluster cache, the threads that decode ahead, and the count of what is read.
struct DiskResources {
    let cache: ClusterCache
    let prefetcher: Prefetcher?
    let meter = ReadMeter()
    /// The memory that opening the appliance may take.
    let budget: OpeningBudget
    /// Whether damaged images and compressed files are read as far as they go.
    let isLenient: Bool

    /// What an open image takes beside its tables, in bytes: a decoder with its buffers, and the positions of readers.
    private static let bytesPerImage: UInt64 = 128 << 10

    init(_ options: ApplianceOptions) throws(ApplianceError) {
        cache = ClusterCache(byteLimit: options.cacheByteLimit)
        isLenient = options.isLenient
        budget = OpeningBudget(byteLimit: options.openingByteLimit)
        guard options.prefetchThreadCount > 0 else {
            prefetcher = nil
            return
        }
        do throws(ReadError) {
            prefetcher = try Prefetcher(threadCount: options.prefetchThreadCount)
        } catch {
            throw ApplianceError(error)
        }
    }

    /// `source`, decoded where it is a gzip file by its content. A disk of `capacity` bytes says how much that may
    /// be at most.
    func decompressed(
        _ source: any ByteSource, named name: String, capacity: UInt64?
    ) throws(ReadError) -> any ByteSource {
        guard GzipSource.isGzip(firstBytes: try source.bytes(Int(min(3, source.byteCount)), at: 0)) else {
            return source
        }
        let limit = GzipSource.maximumByteCount(forCapacity: capacity)
        return try GzipSource(
            decoding: source, maximumByteCount: limit, named: name, lenient: isLenient, budget: budget)
    }

    /// Opens the disk image in `stored`, which may be compressed with gzip. `capacity` and `format` are what a descriptor
    /// says of it.
    /// - Throws: `ReadError.refused` where it could only be a raw disk, and they or its name say that it is none.
    func open(
        _ stored: any ByteSource, named name: String, capacity: UInt64? = nil, format: String? = nil,
        options: DiskImageOpener.Options
    ) throws(ReadError) -> GuestDisk {
        let source = try decompressed(stored, named: name, capacity: capacity)
        try budget.take(Self.bytesPerImage, for: "the image \(name)")
        let number = cache.makeDiskNumber()
        let image = try DiskImageOpener.open(source, named: name, in: cache, for: number, options: options)
        if image.format == .raw, !options.lenient {
            let claim = RawClaim(
                name: name, wasCompressed: source is GzipSource, format: format, capacity: capacity)
            if let reason = claim.refusal(ofByteCount: image.virtualByteCount) {
                throw .refused(record: name, offset: 0, reason: reason, remedy: .lenient)
            }
        }
        return GuestDisk(image, in: source, cache: cache, number: number, prefetcher: prefetcher)
    }
}
