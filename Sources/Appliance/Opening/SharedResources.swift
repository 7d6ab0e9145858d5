// What appliances that are open at the same time share.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import CompressedSources
package import DiskImages

/// One cache, one count of what is read, the threads that decode ahead, and the memory for opening, for all appliances of a
/// catalogue: none of them grows with their number. Any thread may use it.
package final class SharedResources: Sendable {
    package let cache: ClusterCache
    package let meter = ReadMeter()
    /// What all of them together may take.
    package let budget: OpeningBudget
    let stretches: StretchCache
    let prefetcher: Prefetcher?
    let unitWorkers: UnitWorkers?

    /// - Throws: `ReadError.system` where the system has no thread to give.
    package init(_ options: ApplianceOptions) throws(ReadError) {
        cache = ClusterCache(byteLimit: options.cacheByteLimit)
        stretches = StretchCache(byteLimit: options.cacheByteLimit)
        budget = OpeningBudget(byteLimit: options.openingByteLimit)
        let threadCount = options.prefetchThreadCount
        prefetcher = threadCount > 0 ? try Prefetcher(threadCount: threadCount) : nil
        unitWorkers = threadCount > 0 ? UnitWorkers(threadCount: threadCount) : nil
    }

    /// Stops the threads that decode ahead; reading still works afterwards.
    package func stop() {
        prefetcher?.stop()
        unitWorkers?.stop()
    }
}
