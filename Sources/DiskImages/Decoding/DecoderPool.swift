// Decoders that wait for their next use.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// Lends decoders, one a thread; there are never more than there were threads decoding at once.
final class DecoderPool: Sendable {
    private let idle = Mutex<[ClusterDecoder]>([])

    /// Calls `body` with a decoder that no one else has.
    func withDecoder<Result>(
        _ body: (ClusterDecoder) throws(ReadError) -> Result
    ) throws(ReadError) -> Result {
        let decoder: ClusterDecoder
        if let waiting = idle.withLock({ $0.popLast() }) {
            decoder = waiting
        } else {
            decoder = try ClusterDecoder()
        }
        defer {
            decoder.reset()
            idle.withLock { $0.append(decoder) }
        }
        return try body(decoder)
    }
}
