// What a part of the search for data or a hole came to.
// SPDX-License-Identifier: Apache-2.0

/// The answer of `ByteSource.searchStep`, which takes well under a millisecond: who searches a large map looks between two
/// steps whether anyone still wants the answer.
package enum RegionSearch: Sendable, Equatable {
    /// The first byte of the region.
    case found(at: UInt64)
    /// There is none in the range.
    case absent
    /// There is none before this byte; the search goes on there.
    case unfinished(at: UInt64)

    /// Extents that one step looks at.
    package static let extentsPerStep = 1_024
}
