// Which disk of a mount a cached cluster belongs to.
// SPDX-License-Identifier: Apache-2.0

/// A disk's number within its cluster cache; `ClusterCache.makeDiskNumber` gives each disk its own.
package struct DiskNumber: Hashable, Sendable {
    let rawValue: UInt32
}
