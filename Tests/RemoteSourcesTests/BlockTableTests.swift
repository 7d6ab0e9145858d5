// Tests of the table of blocks: what is wanted, arriving and here, and its memory.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteSources

@Suite("The table of blocks")
struct BlockTableTests {
    private static let size = UInt64(BlockBuffer.byteCount)

    private static func key(_ object: Int, _ index: UInt64) -> BlockTable.Key {
        BlockTable.Key(object: object, index: index)
    }

    /// Brings all that is wanted.
    fileprivate static func bring(_ table: TableBox, _ object: Int) -> [Range<UInt64>] {
        var ranges: [Range<UInt64>] = []
        while let assignment = table.assign(of: object, mayGoAhead: true) {
            ranges.append(assignment.blocks)
            for index in assignment.blocks {
                #expect(table.begin(key(object, index), transfer: assignment.transfer))
                _ = table.finish(key(object, index), transfer: assignment.transfer)
            }
            table.giveBack(assignment, filled: nil, keepsAhead: true)
        }
        return ranges
    }

    @Test("what is here or on its way is not asked for again")
    func once() {
        let table = TableBox(capacity: 100)
        let object = table.addObject(byteCount: 50 * Self.size)
        #expect(table.want(3..<6, of: object, isDemanded: true))
        let first = table.assign(of: object, mayGoAhead: true)
        #expect(first?.blocks == 3..<6)
        let isWantedAgain = table.want(3..<6, of: object, isDemanded: true)
        #expect(!isWantedAgain)
        #expect(table.assign(of: object, mayGoAhead: true) == nil)
        _ = table.want(5..<8, of: object, isDemanded: true)
        #expect(table.assign(of: object, mayGoAhead: true)?.blocks == 6..<8)
    }

    @Test("a block of the end has the rest, and there is none behind it")
    func end() {
        let table = TableBox(capacity: 100)
        let object = table.addObject(byteCount: Self.size + 10)
        #expect(table.byteCount(of: Self.key(object, 0)) == Int(Self.size))
        #expect(table.byteCount(of: Self.key(object, 1)) == 10)
        #expect(table.byteCount(of: Self.key(object, 2)) == 0)
        #expect(table.byteCount(of: Self.key(object, .max)) == 0)
        #expect(table.want(0..<10, of: object, isDemanded: true))
        #expect(Self.bring(table, object) == [0..<2])
    }

    @Test("memory is not exceeded, and what was read goes before what was not")
    func memory() {
        let table = TableBox(capacity: 16)
        let object = table.addObject(byteCount: 1_000 * Self.size)
        for index in UInt64(0)..<16 {
            _ = table.want(index..<(index + 1), of: object, isDemanded: true)
            _ = Self.bring(table, object)
            if index % 2 == 0, table.pin(Self.key(object, index)) != nil {
                table.unpin(Self.key(object, index))
            }
        }
        #expect(table.usedCount == 16)
        for index in UInt64(100)..<108 {
            _ = table.want(index..<(index + 1), of: object, isDemanded: true)
            _ = Self.bring(table, object)
            #expect(table.usedCount == 16)
        }
        for index in UInt64(0)..<16 {
            #expect((table.pin(Self.key(object, index)) != nil) == (index % 2 == 1), "block \(index)")
        }
    }

    @Test("pinned blocks stay; who waits gets memory all the same, and others do not")
    func pinned() {
        let table = TableBox(capacity: 8)
        let object = table.addObject(byteCount: 1_000 * Self.size)
        _ = table.want(0..<8, of: object, isDemanded: true)
        _ = Self.bring(table, object)
        for index in UInt64(0)..<8 { #expect(table.pin(Self.key(object, index)) != nil) }
        _ = table.want(20..<24, of: object, isDemanded: true)
        #expect(table.assign(of: object, mayGoAhead: true) == nil)
        let waiter = BlockWaiter()
        #expect(table.wait(for: Self.key(object, 20), waiter))
        let assignment = table.assign(of: object, mayGoAhead: true)
        #expect(assignment?.blocks == 20..<21)
        #expect(table.usedCount == 9)
        table.unpin(Self.key(object, 0))
        table.unpin(Self.key(object, 1))
        _ = table.want(30..<31, of: object, isDemanded: true)
        #expect(table.assign(of: object, mayGoAhead: true) != nil)
        #expect(table.usedCount == 8)
    }

    @Test("what is asked for ahead takes half of the memory at most")
    func ahead() {
        let table = TableBox(capacity: 16)
        let object = table.addObject(byteCount: 1_000 * Self.size)
        _ = table.want(0..<100, of: object, isDemanded: false)
        #expect(Self.bring(table, object) == [0..<8])
        #expect(table.isAnyWanted(of: object))
        #expect(table.pin(Self.key(object, 0)) != nil)
        #expect(table.assign(of: object, mayGoAhead: true)?.blocks == 8..<9)
    }

    @Test("a transfer that ends early gives back what it has not brought, and keeps the part that came")
    func broken() throws {
        let table = TableBox(capacity: 16)
        let object = table.addObject(byteCount: 1_000 * Self.size)
        _ = table.want(0..<4, of: object, isDemanded: true)
        let first = try #require(table.assign(of: object, mayGoAhead: true))
        let waiter = BlockWaiter()
        #expect(table.wait(for: Self.key(object, 2), waiter))
        #expect(table.begin(Self.key(object, 0), transfer: first.transfer))
        #expect(table.finish(Self.key(object, 0), transfer: first.transfer).isEmpty)
        #expect(table.begin(Self.key(object, 1), transfer: first.transfer))
        table.giveBack(first, filled: (1, 500), keepsAhead: true)
        #expect(table.pin(Self.key(object, 0)) != nil)
        let second = try #require(table.assign(of: object, mayGoAhead: true))
        #expect(second.blocks == 2..<4)
        let third = try #require(table.assign(of: object, mayGoAhead: true))
        #expect(third.blocks == 1..<2 && third.filledByteCount == 500)
        #expect(table.begin(Self.key(object, 2), transfer: second.transfer))
        #expect(table.finish(Self.key(object, 2), transfer: second.transfer).count == 1)
        table.giveBack(second, filled: nil, keepsAhead: false)
        #expect(!table.isAnyWanted(of: object))
        table.giveBack(third, filled: nil, keepsAhead: false)
        #expect(table.usedCount == 2)
        #expect(table.aheadCount == 0)
    }

    @Test("a block that a slow transfer is far from goes to another one, and is written by that one alone")
    func rescued() throws {
        let table = TableBox(capacity: 16)
        let object = table.addObject(byteCount: 1_000 * Self.size)
        _ = table.want(0..<4, of: object, isDemanded: true)
        let slow = try #require(table.assign(of: object, mayGoAhead: true))
        #expect(table.begin(Self.key(object, 0), transfer: slow.transfer))
        #expect(!table.takeFromTransfer(Self.key(object, 0)))
        #expect(table.takeFromTransfer(Self.key(object, 3)))
        let own = try #require(table.assign(of: object, mayGoAhead: false))
        #expect(own.blocks == 3..<4)
        #expect(!table.begin(Self.key(object, 3), transfer: slow.transfer))
        #expect(table.begin(Self.key(object, 3), transfer: own.transfer))
        #expect(table.finish(Self.key(object, 3), transfer: slow.transfer).isEmpty)
        #expect(table.pin(Self.key(object, 3)) == nil)
    }

    @Test("an object that is forgotten leaves nothing, whatever is under way")
    func forgotten() throws {
        let table = TableBox(capacity: 16)
        let object = table.addObject(byteCount: 1_000 * Self.size)
        let other = table.addObject(byteCount: 1_000 * Self.size)
        _ = table.want(0..<4, of: other, isDemanded: true)
        _ = Self.bring(table, other)
        _ = table.want(0..<4, of: object, isDemanded: true)
        let waiter = BlockWaiter()
        #expect(table.wait(for: Self.key(object, 0), waiter))
        let assignment = try #require(table.assign(of: object, mayGoAhead: true))
        #expect(table.removeObject(object).count == 1)
        #expect(!table.begin(Self.key(object, 0), transfer: assignment.transfer))
        table.giveBack(assignment, filled: nil, keepsAhead: true)
        #expect(table.usedCount == 4)
        #expect(table.assign(of: object, mayGoAhead: true) == nil)
        _ = table.want(0..<1, of: object, isDemanded: true)
        #expect(!table.isAnyWanted(of: object))
    }
}

/// A table that is shared, so that an expectation can change it.
private final class TableBox {
    private var table: BlockTable

    init(capacity: Int) {
        table = BlockTable(capacity: capacity)
    }

    var usedCount: Int { table.usedCount }
    var aheadCount: Int { table.aheadCount }

    func addObject(byteCount: UInt64) -> Int { table.addObject(byteCount: byteCount) }

    func removeObject(_ object: Int) -> [BlockWaiter] { table.removeObject(object) }

    func byteCount(of key: BlockTable.Key) -> Int { table.byteCount(of: key) }

    func pin(_ key: BlockTable.Key) -> BlockBuffer? { table.pin(key) }

    func unpin(_ key: BlockTable.Key) {
        if let buffer = table.objects[key.object]?.entries[key.index]?.buffer { table.unpin(key, buffer) }
    }

    func want(_ range: Range<UInt64>, of object: Int, isDemanded: Bool) -> Bool {
        table.want(range, of: object, isDemanded: isDemanded)
    }

    func wait(for key: BlockTable.Key, _ waiter: BlockWaiter) -> Bool { table.wait(for: key, waiter) }

    func assign(of object: Int, mayGoAhead: Bool) -> BlockAssignment? {
        table.assign(of: object, mayGoAhead: mayGoAhead)
    }

    func isAnyWanted(of object: Int) -> Bool { table.isAnyWanted(of: object) }

    func begin(_ key: BlockTable.Key, transfer: UInt64) -> Bool { table.begin(key, transfer: transfer) }

    func finish(_ key: BlockTable.Key, transfer: UInt64) -> [BlockWaiter] {
        table.finish(key, transfer: transfer)
    }

    func giveBack(
        _ assignment: BlockAssignment, filled: (index: UInt64, byteCount: Int)?, keepsAhead: Bool
    ) {
        table.giveBack(assignment, filled: filled, keepsAhead: keepsAhead)
    }

    func takeFromTransfer(_ key: BlockTable.Key) -> Bool { table.takeFromTransfer(key) }
}
