// Tests of records and of arithmetic on numbers from files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@Suite("Records of a file")
struct RecordTests {
    private static let record = OnDiskRecord([1, 2, 3, 4, 5, 6, 7, 8, 9], named: "header", at: 100)

    @Test("a field is read in the order of bytes that is asked for, aligned or not")
    func fields() throws {
        #expect(try Self.record.littleEndian(UInt16.self, at: 0) == 0x0201)
        #expect(try Self.record.bigEndian(UInt16.self, at: 0) == 0x0102)
        #expect(try Self.record.littleEndian(UInt32.self, at: 1) == 0x0504_0302)
        #expect(try Self.record.bigEndian(UInt64.self, at: 1) == 0x0203_0405_0607_0809)
        #expect(try Self.record.littleEndian(UInt8.self, at: 8) == 9)
        #expect(try Array(Self.record.slice(2, at: 7)) == [8, 9])
    }

    @Test("a field that is not inside the record is an error that names record and place")
    func outside() throws {
        for offset in [2, 8, 9, 1_000, Int.max, -1, Int.min] {
            #expect(throws: ReadError.self) { try Self.record.littleEndian(UInt64.self, at: offset) }
        }
        for (count, offset) in [(10, 0), (1, 9), (-1, 0), (Int.max, 1), (0, -1), (Int.max, Int.max)] {
            #expect(throws: ReadError.self) { try Self.record.slice(count, at: offset) }
        }
        let error = #expect(throws: ReadError.self) { try Self.record.littleEndian(UInt32.self, at: 7) }
        guard case .corrupt("header", 107, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a record that the source does not hold whole is an error")
    func cutShort() {
        let source = MemorySource([1, 2, 3])
        #expect(throws: ReadError.self) { try source.record("header", byteCount: 4, at: 0) }
        #expect(throws: ReadError.self) { try source.record("header", byteCount: 1, at: .max) }
    }

    @Test("sums and products that overflow are errors, the largest that do not are right")
    func arithmetic() throws {
        #expect(try UInt64.max.adding(0, in: "r", at: 0) == .max)
        #expect(throws: ReadError.self) { try UInt64.max.adding(1, in: "r", at: 0) }
        #expect(throws: ReadError.self) { try Int.min.adding(-1, in: "r", at: 0) }
        #expect(try (UInt64.max / 512).multiplied(by: 512, in: "r", at: 0) == .max - 511)
        #expect(throws: ReadError.self) { try (UInt64.max / 512 + 1).multiplied(by: 512, in: "r", at: 0) }
        #expect(try UInt64(1).roundedUp(toMultipleOf: 512, in: "r", at: 0) == 512)
        #expect(try UInt64(512).roundedUp(toMultipleOf: 512, in: "r", at: 0) == 512)
        #expect(throws: ReadError.self) { try UInt64.max.roundedUp(toMultipleOf: 512, in: "r", at: 0) }
    }
}
