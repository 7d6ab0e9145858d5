// What tells, at another time and in another process, whether a source is the same.
// SPDX-License-Identifier: Apache-2.0

/// Numbers that are the same where the bytes are; the bytes may be the same where they are not.
package struct VersionMark: Equatable, Sendable {
    /// Where the bytes are: the number of a file, and the place in it.
    package private(set) var place: [UInt64]
    /// What changes with them: the size of that file and its times.
    package private(set) var version: [UInt64]
    /// When they changed last, in seconds since 1970; nil where a change always shows.
    package private(set) var changeTime: Double?

    /// What stands in a place for the decoded bytes of what comes before.
    private static let decodedMark = UInt64.max

    package init(place: [UInt64], version: [UInt64], changeTime: Double? = nil) {
        self.place = place
        self.version = version
        self.changeTime = changeTime
    }

    /// The mark of a part of the source.
    package func part(from start: UInt64, byteCount: UInt64) -> VersionMark {
        VersionMark(place: place + [start, byteCount], version: version, changeTime: changeTime)
    }

    /// The mark of what the source decodes to.
    package var decoded: VersionMark {
        VersionMark(place: place + [Self.decodedMark], version: version, changeTime: changeTime)
    }
}
