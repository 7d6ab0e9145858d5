// What a transfer tells about the way to its server.
// SPDX-License-Identifier: Apache-2.0

/// Measures of a transfer that ended.
struct TransferTimes: Sendable, Equatable {
    /// From the request to the first byte of its answer, in seconds.
    var roundTrip: Double
    /// From the first byte to the last, in seconds.
    var transfer: Double
    /// Length of the body, in bytes, as far as it came.
    var byteCount: UInt64
}
