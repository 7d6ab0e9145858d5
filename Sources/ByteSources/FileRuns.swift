// The hole and the stretch of data of a file that were found last.
// SPDX-License-Identifier: Apache-2.0

/// What is known of where a file has holes. To find the end of a stretch of data, some file systems go through all of
/// it; who copies a disk in pieces would have them do so for each piece.
struct FileRuns {
    private var data: Range<UInt64> = 0..<0
    private var hole: Range<UInt64> = 0..<0

    /// Where `region` next is from `start` on, as far as is known; nil where the file has to be asked. The end of the
    /// file stands for nowhere.
    func firstOffset(of region: Region, from start: UInt64) -> UInt64? {
        let (inside, outside) = region == .data ? (data, hole) : (hole, data)
        if inside.contains(start) { return start }
        return outside.contains(start) ? outside.upperBound : nil
    }

    /// Takes in that from `start` on, `region` was found at `found` and no earlier.
    mutating func note(_ region: Region, foundAt found: UInt64, askedFrom start: UInt64) {
        guard found > start else { return }
        switch region {
        case .data: hole = start..<found
        case .hole: data = start..<found
        }
    }
}
