// Flips each bit of the metadata of qcow images: a read gives the right bytes or an error wherever the format can tell.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@Suite("Each bit of the metadata of a qcow image, flipped")
struct QCOWFlipTests {
    enum Kind: String, CaseIterable, Sendable {
        case version2, version3, zstd, extended, version1

        func build() -> BuiltQCOW {
            switch self {
            case .version1: QCOWBuilder(QCOWClusterContent.mixed(80)).with { $0.version = 1 }.build()
            case .version2: QCOWBuilder(QCOWClusterContent.mixed(80)).with { $0.version = 2 }.build()
            case .version3:
                QCOWBuilder(QCOWClusterContent.mixedWithZeros(80)).with {
                    $0.snapshots = [.init("s", QCOWClusterContent.mixedWithZeros(20))]
                }.build()
            case .zstd:
                QCOWBuilder(QCOWClusterContent.mixedWithZeros(80)).with { $0.compressor = .zstd }.build()
            case .extended:
                QCOWBuilder(QCOWClusterContent.mixedWithSubclusters(12)).with {
                    $0.clusterBits = 14
                    $0.isExtended = true
                }.build()
            }
        }
    }

    /// What the format has no means to tell: no checksum, and reference counts that are not looked at.
    enum Untold: String, Hashable {
        /// Another size of disk, or of clusters.
        case geometry = "the header's size or geometry"
        case firstLevelPlace = "the header's place of the first-level table"
        case backingFile = "the header's backing file"
        case tablePlace = "a place of a table"
        case entry = "a place, a length or a flag of an entry"
    }

    @Test("what is read is right, or an error, or nothing could tell", arguments: Kind.allCases)
    func flips(kind: Kind) throws {
        let image = kind.build()
        let tables = image.places.tables.values.sorted()
        // The pattern of contents, once in each table.
        let entryCount = min(12, image.guest.count / image.clusterByteCount)
        var records = [0..<(kind == .version1 ? 48 : kind == .version2 ? 72 : 112)]
        records.append(image.places.firstLevel..<(image.places.firstLevel + 8 * tables.count))
        records += tables.map { $0..<($0 + entryCount * image.entryByteCount) }
        if let entry = image.places.snapshotEntries.first { records.append(entry..<(entry + 72)) }
        var flipCount = 0
        var untold: [Untold: Int] = [:]
        for offset in records.joined() {
            for bit in 0..<8 {
                var bytes = image.bytes
                bytes[offset] ^= 1 << UInt8(bit)
                flipCount += 1
                guard isWrong(bytes, image) else { continue }
                let reason = reason(offset, kind, image)
                if reason == nil { Issue.record("bit \(bit) of byte \(offset) gave wrong bytes") }
                if let reason { untold[reason, default: 0] += 1 }
            }
        }
        print("\(kind.rawValue): of \(flipCount) flipped bits nothing told of \(untold)")
        #expect(flipCount > 2_000)
    }

    /// Why nothing can tell that a bit of byte `offset` is wrong; nil where something can.
    private func reason(_ offset: Int, _ kind: Kind, _ image: BuiltQCOW) -> Untold? {
        switch offset {
        case 4..<8: .geometry
        case 8..<20: .backingFile
        case 20..<32 where kind != .version1, 24..<34,
            79 where kind == .extended:
            .geometry
        case 40..<48: .firstLevelPlace
        case image.places.firstLevel..<(image.places.firstLevel + 8 * image.places.tables.count): .tablePlace
        case 48...: image.places.tables.values.contains { (0..<8_192).contains(offset - $0) } ? .entry : nil
        default: nil
        }
    }

    /// Whether a read gives other bytes than the image's, without an error.
    private func isWrong(_ bytes: [UInt8], _ image: BuiltQCOW) -> Bool {
        guard let opened = try? OpenedImage(MemorySource(bytes)) else { return false }
        // Without its magic it has no format; that it is no raw disk either is for who knows its name to say.
        guard opened.image.format != .raw else { return false }
        guard opened.image.virtualByteCount == UInt64(image.guest.count), opened.image.parent == nil else {
            return true
        }
        return isWrong(0..<image.guest.count, of: opened.disk, image)
    }

    /// The same of guest bytes `range`: what cannot be read whole is read in halves, down to a sector.
    private func isWrong(_ range: Range<Int>, of disk: GuestDisk, _ image: BuiltQCOW) -> Bool {
        if let found = try? disk.bytes(range.count, at: UInt64(range.lowerBound)) {
            return !image.guest.holds(found, at: range.lowerBound)
        }
        guard range.count > 512 else { return false }
        let middle = range.lowerBound + (range.count / 2 + 511) / 512 * 512
        return isWrong(range.lowerBound..<middle, of: disk, image)
            || isWrong(middle..<range.upperBound, of: disk, image)
    }

    @Test("flags that are reserved never give wrong bytes", arguments: Kind.allCases)
    func random(kind: Kind) {
        let image = kind.build()
        let headers = 0..<(kind == .version1 ? 48 : 120)
        let tables = image.places.tables.values.map {
            $0..<($0 + image.entriesPerTable * image.entryByteCount)
        }
        let rest =
            [image.places.firstLevel..<(image.places.firstLevel + 24), headers]
            + image.places.snapshotEntries.map { $0..<($0 + 72) }
        for seed in 1...4 as ClosedRange<UInt64> {
            let mutation = ImageMutation(in: tables + rest, isChecksummed: false)
            #expect(mutation.violations(image.asImage, rounds: 100, seed: seed) == [])
        }
    }

    @Test("a file of any length never traps, and what is read of it is right", arguments: Kind.allCases)
    func anyLength(kind: Kind) {
        let image = kind.build()
        let step = kind == .extended ? 4_099 : 509
        for byteCount in stride(from: 4, to: image.bytes.count, by: step) {
            guard let opened = try? OpenedImage(MemorySource(Array(image.bytes.prefix(byteCount)))) else {
                continue
            }
            #expect(!isWrong(0..<image.guest.count, of: opened.disk, image), "\(byteCount) bytes of the file")
        }
    }
}
