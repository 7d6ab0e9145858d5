// The case table of docs/FORMATS.md for streamOptimized images, row by row.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VMDKCase {
    static let table: [VMDKCase] =
        wellFormed + directories + copies + cutShort + sharedPlaces + tableEntries + grains + ends + headers
        + geometries
        + descriptors

    private static let wellFormed: [VMDKCase] = [
        VMDKCase("grain directory in the footer", StreamOptimizedBuilder.usual().build(), .read),
        VMDKCase(
            "grain directory at the front",
            StreamOptimizedBuilder.usual { $0.directoryPlace = .front }.build(),
            .read),
        VMDKCase("monolithicSparse", MonolithicSparseBuilder.usual().build(), .read),
        VMDKCase(
            "monolithicSparse with grains in no order",
            MonolithicSparseBuilder.usual { $0.order = Array((0..<40).reversed()) }.build(), .read),
        VMDKCase(
            "streamOptimized with grains in no order",
            StreamOptimizedBuilder.usual { $0.order = Array((0..<40).reversed()) }.build(), .read),
        VMDKCase(
            "an empty disk", StreamOptimizedBuilder(Array(repeating: .absent, count: 40)).build(), .read),
        VMDKCase(
            "compressed size over the grain (incompressible data)",
            StreamOptimizedBuilder.usual { $0.level = 0 }.build(), .read),
    ]

    private static let directories: [VMDKCase] = [
        VMDKCase(
            "0 in the directory",
            StreamOptimizedBuilder(
                GrainContent.mixed(512) + Array(repeating: .absent, count: 1024) + GrainContent.mixed(30)
            ).build(), .read),
        VMDKCase("directory entry past the end", StreamOptimizedBuilder.usual()) { image in
            image.setDirectoryEntry(1, to: 0x7fff_ffff)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        VMDKCase("directory entry whose table is cut off by the end", StreamOptimizedBuilder.usual()) {
            image in
            image.setDirectoryEntry(2, to: UInt32(image.bytes.count / 512))
            return .damaged([image.guestRange(ofTable: 2)])
        },
        VMDKCase("directory entry into the descriptor", StreamOptimizedBuilder.usual()) { image in
            image.setDirectoryEntry(1, to: 2)
            return .damaged([image.guestRange(ofTable: 1)])
        },
        VMDKCase("directory entry into the directory", StreamOptimizedBuilder.usual()) { image in
            image.setDirectoryEntry(0, to: UInt32(image.places.directory / 512))
            return .damaged([image.guestRange(ofTable: 0)])
        },
        VMDKCase("two directory entries name one table", StreamOptimizedBuilder.usual()) { image in
            image.setDirectoryEntry(2, to: UInt32((image.places.tables[1] ?? 0) / 512))
            return .damaged([image.guestRange(ofTable: 1), image.guestRange(ofTable: 2)])
        },
        VMDKCase(
            "redundant directory bogus", MonolithicSparseBuilder.usual(),
            warning: "the first grain directory is used alone"
        ) { image in
            image.setHeader(UInt64(0x7fff_ffff), at: 48)
            return .read
        },
        VMDKCase(
            "redundant directory with bogus entries", MonolithicSparseBuilder.usual(),
            warning: "3 of 3 entries of the redundant grain directory cannot be right"
        ) { image in
            image.bytes.put(Array(repeating: 0xee, count: 12), at: image.places.redundantDirectory ?? 0)
            return .read
        },
        VMDKCase(
            "directory past the end, redundant one in order", MonolithicSparseBuilder.usual(),
            warning: "redundant grain directory is used"
        ) { image in
            image.setHeader(UInt64(0x7fff_ffff), at: 56)
            return .read
        },
        VMDKCase(
            "directory past the end, redundant one not valid",
            MonolithicSparseBuilder.usual { $0.hasRedundantDirectory = false }
        ) { image in
            image.setHeader(UInt64(0x7fff_ffff), at: 56)
            return .refused("grain directory of disk.vmdk at byte 1099511627264")
        },
    ]

    private static let tableEntries: [VMDKCase] = [
        VMDKCase("entry 0 in a grain table", StreamOptimizedBuilder([.text, .absent, .text]).build(), .read),
        VMDKCase(
            "entry 1, zero-grain flag not set", StreamOptimizedBuilder([.text, .zeros, .text]).build(), .read),
        VMDKCase(
            "entry 1, zero-grain flag set", StreamOptimizedBuilder.usual { $0.flags |= 4 }.build(), .read),
        VMDKCase(
            "entry 1 in monolithicSparse", MonolithicSparseBuilder([.text, .zeros, .noise]).build(), .read),
        VMDKCase("table entry past the end", StreamOptimizedBuilder.usual()) { image in
            image.setEntry(ofGrain: 6, to: 0x7fff_ffff)
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        VMDKCase("table entry past the end, plain grain", MonolithicSparseBuilder.usual()) { image in
            image.setEntry(ofGrain: 6, to: UInt32(image.bytes.count / 512 - 15))
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        VMDKCase("table entry into the descriptor, plain grain", MonolithicSparseBuilder.usual()) { image in
            image.setEntry(ofGrain: 6, to: 2)
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        VMDKCase("table entry into the tables, plain grain", MonolithicSparseBuilder.usual()) { image in
            image.setEntry(ofGrain: 6, to: UInt32(image.places.directory / 512))
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        VMDKCase("two entries name one grain", StreamOptimizedBuilder.usual()) { image in
            image.setEntry(ofGrain: 6, to: image.entry(ofGrain: 0))
            return .damaged([image.guestRange(ofGrain: 6)])
        },
        VMDKCase("two entries name one grain, plain", MonolithicSparseBuilder.usual()) { image in
            image.setEntry(ofGrain: 6, to: image.entry(ofGrain: 3))
            return .damaged([image.guestRange(ofGrain: 3), image.guestRange(ofGrain: 6)])
        },
        VMDKCase("two entries name overlapping sectors, plain", MonolithicSparseBuilder.usual()) { image in
            image.setEntry(ofGrain: 2, to: image.entry(ofGrain: 6) - 1)
            return .damaged([2, 5, 6].map { image.guestRange(ofGrain: $0) })
        },
        VMDKCase(
            "two entries name one grain, without markers",
            StreamOptimizedBuilder.usual {
                $0.flags = 0x1_0001
                $0.framing = .size
            }
        ) { image in
            image.setEntry(ofGrain: 6, to: image.entry(ofGrain: 3))
            return .damaged([image.guestRange(ofGrain: 3), image.guestRange(ofGrain: 6)])
        },
    ]

    private static let grains: [VMDKCase] = [
        VMDKCase("damaged zlib data", StreamOptimizedBuilder.usual()) { image in
            image.bytes[image.grainOffset(5) + 40] ^= 0xff
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        VMDKCase("damaged zlib checksum", StreamOptimizedBuilder.usual()) { image in
            image.bytes[image.grainOffset(5) + (image.places.storedByteCounts[5] ?? 0) - 1] ^= 1
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        VMDKCase("grain marker's LBA is not the one expected", StreamOptimizedBuilder.usual()) { image in
            image.bytes.put(UInt64(16), at: image.grainOffset(5))
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        VMDKCase("inflates to more than a grain (bomb)", StreamOptimizedBuilder.usual()) { image in
            image.replaceGrain(3, with: [UInt8](repeating: 0, count: 1 << 20))
            return .damaged([image.guestRange(ofGrain: 3)])
        },
        VMDKCase("inflates to one byte more than a grain", StreamOptimizedBuilder.usual()) { image in
            image.replaceGrain(5, with: [UInt8](repeating: 0, count: image.grainByteCount + 1))
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        VMDKCase("inflates to less", StreamOptimizedBuilder.usual()) { image in
            image.replaceGrain(5, with: [UInt8](repeating: 0, count: image.grainByteCount - 1))
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        VMDKCase(
            "inflates to less, in the last grain, with the rest of the disk covered",
            StreamOptimizedBuilder.usual {
                $0.grains[39] = .text
                $0.capacityInSectors = 40 * 16 - 5
                $0.fillsLastGrain = false
            }.build(), .read),
        VMDKCase(
            "inflates to less, in the last grain, with the rest of the disk not covered",
            StreamOptimizedBuilder.usual {
                $0.grains[39] = .text
                $0.capacityInSectors = 40 * 16 - 5
            }
        ) { image in
            image.replaceGrain(39, with: [UInt8](repeating: 0, count: 11 * 512 - 1))
            return .damaged([image.guestRange(ofGrain: 39)])
        },
        VMDKCase("compressed size 0", StreamOptimizedBuilder.usual()) { image in
            image.bytes.put(UInt32(0), at: image.grainOffset(5) + 8)
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        VMDKCase("compressed size over 2 × grain", StreamOptimizedBuilder.usual()) { image in
            image.bytes.put(UInt32(2 * image.grainByteCount + 1), at: image.grainOffset(5) + 8)
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        VMDKCase("compressed size of 4 GiB", StreamOptimizedBuilder.usual()) { image in
            image.bytes.put(UInt32.max, at: image.grainOffset(5) + 8)
            return .damaged([image.guestRange(ofGrain: 5)])
        },
        VMDKCase(
            "compressed size past the member", StreamOptimizedBuilder.usual { $0.directoryPlace = .front }
        ) {
            image in
            // Nothing tells this from a file that was cut short.
            image.bytes.put(UInt32(2 * image.grainByteCount), at: image.grainOffset(37) + 8)
            let missing = image.grainOffset(37) + 12 + 2 * image.grainByteCount - image.bytes.count
            return .refused("at least \(missing) bytes are missing")
        },
        VMDKCase(
            "last grain not padded",
            StreamOptimizedBuilder.usual {
                $0.directoryPlace = .front
                $0.padsLastGrain = false
                $0.hasEndOfStream = false
            }.build(), .read),
        VMDKCase(
            "compressed without markers, grain markers all the same",
            StreamOptimizedBuilder.usual { $0.flags = 0x1_0001 }.build(), .read),
        VMDKCase(
            "compressed without markers, 4-byte sizes",
            StreamOptimizedBuilder.usual {
                $0.flags = 0x1_0001
                $0.framing = .size
            }.build(), .read),
        VMDKCase(
            "compressed without markers, neither marker nor size",
            StreamOptimizedBuilder.usual { $0.flags = 0x1_0001 }
        ) { image in
            image.bytes.put(UInt64(0xffff_ffff_ffff), at: image.grainOffset(5))
            return .damaged([image.guestRange(ofGrain: 5)])
        },
    ]
}

extension BuiltImage {
    /// Puts `data` in the place of grain `index`, whose compressed form must not be longer than the grain's.
    mutating func replaceGrain(_ index: Int, with data: [UInt8]) {
        let compressed = ZlibCompressor.compress(data, level: 12)
        precondition(12 + compressed.count <= (places.storedByteCounts[index] ?? 0) + 511, "it does not fit")
        bytes.put(UInt32(compressed.count), at: grainOffset(index) + 8)
        bytes.put(compressed, at: grainOffset(index) + 12)
    }
}
