// Tests of the table of blocks in all orders of readers and transfers: one fetch for a block, and nobody forgotten.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import RemoteSources

@Suite("Blocks on their way, in all orders")
struct BlockStatesTests {
    /// What a reader of one block is at.
    private enum Reader: CaseIterable {
        case begins
        case waits
        case reads
        case done
    }

    /// A transfer, and how many blocks it has come past.
    private struct Transfer {
        let assignment: BlockAssignment
        var position = 0
        var hasBegun = false
    }

    /// The table, and what those around it know.
    private struct System {
        var table = BlockTable(capacity: 8)
        var object = 0
        var readers: [Reader]
        /// What each reader has pinned.
        var pinned: [BlockBuffer?] = [nil, nil, nil]
        var transfers: [Transfer?]
        /// How often a transfer may break, a reader want another one, and the object change.
        var failuresLeft: Int
        var rescuesLeft: Int
        var staleLeft: Int
    }

    private let size = UInt64(BlockBuffer.byteCount)
    /// The block that each reader wants; two want the same.
    private let wanted: [UInt64] = [20, 20, 21]
    private let waiters = [BlockWaiter(), BlockWaiter(), BlockWaiter()]

    private func key(_ system: System, _ index: UInt64) -> BlockTable.Key {
        BlockTable.Key(object: system.object, index: index)
    }

    /// A table that is full of blocks that were read, so that each new one has to make room.
    private func start(transfers: Int, failures: Int = 1, rescues: Int = 1, changes: Int = 1) -> System {
        var system = System(
            readers: Array(repeating: .begins, count: wanted.count),
            transfers: Array(repeating: nil, count: transfers), failuresLeft: failures, rescuesLeft: rescues,
            staleLeft: changes)
        system.object = system.table.addObject(byteCount: 100 * size)
        _ = system.table.want(0..<8, of: system.object, isDemanded: true)
        while let assignment = system.table.assign(of: system.object, mayGoAhead: true) {
            for index in assignment.blocks {
                _ = system.table.begin(key(system, index), transfer: assignment.transfer)
                _ = system.table.finish(key(system, index), transfer: assignment.transfer)
                if let buffer = system.table.pin(key(system, index)) {
                    system.table.unpin(key(system, index), buffer)
                }
            }
        }
        return system
    }

    private func tell(_ told: [BlockWaiter], _ buffer: BlockBuffer?, _ system: inout System) {
        for (number, waiter) in waiters.enumerated() where told.contains(where: { $0 === waiter }) {
            system.readers[number] = buffer == nil ? .done : .reads
            system.pinned[number] = buffer
        }
    }

    private func moves(_ system: System) -> [StateSearch.Move<System>] {
        var moves: [StateSearch.Move<System>] = []
        func add(_ name: String, _ change: (inout System) -> Void) {
            var next = system
            change(&next)
            moves.append(StateSearch.Move(name, next))
        }
        for (number, reader) in system.readers.enumerated() {
            let key = key(system, wanted[number])
            switch reader {
            case .begins:
                add("reader \(number) asks") { system in
                    system.pinned[number] = system.table.pin(key)
                    if system.pinned[number] != nil { return system.readers[number] = .reads }
                    _ = system.table.want(key.index..<(key.index + 1), of: key.object, isDemanded: true)
                    system.readers[number] = system.table.wait(for: key, waiters[number]) ? .waits : .done
                }
            case .waits:
                add("reader \(number) gives up") { system in
                    system.table.stopWaiting(for: key, waiters[number])
                    system.readers[number] = .done
                }
                if system.rescuesLeft > 0 {
                    add("reader \(number) wants its block from another transfer") { system in
                        system.rescuesLeft -= 1
                        _ = system.table.takeFromTransfer(key)
                    }
                }
            case .reads:
                add("reader \(number) is done") { system in
                    if let buffer = system.pinned[number] { system.table.unpin(key, buffer) }
                    system.pinned[number] = nil
                    system.readers[number] = .done
                }
            case .done: break
            }
        }
        for (number, transfer) in system.transfers.enumerated() {
            guard let transfer else {
                guard system.transfers.firstIndex(where: { $0 == nil }) == number else { continue }
                var next = system
                guard let assignment = next.table.assign(of: system.object, mayGoAhead: true) else {
                    continue
                }
                next.transfers[number] = Transfer(assignment: assignment)
                moves.append(StateSearch.Move("transfer \(number) takes \(assignment.blocks)", next))
                continue
            }
            moves += self.moves(system, number, transfer)
        }
        if system.staleLeft > 0 {
            add("it is another version") { system in
                system.staleLeft -= 1
                let told = system.table.removeAll(of: system.object)
                tell(told, nil, &system)
            }
        }
        return moves
    }

    private func moves(_ system: System, _ number: Int, _ transfer: Transfer) -> [StateSearch.Move<System>] {
        let blocks = transfer.assignment.blocks
        let index = blocks.lowerBound + UInt64(transfer.position)
        let key = key(system, index)
        var moves: [StateSearch.Move<System>] = []
        func add(_ name: String, _ change: (inout System) -> Void) {
            var next = system
            change(&next)
            moves.append(StateSearch.Move("transfer \(number) \(name)", next))
        }
        if index >= blocks.upperBound {
            add("ends") { system in
                system.table.giveBack(transfer.assignment, filled: nil, keepsAhead: true)
                system.transfers[number] = nil
            }
        } else if transfer.hasBegun {
            add("has brought \(index)") { system in
                let told = system.table.finish(key, transfer: transfer.assignment.transfer)
                tell(told, transfer.assignment.buffers[transfer.position], &system)
                system.transfers[number]?.position += 1
                system.transfers[number]?.hasBegun = false
            }
        } else {
            add("comes to \(index)") { system in
                if system.table.begin(key, transfer: transfer.assignment.transfer) {
                    system.transfers[number]?.hasBegun = true
                } else {
                    system.transfers[number]?.position += 1
                }
            }
        }
        if system.failuresLeft > 0 {
            add("breaks") { system in
                system.failuresLeft -= 1
                let filled: (UInt64, Int)? = transfer.hasBegun ? (index, 100) : nil
                system.table.giveBack(transfer.assignment, filled: filled, keepsAhead: false)
                system.transfers[number] = nil
            }
        }
        return moves
    }

    /// All that tells two states apart, but for the numbers of transfers that have ended.
    private func fingerprint(_ system: System) -> [Int] {
        let live = system.transfers.map { $0?.assignment.transfer }
        var marks = [system.failuresLeft, system.rescuesLeft, system.staleLeft]
        marks += system.readers.map { Reader.allCases.firstIndex(of: $0) ?? -1 }
        for transfer in system.transfers {
            marks += [
                Int(transfer?.assignment.blocks.lowerBound ?? 0), transfer?.assignment.blocks.count ?? 0,
                transfer?.position ?? -1, transfer?.hasBegun == true ? 1 : 0,
            ]
        }
        let object = system.table.objects[system.object]
        let entries = object?.entries ?? [:]
        for index in entries.keys.sorted() {
            guard let entry = entries[index] else { continue }
            let state =
                switch entry.state {
                case .wanted: -1
                case .here: -2
                case .arriving(let transfer): live.firstIndex(of: transfer) ?? -3
                }
            let flags = [
                entry.isDemanded, entry.buffer != nil, entry.wasRead, entry.isRecent, entry.hasBegun,
                entry.isAhead,
            ]
            marks += [Int(index), state, entry.filledByteCount, entry.pinCount]
            marks.append(flags.reduce(0) { $0 * 2 + ($1 ? 1 : 0) })
            for (number, waiter) in waiters.enumerated() {
                marks.append(entry.waiters.count { $0 === waiter })
                marks.append(entry.buffer != nil && system.pinned[number] === entry.buffer ? 1 : 0)
            }
        }
        return marks + (object?.demanded ?? []).map { Int($0) } + [-9] + (object?.ahead ?? []).map { Int($0) }
    }

    private func problem(_ system: System, isLast: Bool) -> String? {
        let entries = system.table.objects[system.object]?.entries ?? [:]
        let held = entries.values.filter { $0.buffer != nil }.count
        if system.table.usedCount != held {
            return "\(system.table.usedCount) blocks are counted and \(held) held"
        }
        if system.table.aheadCount != entries.values.filter(\.isAhead).count {
            return "ahead is counted wrong"
        }
        // Beyond its bound there is only what someone waits for, reads, or gave up while it came.
        if held > system.table.capacity + Set(wanted).count { return "\(held) blocks are held" }
        for (index, entry) in entries {
            if case .arriving(let transfer) = entry.state {
                let live = system.transfers.filter { $0?.assignment.transfer == transfer }
                guard live.count == 1, live[0]?.assignment.blocks.contains(index) == true else {
                    return "no transfer brings \(index)"
                }
            }
            let count = system.pinned.count { entry.buffer != nil && $0 === entry.buffer }
            if entry.pinCount != count {
                return "\(index) is pinned \(entry.pinCount) times, and \(count) read it"
            }
            let isQueued =
                system.table.objects[system.object]?.demanded.contains(index) == true
                || system.table.objects[system.object]?.ahead.contains(index) == true
            if entry.state == .wanted, !isQueued { return "\(index) is wanted and in no queue" }
            if entry.state == .here, !entry.waiters.isEmpty { return "\(index) is here and someone waits" }
        }
        for (number, reader) in system.readers.enumerated() where reader == .waits {
            let waiting = entries[wanted[number]]?.waiters.filter { $0 === waiters[number] }.count
            if waiting != 1 { return "reader \(number) is forgotten" }
        }
        if isLast, system.readers.contains(where: { $0 != .done }) { return "a reader waits for ever" }
        if system.transfers.allSatisfy({ $0 == nil }), system.readers.contains(.waits) {
            var table = system.table
            if table.assign(of: system.object, mayGoAhead: true) == nil {
                return "nobody may bring what is waited for"
            }
        }
        return nil
    }

    @Test(
        "in every state each block comes by one transfer, memory is counted, and who waits is known",
        arguments: [[1, 1, 1, 1], [2, 1, 1, 0], [2, 0, 1, 1]])
    func states(counts: [Int]) {
        let outcome = StateSearch.explore(
            from: start(transfers: counts[0], failures: counts[1], rescues: counts[2], changes: counts[3]),
            fingerprint: fingerprint, moves: moves, problem: { problem($0, isLast: $1) })
        #expect(outcome.failure == nil && outcome.isComplete)
        #expect(outcome.stateCount > 1_000)
    }

    @Test("a reader that is left out of the table when its transfer breaks is found")
    func forgetful() {
        let outcome = StateSearch.explore(
            from: start(transfers: 1), fingerprint: fingerprint,
            moves: { system in
                moves(system).map { move in
                    var next = move.next
                    if move.name == "transfer 0 breaks" { _ = next.table.takeWaiters(of: next.object) }
                    return StateSearch.Move(move.name, next)
                }
            },
            problem: { problem($0, isLast: $1) })
        #expect(
            outcome.failure
                == "reader 0 is forgotten, after: reader 0 asks; transfer 0 takes 20..<21; transfer 0 breaks")
    }
}
