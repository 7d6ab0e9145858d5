// Tests of appliances that are open at once and share what does not grow with their number.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Testing

@testable import Appliance

@Suite("What appliances share")
struct SharedResourcesTests {
    private static func open(_ options: ApplianceOptions) throws -> Appliance {
        try Appliance.open(
            .file(
                MemorySource(Array(repeating: 7, count: 4096)), name: Array("disk.img".utf8),
                modificationTime: 0), options: options)
    }

    @Test("one cache, one count, one budget that gets back what each took, and threads that outlive each")
    func shared() throws {
        var options = ApplianceOptions()
        options.prefetchThreadCount = 1
        let shared = try SharedResources(options)
        defer { shared.stop() }
        options.shared = shared
        try {
            let one = try Self.open(options)
            let other = try Self.open(options)
            #expect(one.cache === shared.cache && other.cache === shared.cache)
            #expect(one.sourceMeter === shared.meter && shared.meter.readCount > 0)
            let taken = shared.budget.usedByteCount
            #expect(taken > 0)
            let tree = try ApplianceTree.make(
                for: other, showsControlDirectory: true, liveStatistics: nil)
            #expect(shared.budget.usedByteCount > taken)
            #expect(tree.node(at: [".ova", "stats.json"].map { Array($0.utf8) }) == nil)
            #expect(tree.node(at: [".ova", "info.json"].map { Array($0.utf8) }) != nil)
            // It would stop threads of its own.
            one.stopPrefetching()
            withExtendedLifetime((one, other)) {}
        }()
        #expect(shared.budget.usedByteCount == 0)
    }

    @Test("what one may not take, all together may not, and the error says what would help")
    func bound() throws {
        var options = ApplianceOptions()
        options.openingByteLimit = 1_000_000
        let shared = try SharedResources(options)
        options.shared = shared
        var open: [Appliance] = []
        let error = #expect(throws: ApplianceError.self) {
            for _ in 0..<100 { open.append(try Self.open(options)) }
        }
        #expect(error?.remedy == .openMemory && !open.isEmpty)
        open = []
        #expect(throws: Never.self) { try Self.open(options) }
    }
}
