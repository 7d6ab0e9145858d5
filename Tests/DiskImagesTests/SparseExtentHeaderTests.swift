// Tests of the VMDK header.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("The header of a sparse extent")
struct SparseExtentHeaderTests {
    private static let usual = Array(MonolithicSparseBuilder.usual().build().bytes.prefix(512))

    private let bytes = Self.usual

    private func parse(_ bytes: [UInt8]) throws(ReadError) -> SparseExtentHeader {
        try SparseExtentHeader(parsing: OnDiskRecord(bytes, named: "header of disk.vmdk"))
    }

    @Test("its fields are where the specification places them")
    func fields() throws {
        let header = try parse(bytes)
        #expect(header.version == 1)
        #expect(header.flags == [.newlineTest, .redundantDirectory])
        #expect(header.capacity == 640)
        #expect(header.grainSize == 16)
        #expect(header.descriptorOffset == 1)
        #expect(header.descriptorSize == 4)
        #expect(header.entriesPerTable == 16)
        #expect(header.redundantDirectoryOffset == 5)
        #expect(header.directoryOffset == 9)
        #expect(header.overhead == 13)
        #expect(!header.wasNotShutDown)
        #expect(header.algorithm == .none)
        #expect(header.grainCount == 40)
        #expect(header.tableCount == 3)
        #expect(header.virtualByteCount == 327_680)
    }

    @Test("a header cut short is reported, not trapped", arguments: 0..<79)
    func cutShort(byteCount: Int) {
        #expect(throws: ReadError.self) { try parse(Array(bytes.prefix(byteCount))) }
    }

    @Test("no value of any field traps", arguments: [UInt8(0), 1, 0x7f, 0x80, 0xff])
    func anyValue(value: UInt8) {
        for offset in 0..<79 {
            for length in [1, 2, 4, 8] where offset + length <= bytes.count {
                var changed = bytes
                changed.put(Array(repeating: value, count: length), at: offset)
                guard let header = try? parse(changed) else { continue }
                #expect(header.grainCount > 0 && header.tableCount > 0)
                _ = header.dataStart(inFileOf: 1 << 20)
                _ = VMDKSparseExtent.Layout(header)
            }
        }
    }

    @Test("a bad magic is named with its place")
    func badMagic() {
        var changed = bytes
        changed[0] = UInt8(ascii: "X")
        #expect(
            throws: ReadError.corrupt(
                record: "header of disk.vmdk", offset: 0, reason: "no KDMV at its start")
        ) { try parse(changed) }
    }

    @Test("a descriptor or an overhead past the end of the file has no say in where data starts")
    func dataStart() throws {
        var changed = bytes
        changed.put(UInt64(100), at: 64)
        #expect(try parse(changed).dataStart(inFileOf: 200 * 512) == 100)
        #expect(try parse(changed).dataStart(inFileOf: 50 * 512) == 5)
        changed.put(UInt64.max, at: 36)
        #expect(try parse(changed).dataStart(inFileOf: 50 * 512) == 1)
    }
}
