// Tests of sparse tar members: GNU's four ways to store a map of pieces and holes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import OVFPackage

@Suite("A sparse tar member")
struct TarSparseTests {
    /// Ten bytes at 4096 and three at 20,000 of a file of 30,000 bytes.
    private static let pieces: [(offset: Int, bytes: [UInt8])] = [
        (4096, Array(0..<10)), (20_000, [7, 7, 7]), (30_000, []),
    ]
    private static let byteCount = 30_000
    private static let stored = pieces.flatMap(\.bytes)
    private static let expected: [UInt8] = {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        for piece in pieces {
            bytes.replaceSubrange(piece.offset..<(piece.offset + piece.bytes.count), with: piece.bytes)
        }
        return bytes
    }()

    enum Form: CaseIterable {
        case oldGNU, pax00, pax01, pax10
    }

    private func build(_ form: Form) -> TarBuilder {
        var builder = TarBuilder()
        let numbers = Self.pieces.flatMap { [$0.offset, $0.bytes.count] }
        switch form {
        case .oldGNU:
            let map = numbers.flatMap { TarBuilder.octal($0, width: 12) }
            builder.add(
                Array("sparse".utf8), Self.stored, type: "S", magic: .gnu,
                patch: [(386, map), (483, TarBuilder.octal(Self.byteCount, width: 12))])
        case .pax00:
            var records = [("GNU.sparse.size", "\(Self.byteCount)"), ("GNU.sparse.numblocks", "3")]
            for piece in Self.pieces {
                records += [
                    ("GNU.sparse.offset", "\(piece.offset)"), ("GNU.sparse.numbytes", "\(piece.bytes.count)"),
                ]
            }
            builder.addPax(records)
            builder.add("sparse", Self.stored)
        case .pax01:
            builder.addPax([
                ("GNU.sparse.size", "\(Self.byteCount)"), ("GNU.sparse.name", "sparse"),
                ("GNU.sparse.map", numbers.map(String.init).joined(separator: ",")),
            ])
            builder.add("GNUSparseFile.1/sparse", Self.stored)
        case .pax10:
            builder.addPax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "sparse"),
                ("GNU.sparse.realsize", "\(Self.byteCount)"),
            ])
            var map = Array(([3] + numbers).map { "\($0)\n" }.joined().utf8)
            map += [UInt8](repeating: 0, count: 512 - map.count)
            builder.add("GNUSparseFile.1/sparse", map + Self.stored)
        }
        return builder
    }

    @Test("each of GNU's forms gives the file with its holes", arguments: Form.allCases)
    func forms(_ form: Form) throws {
        var builder = build(form)
        builder.add("end", [1])
        builder.finish()
        let index = try TarIndex(scanning: MemorySource(builder.bytes), budget: OpeningBudget())
        #expect(index.members.map(\.displayPath) == ["sparse", "end"])
        #expect(try index.members[0].contents == Self.expected)
        #expect(index.members[0].location?.storedByteCount == 13)
        #expect(index.warnings.isEmpty)
    }

    @Test("any part of the file reads as the whole does", arguments: Form.allCases)
    func parts(_ form: Form) throws {
        var builder = build(form)
        builder.finish()
        let source = try TarIndex(scanning: MemorySource(builder.bytes), budget: OpeningBudget()).members[0]
            .source
        var random = Mutator(seed: 11)
        let edges = [0, 1, 4095, 4096, 4097, 4105, 4106, 19_999, 20_000, 20_003, 29_999, 30_000]
        for start in edges {
            for end in edges where end >= start {
                #expect(try source.bytes(end - start, at: UInt64(start)) == Array(Self.expected[start..<end]))
            }
        }
        for _ in 0..<200 {
            let start = Int.random(in: 0...Self.byteCount, using: &random)
            let end = Int.random(in: start...Self.byteCount, using: &random)
            #expect(try source.bytes(end - start, at: UInt64(start)) == Array(Self.expected[start..<end]))
        }
    }

    @Test("data and holes are found where they are")
    func holes() throws {
        var builder = build(.pax10)
        builder.finish()
        let source = try TarIndex(scanning: MemorySource(builder.bytes), budget: OpeningBudget()).members[0]
            .source
        #expect(try source.firstOffset(of: .data, in: 0..<source.byteCount) == 4096)
        #expect(try source.firstOffset(of: .data, in: 4100..<source.byteCount) == 4100)
        #expect(try source.firstOffset(of: .hole, in: 4100..<source.byteCount) == 4106)
        #expect(try source.firstOffset(of: .data, in: 4106..<source.byteCount) == 20_000)
        #expect(try source.firstOffset(of: .data, in: 20_003..<source.byteCount) == nil)
        #expect(try source.firstOffset(of: .hole, in: 29_999..<source.byteCount) == 29_999)
        #expect(try source.firstOffset(of: .hole, in: 30_000..<source.byteCount) == nil)
    }

    @Test("an old GNU map goes on in extension blocks")
    func extensionBlocks() throws {
        var builder = TarBuilder()
        func entry(_ number: Int) -> [UInt8] {
            TarBuilder.octal(1000 * number, width: 12) + TarBuilder.octal(1, width: 12)
        }
        builder.add(
            Array("sparse".utf8), magic: .gnu,
            patch: [
                (124, TarBuilder.octal(30, width: 12)), (156, [0x53]), (386, (0..<4).flatMap(entry)),
                (482, [1]),
                (483, TarBuilder.octal(50_000, width: 12)),
            ])
        builder.addData((4..<25).flatMap(entry) + [1])
        builder.addData((25..<30).flatMap(entry))
        builder.addData(Array(1...30))
        builder.add("end", [1])
        builder.finish()
        let index = try TarIndex(scanning: MemorySource(builder.bytes), budget: OpeningBudget())
        #expect(index.members.map(\.displayPath) == ["sparse", "end"])
        let bytes = try index.members[0].contents
        #expect(bytes.count == 50_000)
        #expect((0..<30).allSatisfy { bytes[1000 * $0] == UInt8($0 + 1) })
        #expect(bytes.filter { $0 != 0 }.count == 30)
    }

    @Test("a sparse member cut short is shown up to the first byte that is missing")
    func cutShort() throws {
        let builder = build(.pax01)
        let index = try TarIndex(
            scanning: MemorySource(Array(builder.bytes.dropLast(512 - 11))), budget: OpeningBudget())
        #expect(index.members[0].byteCount == 20_001)
        #expect(index.members[0].missingByteCount == 9_999)
        #expect(try index.members[0].contents == Array(Self.expected.prefix(20_001)))
    }

    @Test(
        "a map whose pieces overlap, pass the end or miss the data is refused, and the rest is shown",
        arguments: ["10,5,12,8", "0,13,40000,0", "29990,13", "0,12", "0,14", "0", "5,x"])
    func damagedMaps(map: String) throws {
        var builder = TarBuilder()
        builder.add("before", [1])
        builder.addPax([("GNU.sparse.size", "30000"), ("GNU.sparse.map", map)])
        builder.add("sparse", Self.stored)
        builder.finish()
        let index = try TarIndex(scanning: MemorySource(builder.bytes), budget: OpeningBudget())
        #expect(index.members.map(\.displayPath) == ["before"])
        #expect(!index.warnings.isEmpty)
    }
}
