// From the entries of a second-level table to extents.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension QCOWImage {
    /// Entries that one extent joins at most; it ends where a multiple of them does.
    private static let windowEntryCount = 256

    /// The extent of guest byte `offset`, whose entry is number `index` of the slice that `bytes` is. Called for each
    /// read: it allocates only where it has to report damage.
    ///
    /// Spec: QEMU, docs/interop/qcow2, "Cluster mapping".
    func extent(
        ofEntry index: Int, in slice: QCOWTableSlice, _ bytes: RawSpan, containing offset: UInt64
    ) -> Extent {
        let meaning = entry(index, bytes)
        switch meaning {
        case .absent, .zeros:
            let limit = windowEnd(index, bytes)
            var end = index + 1
            while end < limit, entry(end, bytes) == meaning { end += 1 }
            return clipped(slice.guestRange(index..<end), meaning == .absent ? .absent : .zeros)
        case .stored(let start):
            return stored(index, in: slice, bytes, at: start, containing: offset)
        case .compressed(let start, let byteCountLimit):
            return compressed(index, in: slice, at: start, byteCountLimit)
        case .subclusters(let start, let stored, let zeros):
            return subclusters(
                index, in: slice, at: start, stored: stored, zeros: zeros, containing: offset)
        case .invalid(let reason):
            return damaged(index, in: slice, reason.rawValue)
        }
    }

    /// Guest bytes that the entries of `bytes` do not call zeros or absent.
    func storedByteCount(in slice: QCOWTableSlice, _ bytes: RawSpan) -> UInt64 {
        var sum: UInt64 = 0
        for index in 0..<(bytes.byteCount >> Int(geometry.entryBits)) {
            let range = slice.guestRange(index..<(index + 1))
            guard range.lowerBound < virtualByteCount else { break }
            let room = min(range.upperBound, virtualByteCount) - range.lowerBound
            switch entry(index, bytes) {
            case .absent, .zeros: break
            case .subclusters(_, let stored, _):
                sum += min(room, UInt64(stored.nonzeroBitCount) << (geometry.clusterBits - 5))
            case .stored, .compressed, .invalid: sum += room
            }
        }
        return sum
    }

    private func word(_ index: Int, _ bytes: RawSpan) -> UInt64 {
        bytes.bigEndianEntry(geometry.encoding == .extended ? 2 * index : index)
    }

    private func bitmap(_ index: Int, _ bytes: RawSpan) -> UInt64 {
        geometry.encoding == .extended ? bytes.bigEndianEntry(2 * index + 1) : 0
    }

    func entry(_ index: Int, _ bytes: RawSpan) -> QCOWEntry {
        QCOWEntry(word(index, bytes), bitmap: bitmap(index, bytes), geometry)
    }

    private func windowEnd(_ index: Int, _ bytes: RawSpan) -> Int {
        min(
            bytes.byteCount >> Int(geometry.entryBits),
            (index / Self.windowEntryCount + 1) * Self.windowEntryCount)
    }

    /// Clusters that follow each other on the disk and in the file.
    private func stored(
        _ index: Int, in slice: QCOWTableSlice, _ bytes: RawSpan, at start: UInt64,
        containing offset: UInt64
    ) -> Extent {
        let cluster = geometry.clusterByteCount
        // Places have up to 56 bits; a cluster that the file does not have whole is not joined to others.
        let wholeEnd = min(file.byteCount, QCOWEntry.placeMask)
        let limit = windowEnd(index, bytes)
        var end = index + 1
        var next = start + cluster
        while end < limit, next <= wholeEnd, cluster <= wholeEnd - next, isStored(end, bytes, at: next) {
            end += 1
            next += cluster
        }
        if end > index + 1, file.dataRules.problem(at: start, byteCount: next - start) == nil {
            return clipped(slice.guestRange(index..<end), .stored(at: start))
        }
        if let damage = damage(at: start, index, in: slice) { return damage }
        return stored(slice.guestRange(index..<(index + 1)), at: start, index, in: slice, containing: offset)
    }

    /// Whether entry `index` is that of a whole cluster at byte `start`, said in the usual way.
    private func isStored(_ index: Int, _ bytes: RawSpan, at start: UInt64) -> Bool {
        let word = word(index, bytes)
        switch geometry.encoding {
        case .version1: return word == start
        case .version2, .version3: return word & ~QCOWEntry.isUnshared == start
        case .extended:
            return word & ~QCOWEntry.isUnshared == start && bitmap(index, bytes) == UInt64(UInt32.max)
        }
    }

    /// The damage of a cluster at byte `start` where none can be; nil where one can.
    private func damage(at start: UInt64, _ index: Int, in slice: QCOWTableSlice) -> Extent? {
        let present = min(geometry.clusterByteCount, file.available(from: start))
        guard present > 0 else {
            return damaged(
                index, in: slice, "it names byte \(start), and the file ends at byte \(file.byteCount)")
        }
        return file.dataRules.problem(at: start, byteCount: present).map {
            damaged(index, in: slice, "it names byte \(start): \($0.text(of: "cluster"))")
        }
    }

    /// Guest bytes `range`, stored from byte `start` on, as far as the file has them.
    private func stored(
        _ range: Range<UInt64>, at start: UInt64, _ index: Int, in slice: QCOWTableSlice,
        containing offset: UInt64
    ) -> Extent {
        let end = min(range.upperBound, virtualByteCount)
        let present = file.available(from: start)
        guard end - range.lowerBound > present else { return clipped(range, .stored(at: start)) }
        let missing = range.lowerBound + present
        guard offset >= missing else { return clipped(range.lowerBound..<missing, .stored(at: start)) }
        return clipped(
            missing..<end,
            .damaged(
                error(
                    index, in: slice,
                    "the file ends at byte \(file.byteCount), inside of the cluster at byte \(start)")))
    }

    private func compressed(
        _ index: Int, in slice: QCOWTableSlice, at start: UInt64, _ byteCountLimit: UInt64
    ) -> Extent {
        // The last sector may be cut by the end of the file.
        let present = min(byteCountLimit, file.available(from: start))
        guard present > 0 else {
            return damaged(
                index, in: slice, "it names byte \(start), and the file ends at byte \(file.byteCount)")
        }
        // A cluster of the file that has a part of compressed data has nothing else.
        if let problem = file.dataRules.problem(at: start, byteCount: present) {
            return damaged(index, in: slice, "it names byte \(start): \(problem.text(of: "cluster"))")
        }
        let range = slice.guestRange(index..<(index + 1))
        return clipped(
            range,
            .compressed(
                CompressedCluster(
                    index: range.lowerBound >> geometry.clusterBits, storedOffset: start,
                    storedByteCountLimit: Int(present), decodedByteCount: Int(geometry.clusterByteCount),
                    neededByteCount: Int(geometry.clusterByteCount), framing: geometry.compression)))
    }

    /// The run of subclusters around `offset` that are stored alike.
    private func subclusters(
        _ index: Int, in slice: QCOWTableSlice, at start: UInt64, stored: UInt32, zeros: UInt32,
        containing offset: UInt64
    ) -> Extent {
        func state(_ bit: UInt32) -> UInt32 { stored >> bit & 1 | (zeros >> bit & 1) << 1 }
        let cluster = slice.guestRange(index..<(index + 1)).lowerBound
        let shift = geometry.clusterBits - 5
        let bit = UInt32(truncatingIfNeeded: (offset - cluster) >> shift)
        let own = state(bit)
        var first = bit
        while first > 0, state(first - 1) == own { first -= 1 }
        var end = bit + 1
        while end < 32, state(end) == own { end += 1 }
        let range = (cluster + UInt64(first) << shift)..<(cluster + UInt64(end) << shift)
        guard own == 1 else { return clipped(range, own == 0 ? .absent : .zeros) }
        // Damage of the place is damage of what is stored there alone.
        let part = start + UInt64(first) << shift
        let present = min(range.upperBound - range.lowerBound, file.available(from: part))
        if present > 0, let problem = file.dataRules.problem(at: part, byteCount: present) {
            return clipped(
                range,
                .damaged(error(index, in: slice, "it names byte \(start): \(problem.text(of: "cluster"))")))
        }
        return self.stored(range, at: part, index, in: slice, containing: offset)
    }

    private func damaged(_ index: Int, in slice: QCOWTableSlice, _ reason: String) -> Extent {
        clipped(slice.guestRange(index..<(index + 1)), .damaged(error(index, in: slice, reason)))
    }

    private func error(_ index: Int, in slice: QCOWTableSlice, _ reason: String) -> ReadError {
        .corrupt(
            record: "second-level table of \(file.imageName)",
            offset: slice.offset + UInt64(index) << geometry.entryBits,
            reason:
                "the entry of the cluster at guest byte \(slice.guestRange(index..<(index + 1)).lowerBound): \(reason)"
        )
    }
}
