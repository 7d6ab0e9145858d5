// Whether a read goes on where a reader stopped.
// SPDX-License-Identifier: Apache-2.0

/// How far from where a reader stopped a read may be that is still a read for it: several threads read for one reader, and
/// not in order. It is one rule for all who look for readers from front to back; what each does for them is its own.
package struct ReaderSlack: Sendable {
    /// In reads of the length of the one that is looked at; nil where their length does not matter.
    private let readCount: UInt64?
    private let byteLimit: UInt64

    /// So many reads, and no more than `byteLimit` bytes.
    package init(reads readCount: UInt64 = 8, atMost byteLimit: UInt64) {
        self.readCount = readCount
        self.byteLimit = byteLimit
    }

    /// So many bytes.
    package init(byteCount: UInt64) {
        readCount = nil
        byteLimit = byteCount
    }

    /// Whether a read of `count` bytes at `offset` goes on for a reader who stopped at `position`.
    package func isContinued(at position: UInt64, byReading count: UInt64, at offset: UInt64) -> Bool {
        var slack = byteLimit
        if let readCount {
            let (product, overflow) = count.multipliedReportingOverflow(by: readCount)
            slack = overflow ? byteLimit : min(byteLimit, product)
        }
        return max(offset, position) - min(offset, position) <= slack
    }

    /// The same of a read of `range`.
    package func isContinued(at position: UInt64, by range: Range<UInt64>) -> Bool {
        isContinued(at: position, byReading: range.upperBound - range.lowerBound, at: range.lowerBound)
    }

    /// How far from `position` a read of `range` starts, in bytes: the nearest of several readers goes on.
    package static func distance(from position: UInt64, to range: Range<UInt64>) -> UInt64 {
        max(range.lowerBound, position) - min(range.lowerBound, position)
    }
}
