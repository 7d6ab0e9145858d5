// Who is at which unit, and which decoders wait in the middle of one.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

extension UnitSource {
    /// What a thread has to know to choose its work; behind a lock that no one holds while decoding.
    struct State: Sendable {
        /// A decoder inside of a large unit.
        struct Cursor: Sendable {
            let unit: Int
            /// The stretch that it decodes next.
            var next: Int
            /// Nil while a thread has it.
            var idle: UnitCursor?
            let memory: Memory
            var lastUse: UInt64
        }

        /// Damage in a unit: from this stretch on.
        struct Damage: Sendable {
            let first: Int
            let error: ReadError
            /// When it is to be tried again, in seconds of the monotonic clock; nil for never.
            let end: Double?
        }

        /// The memory of a decoder: what was set aside at open, or a number of bytes that were taken since.
        enum Memory: Sendable {
            case reserved
            case taken(UInt64)
        }

        var checked: CheckedUnits
        var damages: [Int: Damage] = [:]
        /// Units that a thread decodes from their start to their end.
        var units: Set<Int> = []
        /// What such threads will put into the cache, in bytes.
        var pendingByteCount: UInt64 = 0
        var cursors: [Int: Cursor] = [:]
        var nextCursor = 0
        var clock: UInt64 = 0
        /// How often someone was done: who waits, waits for a change of it.
        var doneCount: UInt64 = 0
        var reservedByteCount: UInt64 = 0
        var isReserveInUse = false
        /// Those who read the file lately, and how many threads decode ahead of them or are asked to.
        var readers = FileReaders()
        var aheadCount = 0
        /// Units that were decoded lately, the last one at the end.
        var recent: [Int] = []

        init(checked: CheckedUnits) {
            self.checked = checked
        }

        /// Whether someone decodes, and so will give memory back.
        var isAnyoneAtWork: Bool { !units.isEmpty || cursors.values.contains { $0.idle == nil } }

        mutating func noteDecoded(_ unit: Int) {
            recent.append(unit)
            if recent.count > 64 { recent.removeFirst(32) }
        }

        /// Remembers that a unit is damaged or, for some seconds, that the medium could not read it: who tries each
        /// place of it would else decode it from its start, and wait for the same sector, each time. What else goes
        /// wrong says nothing about the bytes.
        mutating func note(_ error: ReadError, from first: Int, of unit: Int, for seconds: Double) {
            let end: Double?
            switch error {
            case .corrupt: end = nil
            case .system(_, EIO): end = MonotonicClock.now + seconds
            default: return
            }
            if damages.count >= Self.mostDamages, damages[unit] == nil, let some = damages.keys.first {
                // It is found again.
                damages[some] = nil
            }
            damages[unit] = Damage(first: min(first, damages[unit]?.first ?? first), error: error, end: end)
        }

        /// - Throws: what is known to be wrong with the unit from before this stretch on.
        mutating func checkDamage(of unit: Int, at number: Int) throws(ReadError) {
            guard let damage = damages[unit] else { return }
            if let end = damage.end, MonotonicClock.now >= end {
                damages[unit] = nil
            } else if number >= damage.first {
                throw damage.error
            }
        }

        private static let mostDamages = 1_024
    }

    /// Most cursors that are kept.
    static let maximumCursorCount = 8

    /// Takes the memory of a decoder; `nil` where others have to be done first.
    /// - Throws: `ReadError.overBudget` where no one is at work whose memory could be waited for.
    func takeMemory(_ byteCount: UInt64, _ state: inout State) throws(ReadError) -> State.Memory? {
        while true {
            if !state.isReserveInUse, byteCount <= state.reservedByteCount {
                state.isReserveInUse = true
                return .reserved
            }
            // Decoders beyond the first leave room for others who open something.
            let isModest = byteCount <= share.freeByteCount / 2
            if isModest, (try? share.take(byteCount, for: "a decoder of \(name)")) != nil {
                return .taken(byteCount)
            }
            if let oldest = state.cursors.filter({ $0.value.idle != nil }).min(by: {
                $0.value.lastUse < $1.value.lastUse
            }) {
                drop(oldest.key, &state)
                continue
            }
            guard !state.isAnyoneAtWork else { return nil }
            try share.take(byteCount, for: "a decoder of \(name)")
            return .taken(byteCount)
        }
    }

    func giveBack(_ memory: State.Memory, _ state: inout State) {
        switch memory {
        case .reserved: state.isReserveInUse = false
        case .taken(let byteCount): share.giveBack(byteCount)
        }
    }

    /// Ends a cursor.
    func drop(_ number: Int, _ state: inout State) {
        guard let cursor = state.cursors.removeValue(forKey: number) else { return }
        giveBack(cursor.memory, &state)
    }
}
