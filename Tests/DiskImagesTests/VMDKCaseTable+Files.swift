// The rows of the case table that are about headers, ends and descriptors.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension VMDKCase {
    static let ends: [VMDKCase] = [
        VMDKCase(
            "bytes after the end of stream",
            StreamOptimizedBuilder.usual {
                $0.trailer = Array("garbage".utf8) + [UInt8](repeating: 7, count: 5_000)
            }
            .build(), .read, warning: "5007 bytes follow the end of the stream"),
        VMDKCase(
            "zeros after the end of stream, just in reach",
            StreamOptimizedBuilder.usual { $0.trailer = [UInt8](repeating: 0, count: (1 << 20) - 1024) }
                .build(),
            .read, warning: "1047552 bytes follow the end of the stream"),
        VMDKCase(
            "bytes after the end of stream, out of reach",
            StreamOptimizedBuilder.usual { $0.trailer = [UInt8](repeating: 0, count: (1 << 20) + 512) }
                .build(),
            .refused("the file has no footer; the stream ends without one")),
        VMDKCase(
            "end of stream missing", StreamOptimizedBuilder.usual { $0.hasEndOfStream = false }.build(),
            .read,
            warning: "the end-of-stream marker is missing"),
        VMDKCase("truncated: the footer is gone", StreamOptimizedBuilder.usual()) { image in
            image.bytes.removeLast(1024)
            return .refused("at least 1024 bytes are missing")
        },
        VMDKCase("truncated: in the middle of a grain", StreamOptimizedBuilder.usual()) { image in
            image.bytes.removeLast(image.bytes.count - image.grainOffset(5) - 100)
            let missing = (image.places.storedByteCounts[5] ?? 0) - 100 + 1536
            return .refused("at least \(missing) bytes are missing")
        },
        VMDKCase(
            "truncated, with the directory at the front",
            StreamOptimizedBuilder.usual { $0.directoryPlace = .front }
        ) { image in
            // All grains from 25 on are missing; the last one is at least a marker and a byte long.
            let end = image.grainOffset(25) + 100
            image.bytes.removeLast(image.bytes.count - end)
            return .refused("at least \(image.grainOffset(37) + 13 - end) bytes are missing")
        },
        VMDKCase("a footer of another disk after the stream", StreamOptimizedBuilder.usual()) { image in
            var other = Array(image.bytes.suffix(1536))
            other.put(UInt64(16), at: 512 + 12)
            image.bytes += other
            return .read
        }.warning("1536 bytes follow the end of the stream"),
    ]

    static let headers: [VMDKCase] = [
        VMDKCase("version 1", StreamOptimizedBuilder.usual { $0.version = 1 }.build(), .read),
        VMDKCase("version 2", StreamOptimizedBuilder.usual { $0.version = 2 }.build(), .read),
        VMDKCase("version 3", MonolithicSparseBuilder.usual { $0.version = 3 }.build(), .read),
        VMDKCase("version 0", StreamOptimizedBuilder.usual { $0.version = 0 }.build(), .refused("version 0")),
        VMDKCase("version 4", StreamOptimizedBuilder.usual { $0.version = 4 }.build(), .refused("version 4")),
        VMDKCase(
            "newline bytes wrong, and said to be valid",
            StreamOptimizedBuilder.usual { $0.newline = Array("\n \n\n".utf8) }.build(),
            .refused("damaged by a text-mode transfer")),
        VMDKCase(
            "newline bytes wrong, and not said to be valid",
            StreamOptimizedBuilder.usual {
                $0.flags = 0x3_0000
                $0.newline = [0, 0, 0, 0]
            }.build(), .read),
        VMDKCase(
            "algorithm says none, flag says compressed",
            StreamOptimizedBuilder.usual { $0.algorithm = 0 }.build(), .read,
            warning: "compression flag and algorithm disagree"),
        VMDKCase(
            "algorithm says deflate, flag says nothing",
            StreamOptimizedBuilder.usual { $0.flags = 0x2_0001 }.build(), .read,
            warning: "compression flag and algorithm disagree"),
        VMDKCase(
            "unknown algorithm", StreamOptimizedBuilder.usual { $0.algorithm = 2 }.build(),
            .refused("compression algorithm 2")),
        VMDKCase(
            "markers without compression",
            StreamOptimizedBuilder.usual {
                $0.flags = 0x2_0001
                $0.algorithm = 0
            }.build(), .refused("not supported")),
        VMDKCase(
            "unclean shutdown", StreamOptimizedBuilder.usual { $0.isUnclean = true }.build(), .read,
            warning: "unclean shutdown"),
        VMDKCase("capacity 0 header", StreamOptimizedBuilder.usual()) { image in
            image.setHeader(UInt64(0), at: 12)
            return .refused("refers to other files, which are never opened")
        },
        VMDKCase("capacity 2^40 sectors", MonolithicSparseBuilder.usual()) { image in
            image.setHeader(UInt64(1) << 40, at: 12)
            return .refused("needs a directory of 17179869184 bytes")
        },
        VMDKCase("capacity 2^52 sectors", StreamOptimizedBuilder.usual()) { image in
            image.setHeader(UInt64(1) << 52, at: 12)
            return .refused("needs a directory of")
        },
        VMDKCase("capacity 2^64 - 1 sectors", StreamOptimizedBuilder.usual()) { image in
            image.setHeader(UInt64.max, at: 12)
            return .refused("more than a file can have")
        },
    ]

    static let geometries: [VMDKCase] =
        [1, 8, 16, 32, 64, 128, 256, 4_096, 16_384].map { size in
            VMDKCase(
                "grain size \(size) sectors",
                StreamOptimizedBuilder([.text, .absent, .noise]).with { $0.grainSizeInSectors = size }
                    .build(), .read)
        }
        + [1, 8, 128, 16_384].map { size in
            VMDKCase(
                "grain size \(size) sectors, plain",
                MonolithicSparseBuilder([.text, .absent, .noise, .noise]).with {
                    $0.grainSizeInSectors = size
                }
                .build(), .read)
        }
        + [0, 3, 100, 32_768, UInt64(1) << 63].map { size in
            VMDKCase("grain size \(size) sectors", StreamOptimizedBuilder.usual()) { image in
                image.setHeader(size, at: 20)
                return .refused("grain size in sectors is \(size)")
            }
        }
        + [1, 64, 256, 512, 1_024, 65_536].map { count in
            VMDKCase(
                "\(count) entries a table",
                StreamOptimizedBuilder(GrainContent.mixed(700)).with {
                    $0.entriesPerTable = count
                    $0.grainSizeInSectors = 1
                }.build(), .read)
        }
        + [0, 3, 500, 131_072, UInt32.max].map { count in
            VMDKCase("\(count) entries a table", StreamOptimizedBuilder.usual()) { image in
                image.setHeader(count, at: 44)
                return .refused("entries in a grain table is \(count)")
            }
        }
        + [1, 15, 17, 40 * 16 - 1].map { capacity in
            VMDKCase(
                "capacity \(capacity), not a multiple of the grain",
                StreamOptimizedBuilder(Array(repeating: .noise, count: (capacity + 15) / 16)).with {
                    $0.capacityInSectors = capacity
                }.build(), .read)
        }
        + [true, false].map { fills in
            VMDKCase(
                "capacity not a multiple of the grain, last plain grain \(fills ? "whole" : "short")",
                MonolithicSparseBuilder([.noise, .noise, .text]).with {
                    $0.capacityInSectors = 37
                    $0.fillsLastGrain = fills
                }.build(), .read)
        }

    static let descriptors: [VMDKCase] = [
        VMDKCase(
            "descriptor empty", StreamOptimizedBuilder.usual { $0.descriptor = "" }.build(), .read,
            warning: "descriptor is empty"),
        VMDKCase(
            "descriptor of 1 sector", StreamOptimizedBuilder.usual { $0.descriptorSizeInSectors = 1 }.build(),
            .read),
        VMDKCase("no descriptor", StreamOptimizedBuilder.usual { $0.descriptor = "" }) { image in
            image.setHeader(UInt64(0), at: 28)
            image.setHeader(UInt64(0), at: 36)
            return .read
        },
        VMDKCase("no descriptor, and plain grains", MonolithicSparseBuilder.usual { $0.descriptor = "" }) {
            image in
            image.setHeader(UInt64(0), at: 28)
            image.setHeader(UInt64(0), at: 36)
            return .refused("it has no descriptor, as a part of a disk has none")
        },
        VMDKCase("a header that leads to no descriptor, though there is one", MonolithicSparseBuilder.usual())
        {
            image in
            image.setHeader(UInt64(0), at: 28)
            return .refused("it does not lead to the descriptor, which is at byte 512")
        },
        VMDKCase(
            "a header that leads to zeros for a descriptor, though there is one",
            StreamOptimizedBuilder.usual()
        ) { image in
            image.setHeader(UInt64(3), at: 28)
            return .refused("it does not lead to the descriptor, which is at byte 512")
        },
        VMDKCase(
            "a header that leads past the end for a descriptor, though there is one",
            StreamOptimizedBuilder.usual()
        ) { image in
            image.setHeader(UInt64.max, at: 28)
            return .refused("it does not lead to the descriptor, which is at byte 512")
        },
        VMDKCase(
            "a NUL in the descriptor, and a parent behind it",
            StreamOptimizedBuilder.usual {
                $0.descriptor = "CID=1\0parentCID=1234abcd\nparentFileNameHint=\"base.vmdk\"\n"
            }.build(), .refused("there is a NUL in its text")),
        VMDKCase(
            "a NUL in the descriptor, and an old text behind it",
            StreamOptimizedBuilder.usual {
                $0.descriptor = "CID=1\ncreateType=\"streamOptimized\"\n\0ddb.x=1\n"
            }
            .build(), .read),
        VMDKCase("descriptor of 2^63 sectors", StreamOptimizedBuilder.usual()) { image in
            image.setHeader(UInt64(1) << 63, at: 36)
            return .read
        },
        VMDKCase(
            "descriptor past the end", StreamOptimizedBuilder.usual { $0.descriptor = "" },
            warning: "lies past the end of the file"
        ) { image in
            image.setHeader(UInt64.max, at: 28)
            return .read
        },
        VMDKCase(
            "embedded extent name is another file's, as after a rename", .named("other.vmdk"), .read),
        VMDKCase(
            "embedded extent name leads upwards", .named("../other.vmdk"), .read,
            warning: "names the file \"../other.vmdk\", which is not opened"),
        VMDKCase(
            "embedded extent name is a path", .named("/etc/passwd"), .read,
            warning: "names the file \"/etc/passwd\", which is not opened"),
        VMDKCase("embedded extent name is a writer's placeholder", .named("generated-stream.vmdk"), .read),
        VMDKCase(
            "a parent disk",
            StreamOptimizedBuilder.usual {
                $0.descriptor = "parentCID=1234abcd\nparentFileNameHint=\"base.vmdk\"\n"
            }.build(), .refused("builds on another file, and none is beside it")),
        VMDKCase(
            "extents in several files",
            StreamOptimizedBuilder.usual {
                $0.descriptor = "RW 320 SPARSE \"a.vmdk\"\nRW 320 SPARSE \"b.vmdk\"\n"
            }.build(), .refused("one of the 2 files of its disk")),
    ]

    func warning(_ text: String) -> VMDKCase {
        VMDKCase(row, image, expectation, warning: text)
    }
}

extension BuiltImage {
    /// The usual image with another name in its descriptor.
    fileprivate static func named(_ name: String) -> BuiltImage {
        StreamOptimizedBuilder.usual {
            $0.descriptor = "createType=\"streamOptimized\"\nRW 640 SPARSE \"\(name)\"\n"
        }
        .build()
    }
}

extension StreamOptimizedBuilder {
    func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}

extension MonolithicSparseBuilder {
    func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}
