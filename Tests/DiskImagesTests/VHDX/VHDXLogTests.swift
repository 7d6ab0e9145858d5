// Tests of the log of a VHDX: what is replayed, and what is refused.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("The log of a VHDX")
struct VHDXLogTests {
    @Test("the disk is as the log makes it", arguments: VHDXLogCases.replayed)
    func replay(_ row: DiskCase) throws {
        try row.check()
    }

    @Test("a log that cannot be replayed refuses the disk", arguments: VHDXLogCases.refused)
    func refuse(_ row: DiskCase) throws {
        try row.check()
    }

    @Test("the headers are read as they are in the file, all else as the log makes it")
    func headers() throws {
        let disk = VHDXLogCases.disk { disk, log in
            log.append([.zeros(at: 0, 192 << 10)] + disk.takePages([192 << 10, 196 << 10]))
        }
        let opened = try OpenedImage(disk.source, neighbours: BlankParents.all)
        #expect(opened.firstWrongBlock(of: disk) == nil)
        #expect(opened.image.identity == .vhdx([UInt8](1...16)))
    }

    @Test("a log larger than the memory for opening is refused as such, and what it takes is given back")
    func budget() throws {
        let disk = VHDXLogCases.disk { disk, log in log.append(disk.takePages(VHDXLogCases.pages(of: disk))) }
        let small = OpeningBudget(byteLimit: 1 << 20)
        let error = #expect(throws: ReadError.self) {
            try OpenedImage(disk.source, options: .init(budget: small), neighbours: BlankParents.all)
        }
        guard case .overBudget(let purpose, _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(purpose == "log of disk.vmdk" && small.usedByteCount <= 128 << 10)
        let budget = OpeningBudget(byteLimit: 4 << 20)
        let opened = try OpenedImage(
            disk.source, options: .init(budget: budget), neighbours: BlankParents.all)
        #expect(opened.firstWrongBlock(of: disk) == nil)
        #expect(budget.usedByteCount < 192 << 10)
    }

    @Test("as many ranges of zeros as fit the log are found in the time of one pass")
    func manyZeros() throws {
        let count = 30_000
        let disk = VHDXLogCases.disk { disk, log in
            let start = UInt64(disk.bytes.count)
            // Each longer than the one before, all of one end.
            log.lastFileByteCount = 1 << 40
            log.append((0..<count).map { .zeros(at: start + UInt64(count - $0) * 4_096, UInt64($0) * 4_096) })
        }
        let start = ContinuousClock.now
        let opened = try OpenedImage(disk.source, neighbours: BlankParents.all)
        #expect(opened.firstWrongBlock(of: disk) == nil)
        #expect(ContinuousClock.now - start < .seconds(30))
        let budget = OpeningBudget(byteLimit: 5 << 20)
        #expect(throws: ReadError.self) {
            try OpenedImage(disk.source, options: .init(budget: budget), neighbours: BlankParents.all)
        }
    }

    @Test("what claims to be an entry in every sector is gone through once")
    func everySector() throws {
        var disk = VHDXLogCases.disk { _, log in log.append([]) }
        for sector in 0..<256 {
            let start = VHDXBuilder.logOffset + sector * 4_096
            disk.bytes.put("loge".utf8, at: start)
            disk.bytes.put(UInt32(VHDXBuilder.logByteCount), at: start + 8)
            disk.bytes.put(UInt64(9), at: start + 16)
            disk.bytes.put([UInt8](repeating: 0x77, count: 16), at: start + 32)
        }
        let start = ContinuousClock.now
        #expect(throws: ReadError.self) { try OpenedImage(disk.source, neighbours: BlankParents.all) }
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test(
        "changed bytes of a log give the disk after some of its entries, or an error", arguments: [1, 2, 3])
    func mutations(seed: UInt64) {
        let disk = VHDXLogCases.disk { disk, log in
            for page in VHDXLogCases.pages(of: disk) { log.append(disk.takePages([page]), tail: 0) }
        }
        let old = [UInt8](repeating: 0xee, count: 4_096)
        var random = SeededRandom(seed: seed)
        for round in 0..<100 {
            var bytes = disk.bytes
            // With a checksum that is right, or not.
            let entry = VHDXBuilder.logOffset + Int.random(in: 0..<6, using: &random) * 8_192
            let offset = entry + Int.random(in: 0..<96, using: &random)
            bytes[offset] ^= UInt8.random(in: 1...255, using: &random)
            let isRepaired = round.isMultiple(of: 2)
            if isRepaired {
                var record = Array(bytes[entry..<(entry + 8_192)])
                record.putVHDXChecksum()
                bytes.put(record, at: entry)
            }
            guard let opened = try? OpenedImage(MemorySource(bytes), neighbours: BlankParents.all) else {
                continue
            }
            for (block, start) in disk.blocks {
                for page in VHDXLogCases.pages(of: disk) where (start..<(start + 1 << 20)).contains(page) {
                    let guestOffset = block << 20 + page - start
                    guard let found = try? opened.disk.bytes(4_096, at: UInt64(guestOffset)) else { continue }
                    #expect(
                        isRepaired || found == old || disk.guest.holds(found, at: guestOffset),
                        "seed \(seed), round \(round)")
                }
            }
        }
    }
}
