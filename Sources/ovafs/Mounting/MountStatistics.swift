// The live counters of a mount, as `.ova/stats.json` shows them.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import DiskImages
import FuseServer
import RemoteSources

/// A moment's view of the counters; every number only grows, except `cachedBytes` and `waitingReads`. The JSON is described in
/// docs/INFO.md.
struct MountStatistics: Codable {
    /// The version of this schema.
    private(set) var version = 1
    let readRequests: UInt64
    let failedReads: UInt64
    let bytesServed: UInt64
    let waitingReads: UInt64
    let readsThatWaited: UInt64
    let interruptedReads: UInt64
    let clustersDecoded: UInt64
    let clustersDecodedAhead: UInt64
    let cacheHits: UInt64
    let cachedBytes: UInt64
    let sourceReads: UInt64
    let sourceBytesRead: UInt64
    /// Requests to servers, the bytes that they brought, and those that were sent again.
    let remoteRequests: UInt64
    let remoteBytesFetched: UInt64
    let remoteRetries: UInt64
    /// What transfers of whole files bring in all, and what has come of them.
    let transferBytes: UInt64
    let transferBytesHere: UInt64
    /// From a request to its answer, in milliseconds, and what a connection brings, in bytes a second, as they usually are.
    let remoteRoundTrip: Double
    let remoteRate: Double
    /// What the server has given up.
    let sandbox: Sandbox

    init(of appliance: Appliance, served: ServerStatistics, remote: RemoteMeter, sandbox: Sandbox) {
        self.init(
            cache: appliance.cache, source: appliance.sourceMeter, served: served, remote: remote,
            sandbox: sandbox)
    }

    init(
        cache: ClusterCache, source: ReadMeter, served: ServerStatistics, remote: RemoteMeter,
        sandbox: Sandbox
    ) {
        self.sandbox = sandbox
        readRequests = served.readRequests
        failedReads = served.failedReads
        bytesServed = served.bytesServed
        waitingReads = served.waitingReads
        readsThatWaited = served.readsThatWaited
        interruptedReads = served.interruptedReads
        clustersDecoded = cache.statistics.clustersDecoded
        clustersDecodedAhead = cache.statistics.clustersDecodedAhead
        cacheHits = cache.statistics.cacheHits
        cachedBytes = UInt64(cache.byteCount)
        sourceReads = source.readCount
        sourceBytesRead = source.byteCount
        remoteRequests = remote.requestCount
        remoteBytesFetched = remote.byteCount
        remoteRetries = remote.retryCount
        transferBytes = remote.transferByteCount
        transferBytesHere = remote.arrivedByteCount
        remoteRoundTrip = (remote.roundTrip * 1_000_000).rounded() / 1_000
        remoteRate = remote.rate.rounded()
    }

    func json() -> [UInt8] {
        JSONText.encode(self)
    }
}
