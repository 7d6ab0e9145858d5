// What a thread does that would wait for another one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension UnitSource {
    /// How many units ahead of the one that is waited for a thread looks for something to do.
    private static let farthestAhead = 32

    /// Decodes one of the units that follow, where the file is read from front to back; else waits until someone is
    /// done. So readers that go through a file together decode on as many cores as there are of them.
    func waitOrHelp(_ unit: Int, since count: UInt64) throws(ReadError) {
        // Where there are threads for that, more of them would only be in each other's way.
        guard workers == nil, let next = state.withLock({ nextUnit(behind: unit, $0) }) else {
            return try wait(since: count)
        }
        let decoding: UnitDecoding
        do throws(ReadError) {
            decoding = try format.decoding(of: table.units[next], in: base, named: name)
        } catch {
            return try wait(since: count)
        }
        let memory = state.withLock { state -> State.Memory? in
            guard nextUnit(behind: unit, state) == next else { return nil }
            let pending = isKeptWhole(next) ? table.units[next].decodedByteCount : 0
            guard let memory = (try? takeMemory(decoding.byteCount, &state)) ?? nil else { return nil }
            state.units.insert(next)
            state.pendingByteCount += pending
            return memory
        }
        guard let memory else { return try wait(since: count) }
        do throws(ReadError) {
            try decodeWhole(next, decoding, memory, keeping: nil)
        } catch {
            // Whoever reads there is told.
            guard error.isAboutTheReader else { return }
            throw error
        }
    }

    /// The unit to decode ahead of those who read `unit`; nil where there is none, or the file is not read forwards.
    private func nextUnit(behind unit: Int, _ state: State) -> Int? {
        guard state.units.contains(unit), unit == 0 || state.recent.contains(unit - 1) else { return nil }
        var next = unit + 1
        while next < table.units.count, next <= unit + Self.farthestAhead {
            let isThere = isKeptWhole(next) ? cache.holds(key(0, of: next)) : state.checked.contains(next)
            if !isThere, !state.units.contains(next) { break }
            next += 1
        }
        guard next < table.units.count, next <= unit + Self.farthestAhead, state.damages[next] == nil else {
            return nil
        }
        guard isKeptWhole(next) else { return next }
        let pending = state.pendingByteCount + table.units[next].decodedByteCount
        // What was decoded ahead must still be there when its readers come.
        let ahead = (unit + 1..<next).reduce(pending) { $0 + table.units[$1].decodedByteCount }
        return ahead <= UInt64(cache.byteLimit) * 3 / 4 ? next : nil
    }

    /// Waits until one more is done than `count`.
    private func wait(since count: UInt64) throws(ReadError) {
        try PatientRead.checkCancellation()
        // Who waits looks now and then whether anyone still waits for it.
        let deadline = MonotonicClock.now + 0.2
        PatientRead.blocking {
            state.withLock(waitingWhile: { $0.doneCount == count }, until: deadline) { _ in }
        }
    }
}
