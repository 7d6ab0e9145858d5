// The differential matrix: formats, their options, and contents, each against qemu-img.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct MatrixTests {
        /// A format and its options, as qemu-img has them.
        struct Variant: Sendable, CustomStringConvertible {
            let format: String
            let options: String
            var isCompressed = false
            /// Whether qemu-img ends with 1, and without a word, although it has written all of the image.
            var endsWithError = false

            var description: String { "\(format) \(options)\(isCompressed ? " -c" : "")" }
        }

        enum Content: String, CaseIterable, Sendable {
            case empty
            case full
            case sparse
            case random
            case unaligned
        }

        static let variants: [Variant] =
            ["compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=4k", "cluster_size=2M"].flatMap {
                options in
                [false, true].map { Variant(format: "qcow2", options: options, isCompressed: $0) }
            } + [
                Variant(format: "qcow2", options: "compression_type=zstd", isCompressed: true),
                Variant(
                    format: "qcow2", options: "compression_type=zstd,cluster_size=2M", isCompressed: true),
                Variant(format: "qcow2", options: "extended_l2=on,cluster_size=64k"),
                Variant(format: "qcow2", options: "extended_l2=on,cluster_size=2M", isCompressed: true),
                Variant(format: "qcow2", options: "preallocation=metadata"),
                Variant(format: "qcow2", options: "lazy_refcounts=on,refcount_bits=1"),
                Variant(format: "qcow", options: ""),
                Variant(format: "qcow", options: "", isCompressed: true, endsWithError: true),
                Variant(format: "vdi", options: ""), Variant(format: "vdi", options: "static=on"),
                Variant(format: "vpc", options: "subformat=dynamic"),
                Variant(format: "vpc", options: "subformat=fixed"),
                Variant(format: "vpc", options: "subformat=dynamic,force_size=on"),
                Variant(format: "vhdx", options: "subformat=dynamic"),
                Variant(format: "vhdx", options: "subformat=fixed"),
                Variant(format: "vhdx", options: "block_size=1M"),
                Variant(format: "vhdx", options: "block_size=256M,block_state_zero=off"),
                Variant(format: "parallels", options: ""),
                Variant(format: "parallels", options: "cluster_size=64k"),
                Variant(format: "vmdk", options: "subformat=monolithicSparse"),
                Variant(format: "vmdk", options: "subformat=monolithicFlat"),
                Variant(format: "vmdk", options: "subformat=twoGbMaxExtentSparse"),
                Variant(format: "vmdk", options: "subformat=twoGbMaxExtentFlat"),
                Variant(format: "vmdk", options: "subformat=streamOptimized"),
                Variant(format: "vmdk", options: "subformat=monolithicSparse,zeroed_grain=on"),
                Variant(format: "raw", options: ""),
            ]

        /// What became of one image: nil where all is right.
        private func difference(
            _ variant: Variant, _ content: Content, _ raw: String, in folder: TestFolder
        ) throws -> String? {
            let place = try folder.makeFolder("case-\(UUID().uuidString.prefix(8))")
            defer { try? FileManager.default.removeItem(atPath: place) }
            let image = place + "/disk.image"
            var command = ["qemu-img", "convert", "-q", "-f", "raw", "-O", variant.format]
            if !variant.options.isEmpty { command += ["-o", variant.options] }
            if variant.isCompressed { command.append("-c") }
            let made = try attempt(command + [raw, image])
            guard made.exitCode == 0 || (variant.endsWithError && made.standardError.isEmpty) else {
                throw CommandFailure(result: made)
            }
            if variant.endsWithError {
                try run(["qemu-img", "compare", "-q", "-f", "raw", "-F", variant.format, raw, image])
            }
            try run([
                "qemu-img", "convert", "-q", "-f", variant.format, "-O", "raw", image, place + "/expected",
            ])
            let copied = try Ovafs.attempt("extract", image, "-o", place + "/copy")
            guard copied.exitCode == 0 else { return "extract: \(copied.standardError)" }
            let same = try attempt(["cmp", place + "/expected", place + "/copy"])
            guard same.exitCode == 0 else { return "\(same.text)\(same.standardError)" }
            let info = try run([try Ovafs.path(), "info", "--json", image])
            let size = try Summary(info.standardOutput).disks.first?.virtualSize
            let attributes = try FileManager.default.attributesOfItem(atPath: place + "/expected")
            return size == (attributes[.size] as? Int) ? nil : "info says \(size ?? -1) bytes"
        }

        private func write(_ content: Content, to path: String) throws {
            let byteCount = 5 << 20
            switch content {
            case .empty: try Fixtures.rawDisk(path, byteCount: byteCount, data: [])
            case .full:
                let words = Array("a disk that is full of text of no meaning, line after line\n".utf8)
                let bytes = (0..<byteCount).map {
                    words[$0 % words.count] &+ UInt8(truncatingIfNeeded: $0 >> 12) & 3
                }
                try Data(bytes).write(to: URL(fileURLWithPath: path))
            case .sparse:
                try Fixtures.rawDisk(
                    path, byteCount: byteCount,
                    data: [
                        0..<512, 70_000..<70_512, 1 << 20..<(1 << 20) + 200_000, byteCount - 512..<byteCount,
                    ])
            case .random: try Fixtures.rawDisk(path, byteCount: byteCount, data: [0..<byteCount])
            case .unaligned:
                // Not whole clusters of any format, and not whole sectors.
                try Fixtures.rawDisk(
                    path, byteCount: byteCount - 65_536 - 1_000, data: [0..<9_000, 3_000_001..<4_000_000])
            }
        }

        @Test("D5: every format that qemu-img writes reads as qemu-img reads it", arguments: Content.allCases)
        func matrix(content: Content) throws {
            try withTestFolder { folder in
                let raw = folder("content.raw")
                try write(content, to: raw)
                #expect(problems(with: Self.variants) { try difference($0, content, raw, in: folder) } == [])
                let formats = Set(Self.variants.map(\.format))
                print("matrix: \(Self.variants.count) images of \(content) content, \(formats.count) formats")
            }
        }
    }
}
