// Choosing what a thread decodes, so that none decodes what another one is at.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension UnitSource {
    /// What a thread is to do next.
    private enum Work {
        /// Decode this unit from its start to its end, by a decoder that takes the memory.
        case whole(Int, UnitDecoding, State.Memory)
        /// Go on with this cursor, which the thread has now.
        case goOn(Int, UnitCursor)
        /// Wait until someone is done of those who were at work by now, when so many were done.
        case wait(since: UInt64)
    }

    /// What is kept of a unit that is too large for the cache when it is checked, from the wanted stretch on.
    private static let stretchesKeptOfLarge = 8
    private static let lastStretchesKeptOfLarge = 2

    /// Decodes until the stretch is there.
    func decodedStretch(_ number: Int, of unit: Int) throws(ReadError) -> DecodedStretch {
        while true {
            try PatientRead.checkCancellation()
            if let stretch = cache.stretch(key(number, of: unit)) { return stretch }
            try state.withLock { state throws(ReadError) in try state.checkDamage(of: unit, at: number) }
            // Its header is read before anything is locked: that may take as long as a disk likes.
            let decoding: UnitDecoding
            do throws(ReadError) {
                decoding = try format.decoding(of: table.units[unit], in: base, named: name)
            } catch {
                state.withLock { $0.note(error, from: 0, of: unit, for: failureSeconds) }
                throw error
            }
            switch try state.withLock({ state throws(ReadError) in
                try work(on: number, of: unit, decoding, &state)
            }) {
            case .whole(let unit, let decoding, let memory):
                if let stretch = try decodeWhole(unit, decoding, memory, keeping: number) { return stretch }
            case .goOn(let index, let cursor): return try goOn(to: number, of: unit, index, cursor)
            case .wait(let count): try waitOrHelp(unit, since: count)
            }
        }
    }

    private func work(
        on number: Int, of unit: Int, _ decoding: UnitDecoding, _ state: inout State
    ) throws(ReadError) -> Work {
        try state.checkDamage(of: unit, at: number)
        guard !state.units.contains(unit) else { return .wait(since: state.doneCount) }
        let isWhole = isKeptWhole(unit) || decoding.hasChecksum && !state.checked.contains(unit)
        if isWhole {
            guard isKeptWhole(unit) || table.units[unit].decodedByteCount <= maximumByteCount else {
                throw .tooLong("\(name), \(format.unitName) \(unit + 1)", maximumByteCount)
            }
            let pending = isKeptWhole(unit) ? table.units[unit].decodedByteCount : 0
            guard state.pendingByteCount == 0 || state.pendingByteCount + pending <= UInt64(cache.byteLimit)
            else { return .wait(since: state.doneCount) }
            guard let memory = try takeMemory(decoding.byteCount, &state) else {
                return .wait(since: state.doneCount)
            }
            state.units.insert(unit)
            state.pendingByteCount += pending
            return .whole(unit, decoding, memory)
        }
        // The one that has least to go, whether it is at work or not: its work is on the way.
        let nearest = state.cursors.filter { $0.value.unit == unit && $0.value.next <= number }
            .max { $0.value.next < $1.value.next }
        state.clock += 1
        if let nearest {
            guard let cursor = nearest.value.idle else { return .wait(since: state.doneCount) }
            state.cursors[nearest.key]?.idle = nil
            state.cursors[nearest.key]?.lastUse = state.clock
            return .goOn(nearest.key, cursor)
        }
        if state.cursors.count >= Self.maximumCursorCount {
            guard
                let oldest = state.cursors.filter({ $0.value.idle != nil })
                    .min(by: { $0.value.lastUse < $1.value.lastUse })
            else { return .wait(since: state.doneCount) }
            drop(oldest.key, &state)
        }
        guard let memory = try takeMemory(decoding.byteCount, &state) else {
            return .wait(since: state.doneCount)
        }
        let index = state.nextCursor
        state.nextCursor += 1
        state.cursors[index] = State.Cursor(
            unit: unit, next: 0, idle: nil, memory: memory, lastUse: state.clock)
        return .goOn(index, cursor(decoding, of: unit))
    }

    private func cursor(_ decoding: UnitDecoding, of unit: Int) -> UnitCursor {
        UnitCursor(
            decoding, record: "\(name), \(format.unitName) \(unit + 1)", at: storedRange(of: unit).lowerBound)
    }

    /// Decodes a unit to its end, and puts into the cache what it is to keep once all of it was found right.
    /// - Returns: The stretch `number`; nil where that is of another unit.
    @discardableResult
    func decodeWhole(
        _ unit: Int, _ decoding: UnitDecoding, _ memory: State.Memory, keeping number: Int?
    ) throws(ReadError) -> DecodedStretch? {
        let isKept = isKeptWhole(unit)
        defer {
            state.withLock { state in
                giveBack(memory, &state)
                state.units.remove(unit)
                state.doneCount += 1
                if isKept { state.pendingByteCount -= table.units[unit].decodedByteCount }
            }
            state.wake()
        }
        let step = isKept ? nil : progress?.begin(name, of: UInt64(storedRange(of: unit).count))
        defer { step?.end() }
        let kept = isKept ? 0..<Int.max : (number ?? 0)..<((number ?? 0) + Self.stretchesKeptOfLarge)
        let stretches: [(number: Int, stretch: DecodedStretch)]
        do throws(ReadError) {
            try countDecoding(of: table.units[unit].decodedByteCount)
            stretches = try decode(cursor(decoding, of: unit), of: unit, keeping: kept, step)
        } catch {
            state.withLock { $0.note(error, from: 0, of: unit, for: failureSeconds) }
            throw error
        }
        for (number, stretch) in stretches { cache.keep(stretch, as: key(number, of: unit)) }
        let checked = state.withLock { state in
            state.checked.insert(unit)
            state.noteDecoded(unit)
            return isKept ? nil : state.checked
        }
        if let checked { keeper?.note(checked) }
        guard let number else { return nil }
        return stretches.first { $0.number == number }?.stretch
    }

    /// Decodes all of a unit.
    /// - Returns: The stretches with the numbers `kept`, and the last ones: what describes an image may be at its end.
    private func decode(
        _ cursor: UnitCursor, of unit: Int, keeping kept: Range<Int>, _ step: OpeningProgress.Work?
    ) throws(ReadError) -> [(number: Int, stretch: DecodedStretch)] {
        var stretches: [(number: Int, stretch: DecodedStretch)] = []
        let spare = try DecodedStretch(byteCount: Int(DecodedStretch.byteCount))
        var number = 0
        while let length = stretchByteCount(number, of: unit) {
            let isKept =
                kept.contains(number)
                || stretchByteCount(number + Self.lastStretchesKeptOfLarge, of: unit) == nil
            let stretch = isKept ? try DecodedStretch(byteCount: length) : spare
            let before = cursor.consumedByteCount
            try fill(stretch, length, cursor)
            step?.advance(by: cursor.consumedByteCount - before)
            if isKept { stretches.append((number, stretch)) }
            number += 1
        }
        try cursor.finish()
        return stretches
    }

    /// The length of a stretch, in bytes; nil behind the last one.
    private func stretchByteCount(_ number: Int, of unit: Int) -> Int? {
        let start = UInt64(number) * DecodedStretch.byteCount
        let end = table.units[unit].decodedByteCount
        return start < end ? Int(min(DecodedStretch.byteCount, end - start)) : nil
    }

    private func fill(_ stretch: DecodedStretch, _ length: Int, _ cursor: UnitCursor) throws(ReadError) {
        // SAFETY: a stretch has at least `length` bytes, and no one else has it yet.
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: stretch.memory[..<length])
        guard try unsafe cursor.fill(room) == length else {
            throw cursor.damaged(
                "it decodes to \(cursor.decodedByteCount) bytes, and more are said of it")
        }
    }

    /// Decodes by a cursor up to a stretch, and puts all on the way into the cache.
    private func goOn(
        to number: Int, of unit: Int, _ index: Int, _ cursor: UnitCursor
    ) throws(ReadError) -> DecodedStretch {
        var next = Int(cursor.decodedByteCount / DecodedStretch.byteCount)
        var last: DecodedStretch?
        do throws(ReadError) {
            try countDecoding(of: UInt64(max(0, number + 1 - next)) * DecodedStretch.byteCount)
            while next <= number, let length = stretchByteCount(next, of: unit) {
                let stretch = try DecodedStretch(byteCount: length)
                try fill(stretch, length, cursor)
                if stretchByteCount(next + 1, of: unit) == nil { try cursor.finish() }
                cache.keep(stretch, as: key(next, of: unit))
                last = stretch
                next += 1
            }
        } catch {
            // It is in no known place.
            state.withLock { state in
                // What says at its end that it is wrong is wrong anywhere.
                state.note(
                    error, from: cursor.hasChecksum ? 0 : next, of: unit, for: failureSeconds)
                state.doneCount += 1
                drop(index, &state)
            }
            state.wake()
            throw error
        }
        state.withLock { state in
            state.doneCount += 1
            state.cursors[index]?.next = next
            state.cursors[index]?.idle = cursor
            // At the end of its unit it is of no more use.
            if stretchByteCount(next, of: unit) == nil { drop(index, &state) }
        }
        state.wake()
        guard let last else { throw cursor.damaged("stretch \(number) is behind its end") }
        return last
    }
}
