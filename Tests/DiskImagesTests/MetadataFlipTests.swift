// Flips each bit of an image's metadata: a read gives the right bytes or an error.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@Suite("Each bit of the metadata, flipped")
struct MetadataFlipTests {
    enum Kind: String, CaseIterable, Sendable {
        case monolithicSparse
        case streamWithFooter
        case streamOfQEMU

        /// A small image with metadata of every kind.
        func build() -> BuiltImage {
            let grains = GrainContent.mixed(10)
            switch self {
            case .monolithicSparse:
                return MonolithicSparseBuilder(grains).with {
                    $0.entriesPerTable = 4
                    $0.grainSizeInSectors = 1
                }.build()
            case .streamWithFooter, .streamOfQEMU:
                return StreamOptimizedBuilder(grains).with {
                    $0.entriesPerTable = 4
                    $0.grainSizeInSectors = 1
                    $0.descriptorSizeInSectors = 1
                    $0.directoryPlace = self == .streamWithFooter ? .footer : .front
                    $0.hasRedundantDirectory = self == .streamOfQEMU
                }.build()
            }
        }
    }

    @Test("what is read is right, or an error, or explained", arguments: Kind.allCases)
    func flips(kind: Kind) throws {
        let image = kind.build()
        let records = Self.records(of: image)
        let data = image.places.grains.map { grain, start in
            start..<(start + (image.places.storedByteCounts[grain] ?? 0))
        }
        var flipCount = 0
        var wrong: [String: [Int]] = [:]
        for offset in image.bytes.indices where !data.contains(where: { $0.contains(offset) }) {
            // Each bit of a record; of the padding between them, a bit here and there.
            let isRecord = records.contains { $0.contains(offset) }
            guard isRecord || offset % 13 == 0 else { continue }
            for bit in isRecord ? 0..<8 : (offset % 8)..<(offset % 8 + 1) {
                var bytes = image.bytes
                bytes[offset] ^= 1 << UInt8(bit)
                flipCount += 1
                guard let kindOfWrong = wrongness(of: bytes, image, at: offset) else { continue }
                wrong[kindOfWrong, default: []].append(offset * 8 + bit)
            }
        }
        let count = wrong.values.reduce(0) { $0 + $1.count }
        #expect(flipCount > 3_000)
        print(
            "\(kind.rawValue): of \(flipCount) flipped bits \(count) gave wrong bytes: \(wrong)"
        )
        // Where a table is there once, nothing tells that an entry is 0 or 1 by damage. Everything else is told.
        let known = kind == .streamWithFooter ? Self.entriesNearZero(of: image) : 0
        #expect(Set(wrong.keys).isSubset(of: ["entry that became 0 or 1"]), "\(wrong)")
        #expect(count == known)
        #expect((kind == .streamWithFooter) == (known > 0))
    }

    /// How many bits make a stored grain's entry 0 or 1, or a directory's 0.
    private static func entriesNearZero(of image: BuiltImage) -> Int {
        let entries = image.places.grains.keys.map { (image.entry(ofGrain: $0), UInt32(1)) }
        let tables = image.places.tables.keys.map {
            (image.bytes.littleEndian(UInt32.self, at: image.places.directory + $0 * 4), UInt32(0))
        }
        return (entries + tables).reduce(0) { sum, entry in
            sum + (0..<32).count { entry.0 ^ 1 << UInt32($0) <= entry.1 }
        }
    }

    /// Where the records are, in bytes of the file: headers, descriptor, directories, tables, markers.
    private static func records(of image: BuiltImage) -> [Range<Int>] {
        let places = image.places
        let tables = Array(places.tables.values) + Array(places.redundantTables.values)
        let directories = [places.directory, places.redundantDirectory].compactMap(\.self)
        var records = [0..<80, 512..<896]
        records += tables.map { $0..<($0 + image.entriesPerTable * 4) }
        records += directories.map { $0..<($0 + 4 * (image.guest.count / image.grainByteCount + 3) / 4) }
        guard let footer = places.footer else { return records }
        records.append(footer..<(footer + 80))
        return records + (tables + directories + [footer, footer + 1_024]).map { ($0 - 512)..<($0 - 496) }
    }

    /// What is wrong about the disk in `bytes` without a word; nil where nothing is.
    private func wrongness(of bytes: [UInt8], _ image: BuiltImage, at offset: Int) -> String? {
        guard let opened = try? OpenedImage(MemorySource(bytes)) else { return nil }
        // Without the magic it has no format; that it is no raw disk either is for who knows its name to say.
        if opened.image.format == .raw { return offset < 4 ? nil : "raw" }
        let disk = opened.disk
        // A disk of another size is said to be one by its descriptor.
        if disk.byteCount != UInt64(image.guest.count) {
            return opened.image.warnings.contains { $0.contains("sectors, the header") }
                ? nil : "another size"
        }
        for start in stride(from: 0, to: image.guest.count, by: image.grainByteCount) {
            let count = min(image.grainByteCount, image.guest.count - start)
            guard let found = try? disk.bytes(count, at: UInt64(start)) else { continue }
            guard found[...] != image.guest[start..<(start + count)] else { continue }
            let entry = bytes.littleEndian(UInt32.self, at: offset / 4 * 4)
            return found.allSatisfy { $0 == 0 } && entry <= 1 ? "entry that became 0 or 1" : "wrong bytes"
        }
        return nil
    }
}
