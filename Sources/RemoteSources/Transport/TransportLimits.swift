// How long a server may take.
// SPDX-License-Identifier: Apache-2.0

/// What ends a transfer that comes too slowly.
package struct TransportLimits: Sendable {
    /// So many seconds in a row without enough bytes end a transfer.
    package var silenceInSeconds = 10
    /// Fewer bytes a second are as good as none.
    package var leastBytesPerSecond = 1_024
    /// For finding the host and making the connection.
    package var connectionInSeconds = 10
    /// The head of an answer, in bytes.
    package var headByteCount = 128 << 10

    package init() {}
}
