// Tests of what is said, when it is opened, of an image whose file ends before what its tables name.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Images that end too early")
struct MissingEndTests {
    /// What the warning says, of every format.
    static let words = " data up to byte"

    /// Sound images whose last bytes are data.
    private static let images: [(name: String, bytes: [UInt8])] = {
        let grains = [GrainContent](repeating: .noise, count: 12)
        var images: [(name: String, bytes: [UInt8])] = []
        for version: UInt32 in [1, 2, 3] {
            var builder = QCOWBuilder([QCOWClusterContent](repeating: .plain(.noise), count: 40))
            builder.version = version
            images.append(("qcow \(version)", builder.build().bytes))
        }
        var extended = QCOWBuilder([QCOWClusterContent](repeating: .plain(.noise), count: 40))
        extended.clusterBits = 14
        extended.isExtended = true
        images += [
            ("extended", extended.build().bytes), ("vdi", VDIBuilder(grains).build().bytes),
            ("parallels", ParallelsBuilder(grains).build().bytes),
            ("cloop", CloopBuilder(grains).build().bytes),
            ("vhdx", VHDXBuilder([.whole, .whole]).build().bytes),
            ("vhd", VHDBuilder(.dynamic, Array(repeating: .whole, count: 12)).build().bytes),
        ]
        return images
    }()

    private static func warnings(_ bytes: [UInt8]) throws -> [String] {
        try OpenedImage(MemorySource(bytes), named: "disk").image.warnings.filter { $0.contains(words) }
    }

    @Test("nothing is said of an image that is whole")
    func whole() throws {
        for image in Self.images { #expect(try Self.warnings(image.bytes) == [], "\(image.name)") }
    }

    @Test("an image that is cut has a warning with its length, and with what its tables name")
    func cut() throws {
        for image in Self.images {
            for missing in [image.bytes.count / 4, 2_000] {
                let bytes = Array(image.bytes.dropLast(missing))
                let warnings = try Self.warnings(bytes)
                #expect(warnings.count == 1, "\(image.name) without \(missing) bytes")
                let start = "the file ends at byte \(bytes.count), and its "
                #expect(warnings.allSatisfy { $0.hasPrefix(start) }, "\(warnings)")
            }
        }
    }

    @Test("the last table of a qcow image is looked through as long as tables may be, and then no more")
    func budget() throws {
        let image = Self.images[1].bytes
        let budget = OpeningBudget()
        let cut = MemorySource(Array(image.dropLast(2_000)))
        func warnings() throws -> [String] {
            try OpenedImage(cut, named: "disk", options: .init(budget: budget)).image.warnings
                .filter { $0.contains(Self.words) }
        }
        #expect(try warnings().count == 1)
        var left = OpeningBudget.lookedThroughLimit
        while left > 0 { if !budget.mayLook(through: left) { left /= 2 } }
        #expect(!budget.mayLook(through: 1))
        #expect(try warnings() == [])
    }

    @Test("of a VDI whose map is too large to look through, the header's number of blocks tells")
    func largeVDI() throws {
        var header = Array(VDIBuilder([.noise]).build().bytes.prefix(512))
        let blockCount = 5_000_000
        let dataOffset = (512 + blockCount * 4 + 4_095) / 4_096 * 4_096
        header.put(UInt32(512), at: 340)
        header.put(UInt32(dataOffset), at: 344)
        header.put(UInt64(blockCount) << 12, at: 368)
        header.put(UInt32(4_096), at: 376)
        header.put(UInt32(0), at: 380)
        header.put(UInt32(blockCount), at: 384)
        header.put(UInt32(3), at: 388)
        let map = [UInt8](repeating: 0xff, count: dataOffset - 512)
        for (blocks, isCut) in [(3, false), (2, true)] {
            let bytes = header + map + [UInt8](repeating: 1, count: blocks * 4_096)
            #expect(try Self.warnings(bytes).isEmpty == !isCut)
        }
    }
}
