// The rows of the case table that are about tables stored twice, their markers, and places that are named twice.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VMDKCase {
    static let copies: [VMDKCase] = [
        VMDKCase(
            "streamOptimized with a redundant directory, as qemu writes it",
            StreamOptimizedBuilder.qemu().build(), .read),
        VMDKCase("a table differs from its copy", MonolithicSparseBuilder.usual()) { image in
            image.bytes[image.entryOffset(ofGrain: 20)] ^= 1
            return .damaged([image.guestRange(ofTable: 1)])
        },
        VMDKCase("a table's copy differs from it", MonolithicSparseBuilder.usual()) { image in
            image.bytes[image.places.redundantTables[2] ?? 0] ^= 0x80
            return .damaged([image.guestRange(ofTable: 2)])
        },
        VMDKCase("a table differs from its copy, streamOptimized", StreamOptimizedBuilder.qemu()) { image in
            image.bytes.put(UInt32(0), at: image.entryOffset(ofGrain: 3))
            return .damaged([image.guestRange(ofTable: 0)])
        },
        VMDKCase("0 in one directory alone", MonolithicSparseBuilder.usual()) { image in
            image.setDirectoryEntry(1, to: 0)
            image.setRedundantDirectoryEntry(2, to: 0)
            return .damaged([image.guestRange(ofTable: 1), image.guestRange(ofTable: 2)])
        },
        VMDKCase("both directories lead to the same tables", MonolithicSparseBuilder.usual()) { image in
            for table in 0..<3 {
                image.setRedundantDirectoryEntry(table, to: UInt32((image.places.tables[table] ?? 0) / 512))
            }
            return .read
        },
        VMDKCase(
            "a directory entry that cannot be right, its copy in order", MonolithicSparseBuilder.usual(),
            warning: "1 of 3 entries of the grain directory cannot be right"
        ) { image in
            image.setDirectoryEntry(1, to: 0x7fff_ffff)
            return .read
        },
        VMDKCase("the place of the directory is that of a redundant table", MonolithicSparseBuilder.usual()) {
            image in
            // Its entries then lead to grains, and what the redundant directory says of table 1 lies on it.
            image.setHeader(UInt64((image.places.redundantTables[1] ?? 0) / 512), at: 56)
            return .damaged((0..<3).map { image.guestRange(ofTable: $0) })
        },
        VMDKCase("neither directory entry can be right", MonolithicSparseBuilder.usual()) { image in
            image.setDirectoryEntry(1, to: 0x7fff_ffff)
            image.setRedundantDirectoryEntry(1, to: 2)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        VMDKCase("a stream's table without its marker", StreamOptimizedBuilder.usual()) { image in
            image.bytes.put(UInt32(4), at: (image.places.tables[1] ?? 0) - 500)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        VMDKCase("a stream's table whose marker has another length", StreamOptimizedBuilder.usual()) {
            image in
            image.bytes.put(UInt64(2), at: (image.places.tables[1] ?? 0) - 512)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        VMDKCase("a stream's directory entry that leads beside a table", StreamOptimizedBuilder.usual()) {
            image in
            image.setDirectoryEntry(1, to: UInt32((image.places.tables[1] ?? 0) / 512 + 1))
            return .damaged([image.guestRange(ofTable: 1)])
        },
        VMDKCase("a stream's footer that leads beside its directory", StreamOptimizedBuilder.usual()) {
            image in
            image.bytes.put(
                UInt64(image.places.directory / 512 - 1), at: (image.places.footer ?? 0) + 56)
            return .refused("no marker is here that announces 12 bytes of a grain directory")
        },
        VMDKCase(
            "a grain table that runs past the end of the file",
            StreamOptimizedBuilder.usual { $0.directoryPlace = .front }
        ) { image in
            let table = image.bytes.count
            let old = image.places.tables[2] ?? 0
            // Six of the table's entries.
            image.bytes += Array(image.bytes[old..<(old + 24)])
            image.setDirectoryEntry(2, to: UInt32(table / 512))
            return .damaged([image.guestRange(ofGrain: 38), image.guestRange(ofGrain: 39)])
        },
    ]

    static let cutShort: [VMDKCase] = [
        VMDKCase(
            "truncated: in the last grain, with the directory at the front",
            StreamOptimizedBuilder.usual {
                $0.directoryPlace = .front
                $0.padsLastGrain = false
                $0.hasEndOfStream = false
            }
        ) { image in
            image.bytes.removeLast(7)
            return .refused("at least 7 bytes are missing")
        },
        VMDKCase("truncated: in the middle of a grain, plain", MonolithicSparseBuilder.usual()) { image in
            let missing = image.bytes.count - image.grainOffset(25) - 512
            image.bytes.removeLast(missing)
            return .refused("at least \(missing) bytes are missing")
        },
        VMDKCase("truncated: between two grains, plain", MonolithicSparseBuilder.usual()) { image in
            let missing = image.bytes.count - image.grainOffset(37)
            image.bytes.removeLast(missing)
            return .refused("at least \(missing) bytes are missing")
        },
    ]

    static let sharedPlaces: [VMDKCase] = [
        VMDKCase("entries of two tables name one grain, plain", MonolithicSparseBuilder.usual()) { image in
            image.setEntry(ofGrain: 20, to: image.entry(ofGrain: 3))
            return .damaged([image.guestRange(ofGrain: 3), image.guestRange(ofGrain: 20)])
        },
        VMDKCase("entries of two tables name overlapping sectors, plain", MonolithicSparseBuilder.usual()) {
            image in
            image.setEntry(ofGrain: 22, to: image.entry(ofGrain: 6) - 1)
            return .damaged([5, 6, 22].map { image.guestRange(ofGrain: $0) })
        },
        VMDKCase(
            "entries of two tables name one grain, without markers",
            StreamOptimizedBuilder.unmarked()
        ) { image in
            image.setEntry(ofGrain: 20, to: image.entry(ofGrain: 3))
            return .damaged([image.guestRange(ofGrain: 3), image.guestRange(ofGrain: 20)])
        },
        VMDKCase(
            "an entry that names the middle of a grain, without markers",
            StreamOptimizedBuilder.unmarked()
        ) { image in
            // A grain stored as it is, which holds a sound grain itself: as a disk with an image file on it does.
            let inner = ZlibCompressor.compress(Array(repeating: 7, count: image.grainByteCount))
            var hidden = [UInt8](repeating: 0, count: 4) + inner
            hidden.put(UInt32(inner.count), at: 0)
            image.bytes.put(hidden, at: image.grainOffset(3) + 512)
            image.setEntry(ofGrain: 20, to: image.entry(ofGrain: 3) + 1)
            return .damaged([image.guestRange(ofGrain: 3), image.guestRange(ofGrain: 20)])
        },
        VMDKCase("an entry that names another table", MonolithicSparseBuilder.usual()) { image in
            // The tables lie behind the first grain, as when they were moved.
            image.setHeader(UInt64(1), at: 64)
            image.setEntry(ofGrain: 6, to: UInt32((image.places.tables[2] ?? 0) / 512))
            return .damaged([image.guestRange(ofGrain: 6)])
        },
    ]
}

extension StreamOptimizedBuilder {
    /// As qemu-img writes it: both directories in front, each with tables of its own.
    static func qemu() -> StreamOptimizedBuilder {
        usual {
            $0.directoryPlace = .front
            $0.hasRedundantDirectory = true
        }
    }

    /// Compressed, each grain behind its size alone.
    static func unmarked() -> StreamOptimizedBuilder {
        usual {
            $0.flags = 0x1_0001
            $0.framing = .size
            $0.level = 0
        }
    }
}
