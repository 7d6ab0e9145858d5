// Flips each bit of what describes an image with one table, and of an extent of ESX.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Each bit of a header and a table, flipped")
struct BlockFlipTests {
    enum Kind: String, CaseIterable, Sendable {
        case vdi, parallels, parallelsInSectors, cloop, cowd, seSparse

        var isPart: Bool { self == .cowd || self == .seSparse }

        /// A file in which every place is used, so that a flipped entry meets another's.
        func build() -> BuiltImage {
            let blocks: [GrainContent] = [.text, .absent, .noise, .zeros, .text, .text, .absent, .noise]
            return switch self {
            case .vdi: VDIBuilder(blocks).build()
            case .parallels: ParallelsBuilder(blocks).with { $0.sectorsPerBlock = 1 }.build()
            case .parallelsInSectors:
                ParallelsBuilder(blocks).with {
                    $0.isExtended = false
                    $0.sectorsPerBlock = 3
                }.build()
            case .cloop: CloopBuilder(blocks).with { $0.blockByteCount = 512 }.build()
            case .cowd: COWDBuilder(blocks).build()
            case .seSparse: SESparseBuilder(blocks).build()
            }
        }

        /// What says where things are, in bytes of the file: header, directory, the table's used entries.
        func records(of image: BuiltImage) -> [Range<Int>] {
            let table = image.places.tables[0] ?? 0
            return switch self {
            case .vdi: [64..<80, 340..<388, 392..<456, table..<(table + 32)]
            case .parallels, .parallelsInSectors: [0..<64, table..<(table + 32)]
            case .cloop: [0..<23, 128..<(136 + 72)]
            case .cowd: [0..<32, image.places.directory..<(image.places.directory + 4), table..<(table + 32)]
            case .seSparse:
                [0..<48, 80..<88, 128..<152, 192..<200, 512..<520, 536..<544]
                    + [image.places.directory..<(image.places.directory + 8), table..<(table + 64)]
            }
        }

        /// The fields, by where they start, of which nothing tells that a bit of them is another one: what they say of all
        /// blocks alike, and entries that became those of holes.
        func silentFields(of image: BuiltImage) -> Set<Int> {
            let table = image.places.tables[0] ?? 0
            let entries = Set(0..<8)
            return switch self {
            // The data's place, the disk's and a block's length, the extra, and the map's place.
            case .vdi: [340, 344, 368, 372, 376, 380]
            // Sectors a block, the size, and entries that one bit makes 0.
            case .parallels, .parallelsInSectors:
                entries.filter { image.entry(ofGrain: $0).nonzeroBitCount == 1 }
                    .reduce(into: Set([28, 36, 40])) { $0.insert(table + $1 * 4) }
            case .cloop: [128, 132]
            // The capacity, a grain's length, and where the directory and the table are.
            case .cowd: [12, 16, 20, image.places.directory]
            // The same; grains whose entry is another's, or became zeros.
            case .seSparse:
                Set([16, 20, 128, 132, 144, 148, 192, 196, image.places.directory])
                    .union(entries.map { table + $0 * 8 + 4 })
            }
        }
    }

    @Test("what is read is right, or an error, but where nothing can tell", arguments: Kind.allCases)
    func flips(kind: Kind) throws {
        let image = kind.build()
        let silent = kind.silentFields(of: image)
        var flipCount = 0
        var wrong: [Int: Int] = [:]
        for offset in kind.records(of: image).flatMap(Array.init) {
            for bit in 0..<8 {
                var changed = image
                changed.bytes[offset] ^= 1 << UInt8(bit)
                flipCount += 1
                if isWrong(changed, kind) { wrong[offset / 4 * 4, default: 0] += 1 }
            }
        }
        print("\(kind.rawValue): of \(flipCount) flipped bits wrong bytes came of \(wrong)")
        #expect(flipCount > 250)
        #expect(
            Set(wrong.keys).isSubset(of: silent), "\(wrong.keys.filter { !silent.contains($0) }.sorted())")
    }

    /// Whether a block is read that is not the one it should be, from something that is not a raw disk by now.
    private func isWrong(_ image: BuiltImage, _ kind: Kind) -> Bool {
        guard let opened = try? OpenedImage(image, isPart: kind.isPart) else { return false }
        // Without its mark a file has no format.
        if opened.image.format == .raw { return false }
        let disk = opened.disk
        if disk.byteCount != UInt64(image.guest.count) { return true }
        for start in stride(from: 0, to: image.guest.count, by: image.grainByteCount) {
            let count = min(image.grainByteCount, image.guest.count - start)
            guard let found = try? disk.bytes(count, at: UInt64(start)) else { continue }
            if found[...] != image.guest[start..<(start + count)] { return true }
        }
        return false
    }

    @Test(
        "bytes changed at random never trap, and never read wrong where there are checksums",
        arguments: Kind.allCases)
    func mutations(kind: Kind) throws {
        let image = kind.build()
        // A block's length changes what its stream must give; all else of cloop is under a checksum.
        let ranges = kind == .cloop ? [136..<image.bytes.count] : [0..<image.bytes.count, 0..<512]
        let options = DiskImageOpener.Options(
            budget: OpeningBudget(), formats: kind.isPart ? [PartFormat.self] : [])
        #expect(
            ImageMutation(in: ranges, isChecksummed: kind == .cloop).violations(
                image, options: options, rounds: 400, seed: 20_261_121) == [])
    }

    @Test("a file cut anywhere is refused, or right as far as it goes", arguments: Kind.allCases)
    func cuts(kind: Kind) throws {
        let image = kind.build()
        var random = SeededRandom(seed: 20_261_121)
        var readCount = 0
        for _ in 0..<200 {
            var cut = image
            cut.bytes.removeLast(Int.random(in: 1...image.bytes.count, using: &random))
            guard let opened = try? OpenedImage(cut, isPart: kind.isPart) else { continue }
            if opened.image.format == .raw { continue }
            for start in stride(from: 0, to: image.guest.count, by: 512) {
                guard let found = try? opened.disk.bytes(512, at: UInt64(start)) else { continue }
                readCount += 1
                #expect(found[...] == image.guest[start..<(start + 512)])
            }
        }
        #expect(readCount > 0)
    }
}
