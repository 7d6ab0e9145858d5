// Tests of images that many disks have as a layer.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Shared images")
struct SharedImageTests {
    private let cache = ClusterCache(byteLimit: 16 << 20)

    private func layers(_ parent: NeighbourFile, _ budget: OpeningBudget) throws(ReadError) -> [DiskLayer] {
        try ChainOpener.open(
            blankOf: 40 * 8_192, named: "blank", in: cache, options: .init(budget: budget),
            declaredParents: [parent])
    }

    @Test("a parent is opened once, however many disks build on it, and each pays little for it")
    func once() throws {
        let image = MonolithicSparseBuilder.usual().build()
        let source = CountingSource(image.source)
        let parent = NeighbourFile(source, named: "base.vmdk", key: FileKey([1]))
        let budget = OpeningBudget()
        let first = try layers(parent, budget)
        let readByteCount = source.bytesRead
        let used = budget.usedByteCount
        #expect(readByteCount > 0)
        var disks = [GuestDisk(first, cache: cache)]
        for _ in 0..<50 { disks.append(GuestDisk(try layers(parent, budget), cache: cache)) }
        #expect(source.bytesRead == readByteCount)
        #expect(budget.usedByteCount - used == 50 * 256)
        for disk in disks { #expect(try disk.bytes(image.guest.count, at: 0) == image.guest) }
        disks = []
        // Reading gives back what finding places twice was to take.
        #expect(budget.usedByteCount <= used)
    }

    @Test("that a parent cannot be opened is found out once")
    func refused() throws {
        var image = MonolithicSparseBuilder.usual().build()
        image.bytes[4] = 9
        let source = CountingSource(image.source)
        let parent = NeighbourFile(source, named: "base.vmdk", key: FileKey([1]))
        let budget = OpeningBudget()
        let first = #expect(throws: ReadError.self) { try layers(parent, budget) }
        let readByteCount = source.bytesRead
        let second = #expect(throws: ReadError.self) { try layers(parent, budget) }
        #expect(first == second && first?.description.contains("version 9") == true)
        #expect(source.bytesRead == readByteCount)
        #expect(budget.usedByteCount == 0)
    }

    @Test("what is used is told, what is only looked at is not")
    func use() throws {
        let ids = (1...4).map { [UInt8](repeating: UInt8($0), count: 16) }
        var base = VDIBuilder([.text])
        base.creation = ids[0]
        base.modification = ids[1]
        var child = VDIBuilder([.absent])
        child.type = 4
        child.parentCreation = ids[0]
        child.parentModification = ids[1]
        let files = NotingNeighbours([
            "a.txt": [1, 2, 3], "b.vdi": VDIBuilder([.noise]).build().bytes, "c.vdi": base.build().bytes,
            "d": [4],
        ])
        for _ in 0..<3 {
            _ = try ChainOpener.open(
                child.build().source, named: "child", in: cache, options: .init(), neighbours: files)
        }
        #expect(files.used.withLock { $0 } == ["c.vdi", "c.vdi", "c.vdi"])
        // Looked through once, then opened by name.
        #expect(files.opened.withLock { $0 } == ["a.txt", "b.vdi", "c.vdi", "d", "c.vdi", "c.vdi", "c.vdi"])
    }

    /// Files that note what becomes of them.
    private final class NotingNeighbours: NeighbourFiles {
        let files: [String: [UInt8]]
        let used = SleepingMutex<[String]>([])
        let opened = SleepingMutex<[String]>([])
        let identities = FolderIdentities()

        init(_ files: [String: [UInt8]]) {
            self.files = files
        }

        func file(named name: [UInt8]) throws(ReadError) -> NeighbourFile? {
            let text = String(decoding: name, as: UTF8.self)
            guard let bytes = files[text] else { return nil }
            opened.withLock { $0.append(text) }
            return NeighbourFile(
                MemorySource(bytes), named: text, key: FileKey([UInt64(name.count), UInt64(name[0])])
            ) { [self] in used.withLock { $0.append(text) } }
        }

        func names(atMost limit: Int) -> [[UInt8]] {
            files.keys.sorted().prefix(limit).map { Array($0.utf8) }
        }
    }

    @Test("tables of many parts are gone through as far as all of a package's may take")
    func lookedThrough() throws {
        let budget = OpeningBudget()
        #expect(budget.mayLook(through: OpeningBudget.lookedThroughLimit - 64))
        #expect(!budget.mayLook(through: 65))
        #expect(budget.mayLook(through: 64))
        #expect(!budget.mayLook(through: 1))
        #expect(!budget.mayLook(through: .max))
        // A file cut short is refused while that can be told, and read as far as it goes afterwards.
        let image = MonolithicSparseBuilder.usual().build()
        let cut = MemorySource(Array(image.bytes.dropLast(8_192)))
        #expect(throws: ReadError.self) { try OpenedImage(cut) }
        let opened = try OpenedImage(cut, options: .init(budget: budget))
        #expect(try opened.disk.bytes(8_192, at: 0) == Array(image.guest.prefix(8_192)))
    }

    @Test("blocks are stated as what is allocated at a time")
    func units() throws {
        let vdi = try OpenedImage(VDIBuilder([.text]).build().source).image
        #expect(vdi.allocationUnitByteCount == 4_096)
        let parallels = ParallelsBuilder([.text]).with { $0.sectorsPerBlock = 3 }.build()
        #expect(try OpenedImage(parallels.source).image.allocationUnitByteCount == 3 * 512)
        let cloop = CloopBuilder([.text]).with { $0.blockByteCount = 1_024 }.build()
        #expect(try OpenedImage(cloop.source).image.allocationUnitByteCount == 1_024)
    }
}
