// Decoded stretches of compressed files, kept within a bound of bytes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Synchronization

/// What was decoded lately of all compressed files of an appliance; what was not used for longest goes first. Any thread
/// may use it.
package final class StretchCache: Sendable {
    struct Key: Hashable {
        let file: UInt32
        let unit: Int
        let number: Int
    }

    private struct Entry {
        let stretch: DecodedStretch
        var lastUse: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var clock: UInt64 = 0
        var byteCount = 0
    }

    /// The most bytes that are kept.
    let byteLimit: Int
    private let state = SleepingMutex(State())
    private let nextFile = Atomic<UInt32>(0)

    /// What stands around a stretch, in bytes.
    private static let entryByteCount = 256

    package init(byteLimit: Int) {
        self.byteLimit = byteLimit
    }

    /// Bytes that are kept now.
    package var byteCount: Int { state.withLock { $0.byteCount } }

    func makeFileNumber() -> UInt32 { nextFile.add(1, ordering: .relaxed).oldValue }

    func stretch(_ key: Key) -> DecodedStretch? {
        state.withLock { state in
            state.clock += 1
            guard let index = state.entries.index(forKey: key) else { return nil }
            state.entries.values[index].lastUse = state.clock
            return state.entries.values[index].stretch
        }
    }

    func holds(_ key: Key) -> Bool { state.withLock { $0.entries[key] != nil } }

    /// Has a stretch go before all others.
    func release(_ key: Key) {
        state.withLock { state in
            guard let index = state.entries.index(forKey: key) else { return }
            state.entries.values[index].lastUse = 0
        }
    }

    func keep(_ stretch: DecodedStretch, as key: Key) {
        state.withLock { state in
            state.clock += 1
            let old = state.entries.updateValue(Entry(stretch: stretch, lastUse: state.clock), forKey: key)
            state.byteCount += stretch.count + Self.entryByteCount
            if let old { state.byteCount -= old.stretch.count + Self.entryByteCount }
            if state.byteCount > byteLimit { makeRoom(in: &state, for: key) }
        }
    }

    /// Takes what was not used for longest out, an eighth of all at once: the entries are looked over once for many. What
    /// was added last stays, however large it is.
    private func makeRoom(in state: inout State, for newest: Key) {
        let wanted = byteLimit - byteLimit / 8
        let uses = state.entries.map { ($0.key, $0.value.lastUse) }.sorted { $0.1 < $1.1 }
        for (key, _) in uses where state.byteCount > wanted && key != newest {
            guard let entry = state.entries.removeValue(forKey: key) else { continue }
            state.byteCount -= entry.stretch.count + Self.entryByteCount
        }
    }

    /// Forgets what belongs to a file that is closed.
    func forget(file: UInt32) {
        state.withLock { state in
            for key in state.entries.keys where key.file == file {
                guard let entry = state.entries.removeValue(forKey: key) else { continue }
                state.byteCount -= entry.stretch.count + Self.entryByteCount
            }
        }
    }
}
