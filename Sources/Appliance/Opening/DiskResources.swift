// What all disks of an appliance share.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages

/// The cluster cache, the threads that decode ahead, and the count of what is read.
struct DiskResources {
    let cache: ClusterCache
    let prefetcher: Prefetcher?
    let meter = ReadMeter()

    init(_ options: ApplianceOptions) throws(ApplianceError) {
        cache = ClusterCache(byteLimit: options.cacheByteLimit)
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

    /// Opens the disk image in `source`.
    func open(
        _ source: any ByteSource, named name: String, options: DiskImageOpener.Options
    ) throws(ReadError) -> GuestDisk {
        let number = cache.makeDiskNumber()
        let image = try DiskImageOpener.open(source, named: name, in: cache, for: number, options: options)
        return GuestDisk(image, in: source, cache: cache, number: number, prefetcher: prefetcher)
    }
}
