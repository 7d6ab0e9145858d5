// Decoding units before they are asked for, where a file is read from front to back.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension UnitSource {
    /// How many units ahead of a reader are looked at.
    private static let farthestAhead = 256
    /// At most so many times what a reader has read is decoded ahead of it.
    private static let mostPerRead: UInt64 = 4

    /// What may be decoded and not read yet, in bytes: a part of the cache, so that it is still there when it is wanted.
    private var aheadByteLimit: UInt64 { UInt64(cache.byteLimit) / 8 * 7 }

    /// Takes note of a read that begins, and has what follows decoded where it is one of many in a row.
    func noteRead(_ range: Range<UInt64>) {
        guard let workers, table.units.count > 1 else { return }
        let isWanted = state.withLock { state in
            guard let reader = state.readers.note(range), reader.isSequential else { return false }
            release(behind: reader, &state)
            guard state.aheadCount < workers.threadCount, unitAhead(state) != nil else { return false }
            state.aheadCount += 1
            return true
        }
        guard isWanted, !workers.offer(self) else { return }
        state.withLock { $0.aheadCount -= 1 }
    }

    /// What a thread of `workers` does: decodes one unit after the other, as long as there is one to decode.
    func decodeAhead() {
        defer { state.withLock { $0.aheadCount -= 1 } }
        while let unit = state.withLock({ unitAhead($0) }) {
            do throws(ReadError) {
                try PatientRead.checkCancellation()
                guard try decodeAhead(unit) else { return }
            } catch {
                // Whoever reads there is told of damage; else a further read tries again.
                state.withLock { $0.note(error, from: 0, of: unit, for: failureSeconds) }
                guard error.isOfTheBytes else { return }
            }
        }
    }

    /// - Returns: Whether there may be more to do: not where there is no memory for a decoder.
    private func decodeAhead(_ unit: Int) throws(ReadError) -> Bool {
        let decoding = try format.decoding(of: table.units[unit], in: base, named: name)
        let memory: State.Memory? = try state.withLock { state throws(ReadError) in
            // Another thread may have been faster.
            guard unitAhead(state) == unit else { return nil }
            let memory = try takeMemory(decoding.byteCount, &state)
            guard let memory else { return nil }
            state.units.insert(unit)
            state.pendingByteCount += table.units[unit].decodedByteCount
            return memory
        }
        guard let memory else { return state.withLock { unitAhead($0) != unit } }
        try decodeWhole(unit, decoding, memory, keeping: nil)
        return true
    }

    /// The unit to decode next for those who read from front to back; nil where there is none, or no room for one.
    private func unitAhead(_ state: State) -> Int? {
        for reader in state.readers.readers.reversed() where reader.isSequential {
            guard reader.end < byteCount else { continue }
            let unit = table.index(containing: reader.end)
            let done = reader.end - table.starts[unit]
            // What is left of the unit that is being read has to stay, too; whoever reads it has it decoded.
            var byteCount = done > 0 && isKeptWhole(unit) ? table.units[unit].decodedByteCount - done : 0
            let limit = min(aheadByteLimit, byteCount + reader.run.multipliedSaturated(by: Self.mostPerRead))
            let first = done > 0 ? unit + 1 : unit
            for next in first..<min(table.units.count, first + Self.farthestAhead) {
                guard isKeptWhole(next) else { break }
                byteCount += table.units[next].decodedByteCount
                guard byteCount <= limit else { break }
                if !state.units.contains(next), state.damages[next] == nil, !cache.holds(key(0, of: next)) {
                    return next
                }
            }
        }
        return nil
    }

    /// Has what a reader has passed leave the cache before anything else does, where no one else reads there.
    private func release(behind reader: FileReaders.Reader, _ state: inout State) {
        let end = reader.end - min(reader.end, FileReaders.slack)
        var position = reader.releasedEnd
        while position < end {
            let unit = table.index(containing: position)
            let start = table.starts[unit]
            let number = (position - start) / DecodedStretch.byteCount
            let stretchEnd = min(
                start + (number + 1) * DecodedStretch.byteCount, start + table.units[unit].decodedByteCount)
            guard stretchEnd <= end else { break }
            let isShared = state.readers.readers.dropLast().contains {
                start..<stretchEnd ~= $0.end && $0.isSequential
            }
            if !isShared { cache.release(key(Int(number), of: unit)) }
            position = stretchEnd
        }
        state.readers.release(upTo: position)
    }
}

extension UInt64 {
    fileprivate func multipliedSaturated(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max / 2 : product
    }
}
