// The live counters of a mount, as .ova/stats.json shows them.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A moment's counters.
struct Statistics: Decodable {
    let readRequests: Int
    let failedReads: Int
    let bytesServed: Int
    let clustersDecoded: Int
    let cacheHits: Int
    let waitingReads: Int
    let interruptedReads: Int
    let sourceReads: Int
    let sourceBytesRead: Int

    /// - Throws: when the file cannot be read or is no such JSON.
    init(of mount: Mount) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: mount(".ova/stats.json")))
        self = try JSONDecoder().decode(Statistics.self, from: data)
    }
}
