// Which places of a disk could not be read, for ddrescue and who rescues with it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The damaged places of one disk, noted by the threads that copy it.
package final class DamageMap: Sendable {
    /// Bounds the memory that a hostile disk can take: 16 bytes a place.
    package static let mostPlaces = 1_000_000
    /// Places that a new one may go on from: more than there are threads.
    private static let recentCount = 256

    private struct State {
        var places: [Range<UInt64>] = []
        var byteCount: UInt64 = 0
    }

    private let limit: Int
    private let state = SleepingMutex(State())

    package init(limit: Int = mostPlaces) {
        self.limit = limit
    }

    /// Damaged guest bytes.
    package var byteCount: UInt64 { state.withLock { $0.byteCount } }

    /// Notes guest bytes `range`, which no other thread notes.
    package func note(_ range: Range<UInt64>) throws(CopyError) {
        try state.withLock { state throws(CopyError) in
            state.byteCount += range.upperBound - range.lowerBound
            // Each thread goes on where it was, and others note theirs in between.
            let recent = state.places.indices.suffix(Self.recentCount)
            if let index = recent.last(where: { state.places[$0].upperBound == range.lowerBound }) {
                state.places[index] = state.places[index].lowerBound..<range.upperBound
                return
            }
            guard state.places.count < limit else { throw .tooManyDamages(limit: limit) }
            state.places.append(range)
        }
    }

    /// The damaged places, in the disk's order, those that touch joined.
    package var places: [Range<UInt64>] {
        let sorted = state.withLock { $0.places }.sorted { $0.lowerBound < $1.lowerBound }
        var joined: [Range<UInt64>] = []
        for place in sorted {
            if let last = joined.last, last.upperBound == place.lowerBound {
                joined[joined.count - 1] = last.lowerBound..<place.upperBound
            } else {
                joined.append(place)
            }
        }
        return joined
    }

    /// The map of a disk of `byteCount` bytes in the format of GNU ddrescue's mapfiles: each place of the copy is `+`,
    /// read, or `-`, filled with zeros. `comments` are lines for people.
    package func text(byteCount: UInt64, comments: [String]) -> [UInt8] {
        var lines = comments.map { comment in
            // A name in a comment must not begin a line of its own.
            "# " + comment.map { $0.isNewline ? " " : String($0) }.joined()
        }
        lines.append("# current_pos  current_status  current_pass")
        lines.append("\(Self.hexadecimal(byteCount))     +               1")
        lines.append("#      pos        size  status")
        var position: UInt64 = 0
        for place in places {
            lines += Self.line(position..<place.lowerBound, "+") + Self.line(place, "-")
            position = place.upperBound
        }
        lines += Self.line(position..<max(position, byteCount), "+")
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    private static func line(_ range: Range<UInt64>, _ status: String) -> [String] {
        guard !range.isEmpty else { return [] }
        let size = range.upperBound - range.lowerBound
        return ["\(hexadecimal(range.lowerBound))  \(hexadecimal(size))  \(status)"]
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16, uppercase: true)
        return "0x" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
}
