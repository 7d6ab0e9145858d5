// What tells, at another time and in another process, whether a source is the same.
// SPDX-License-Identifier: Apache-2.0

/// Numbers that are the same where the bytes are; the bytes may be the same where they are not.
package struct VersionMark: Equatable, Sendable {
    /// Where the bytes are: the number of a file, and the place in it.
    package private(set) var place: [UInt64]
    /// What changes with them: the size of that file and its times.
    package private(set) var version: [UInt64]

    /// What stands in a place for the decoded bytes of what comes before.
    private static let decodedMark = UInt64.max

    package init(place: [UInt64], version: [UInt64]) {
        self.place = place
        self.version = version
    }

    /// The mark of a part of the source.
    package func part(from start: UInt64, byteCount: UInt64) -> VersionMark {
        VersionMark(place: place + [start, byteCount], version: version)
    }

    /// The mark of what the source decodes to.
    package var decoded: VersionMark {
        VersionMark(place: place + [Self.decodedMark], version: version)
    }
}
