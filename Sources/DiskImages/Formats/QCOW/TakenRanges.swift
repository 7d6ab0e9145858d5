// Stretches of a file that are taken.
// SPDX-License-Identifier: Apache-2.0

/// Ranges of bytes, in order and without overlap, for asking whether another one touches any of them.
struct TakenRanges: Sendable {
    private var ranges: [Range<UInt64>] = []

    /// What an element takes, in bytes.
    static let elementByteCount: UInt64 = 16

    init(_ taken: [Range<UInt64>]) {
        for range in taken.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = ranges.last, range.lowerBound <= last.upperBound {
                ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
    }

    func overlaps(_ range: Range<UInt64>) -> Bool {
        guard !ranges.isEmpty else { return false }
        let next = ranges.partitionPoint { $0.lowerBound < range.upperBound }
        return next > 0 && ranges[next - 1].upperBound > range.lowerBound
    }
}

extension [Range<UInt64>] {
    /// The first index whose element is not `isBefore`; those that are come first.
    fileprivate func partitionPoint(_ isBefore: (Range<UInt64>) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
