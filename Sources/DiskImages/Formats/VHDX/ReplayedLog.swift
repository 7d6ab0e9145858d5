// What the log of a file writes into it, without writing it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Stretches of a file that its log replaces: pages that lie in the log, and zeros of any length. Pages stay in the file.
struct ReplayedLog: Sendable {
    /// A stretch that the log writes last, in bytes of the file.
    private struct Stretch: Sendable {
        let start: UInt64
        var end: UInt64
        /// Nil for zeros.
        let page: Page?
    }

    /// Where the bytes of a page of 4 KiB are, in bytes of the file.
    fileprivate struct Page: Sendable {
        /// The page, but for its first 8 and last 4 bytes.
        let data: UInt64
        /// Has those.
        let descriptor: UInt64
    }

    /// What a stretch of the file is.
    struct Piece: Equatable {
        /// In bytes of the file as the log makes it.
        let range: Range<UInt64>
        /// Where its first byte is in the file as it is; nil for zeros.
        let storedOffset: UInt64?
    }

    /// Ascending, without overlaps.
    private let stretches: [Stretch]
    /// Length of the file as it is, in bytes.
    private let fileByteCount: UInt64
    /// Length of the file as the log makes it: what is added is zeros.
    let byteCount: UInt64
    /// Keeps what the stretches take.
    private let share: BudgetShare

    /// Writes in the order in which they are made.
    struct Writes {
        fileprivate struct Write {
            let range: Range<UInt64>
            let page: Page?
        }

        fileprivate let name: String
        fileprivate let budget: OpeningBudget
        private let share: BudgetShare
        fileprivate var list: [Write] = []
        private static let batch = 1_024
        /// What a write takes in a growing array, in bytes, and what finding out which are the last ones takes beside it:
        /// its range, where that starts and ends in four arrays, the writers between those, and two stretches.
        private static let writeByteCount: UInt64 = 2 * 40 + 16 + 4 * 16 + 3 * 16 + 4 * 40

        /// Writes to the file that errors call `name`.
        init(to name: String, budget: OpeningBudget) {
            self.name = name
            self.budget = budget
            share = BudgetShare(of: budget)
        }

        mutating func add(zeros range: Range<UInt64>) throws(ReadError) {
            if !range.isEmpty { try add(Write(range: range, page: nil)) }
        }

        /// A page for byte `start` of the file, whose end is below 2^64.
        mutating func add(pageAt start: UInt64, data: UInt64, descriptor: UInt64) throws(ReadError) {
            try add(
                Write(
                    range: start..<(start + UInt64(VHDXLogRing.sectorByteCount)),
                    page: Page(data: data, descriptor: descriptor)))
        }

        private mutating func add(_ write: Write) throws(ReadError) {
            if list.count % Self.batch == 0 {
                try share.take(UInt64(Self.batch) * Self.writeByteCount, for: "writes of the log of \(name)")
            }
            list.append(write)
        }
    }

    /// What `writes` make of a file that has `fileByteCount` bytes and is to have `byteCount`, which is no less.
    init(_ writes: Writes, ofFileOf fileByteCount: UInt64, extendedTo byteCount: UInt64) throws(ReadError) {
        self.fileByteCount = fileByteCount
        self.byteCount = byteCount
        share = BudgetShare(of: writes.budget)
        // What lies behind the file's end is no one's.
        let ranges = writes.list.map { $0.range.clamped(to: 0..<byteCount) }
        let cuts = Self.cuts(ranges)
        var stretches: [Stretch] = []
        // Between two cuts, each write writes all or nothing; the last one counts.
        for (index, writer) in Self.lastWriters(ranges, cuts).enumerated() {
            guard let writer else { continue }
            let page = writes.list[writer].page
            if page == nil, let last = stretches.indices.last, stretches[last].page == nil,
                stretches[last].end == cuts[index]
            {
                stretches[last].end = cuts[index + 1]
            } else {
                stretches.append(Stretch(start: cuts[index], end: cuts[index + 1], page: page))
            }
        }
        try share.take(
            2 * UInt64(stretches.count * MemoryLayout<Stretch>.stride), for: "log of \(writes.name)")
        self.stretches = stretches
    }

    /// Where a range starts or ends, ascending, each once.
    private static func cuts(_ ranges: [Range<UInt64>]) -> [UInt64] {
        var cuts: [UInt64] = []
        for range in ranges where !range.isEmpty {
            cuts.append(range.lowerBound)
            cuts.append(range.upperBound)
        }
        var result: [UInt64] = []
        for cut in cuts.radixSorted() where cut != result.last { result.append(cut) }
        return result
    }

    /// For each stretch between two cuts the last of `ranges` that covers it; in a time that grows with the count alone.
    private static func lastWriters(_ ranges: [Range<UInt64>], _ cuts: [UInt64]) -> [Int?] {
        var writers = [Int?](repeating: nil, count: max(0, cuts.count - 1))
        // The next stretch without a writer, from each one on, as far as is known.
        var next = Array(0...writers.count)
        func firstFree(from index: Int) -> Int {
            var free = index
            while next[free] != free { free = next[free] }
            var index = index
            while next[index] != free { (next[index], index) = (free, next[index]) }
            return free
        }
        for (number, range) in ranges.enumerated().reversed() where !range.isEmpty {
            let end = cuts.partitionPoint { $0 < range.upperBound }
            var index = firstFree(from: cuts.partitionPoint { $0 < range.lowerBound })
            while index < end {
                writers[index] = number
                next[index] = index + 1
                index = firstFree(from: index + 1)
            }
        }
        return writers
    }

    /// The stretch that holds byte `position`, which is below `byteCount`.
    func piece(containing position: UInt64) -> Piece {
        let after = stretches.partitionPoint { $0.start <= position }
        if after > 0, position < stretches[after - 1].end {
            return Self.piece(of: stretches[after - 1], containing: position)
        }
        let start = after > 0 ? stretches[after - 1].end : 0
        let end = after < stretches.count ? stretches[after].start : byteCount
        guard position < fileByteCount else {
            return Piece(range: max(start, fileByteCount)..<end, storedOffset: nil)
        }
        return Piece(range: start..<min(end, fileByteCount), storedOffset: start)
    }

    private static func piece(of stretch: Stretch, containing position: UInt64) -> Piece {
        guard let page = stretch.page else {
            return Piece(range: stretch.start..<stretch.end, storedOffset: nil)
        }
        // Signatures stand in place of the first and the last bytes, which the descriptor has.
        let inPage = position - stretch.start
        let (part, stored): (Range<UInt64>, UInt64) =
            if inPage < 8 {
                (0..<8, page.descriptor + 8)
            } else if inPage < 4_092 {
                (8..<4_092, page.data + 8)
            } else {
                (4_092..<4_096, page.descriptor + 4)
            }
        return Piece(
            range: (stretch.start + part.lowerBound)..<min(stretch.start + part.upperBound, stretch.end),
            storedOffset: stored)
    }
}
