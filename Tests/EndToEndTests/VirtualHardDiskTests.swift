// VHD and VHDX images of qemu-img, against what qemu-img makes of them: SEMANTICS T6, F5, P5.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct VirtualHardDiskTests {
        /// What a disk of 9 MiB and a bit holds, in bytes.
        private struct Content: Sendable {
            let name: String
            let byteCount: Int
            let data: [Range<Int>]
        }

        private static let contents = [
            Content(name: "empty", byteCount: 9 << 20, data: []),
            Content(name: "full", byteCount: 9 << 20, data: [0..<9 << 20]),
            Content(
                name: "sparse", byteCount: 40 << 20,
                data: [5 << 20..<(5 << 20) + 100_000, 39 << 20..<(39 << 20) + 4_096]),
            Content(
                name: "ends in data", byteCount: (9 << 20) + 512, data: [(8 << 20) - 700..<(9 << 20) + 512]),
            Content(
                name: "unaligned", byteCount: (9 << 20) + 7 * 512,
                data: [1..<1_000, 511..<513, (2 << 20) - 1..<(2 << 20) + 1]),
        ]

        @Test(
            "T6, P5: an image of qemu-img is the disk that qemu-img makes of it",
            arguments: [
                ("vpc", ""), ("vpc", "force_size=on"), ("vpc", "subformat=fixed"),
                ("vpc", "subformat=fixed,force_size=on"), ("vhdx", ""), ("vhdx", "subformat=fixed"),
                ("vhdx", "block_size=1M"), ("vhdx", "block_size=32M,log_size=2M"),
                ("vhdx", "block_size=256M"),
            ])
        func matrix(format: String, options: String) throws {
            try withTestFolder { folder in
                let found = problems(with: Self.contents) { content in
                    let raw = folder("\(content.name).raw")
                    try Fixtures.rawDisk(raw, byteCount: content.byteCount, data: content.data)
                    let image = folder("\(content.name).image")
                    let choice = options.isEmpty ? [] : ["-o", options]
                    try run(["qemu-img", "convert", "-f", "raw", "-O", format] + choice + [raw, image])
                    let reference = folder("\(content.name).reference")
                    try run(["qemu-img", "convert", "-f", format, "-O", "raw", image, reference])
                    let copy = folder("\(content.name).copy")
                    try run([try Ovafs.path(), "extract", image, "-o", copy])
                    try run(["cmp", copy, reference])
                    // No more than the disk, which the format may have made longer, in whole cylinders.
                    try shell("cmp -n \"$3\" \"$1\" \"$2\"", copy, raw, "\(content.byteCount)")
                    return nil
                }
                #expect(found == [])
            }
        }

        @Test(
            "T6, F5: holes of a mounted image are holes, and what is read is what was written",
            arguments: ["vpc", "vhdx"])
        func mounted(format: String) throws {
            try withTestFolder { folder in
                let raw = folder("disk.raw")
                try Fixtures.rawDisk(raw, byteCount: 64 << 20, data: [8 << 20..<10 << 20])
                let options = format == "vpc" ? "force_size=on" : "block_size=1M"
                let image = folder(format == "vpc" ? "image.vhd" : "image.vhdx")
                try run(["qemu-img", "convert", "-f", "raw", "-O", format, "-o", options, raw, image])
                try withMount(of: image, in: folder) { mount in
                    try run(["cmp", mount("image.raw"), raw])
                    try run(["cp", "--sparse=auto", mount("image.raw"), folder("copy.raw")])
                    let text = try run(["stat", "--format=%b", folder("copy.raw")]).text
                    let sectorCount = try #require(Int(text.filter(\.isNumber)))
                    #expect(sectorCount * 512 <= 16 << 20)
                }
            }
        }

        /// Makes a closed VHDX of qemu one whose last change is only in its log: what the log's last entry writes is
        /// wiped, and the headers say that the log is to be replayed.
        private func reopen(_ path: String) throws {
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            // Entries follow each other from the start of the log on.
            let entries = stride(from: 1 << 20, to: 2 << 20, by: 4_096).filter {
                bytes[$0..<($0 + 4)].elementsEqual("loge".utf8)
            }
            let entry = try #require(entries.last, "qemu-io has written no log")
            let page = Int(bytes.littleEndian(UInt64.self, at: entry + 64 + 16))
            #expect(page >= 2 << 20)
            bytes.put([UInt8](repeating: 0, count: 4_096), at: page)
            for header in [64 << 10, 128 << 10] {
                var record = Array(bytes[header..<(header + 4_096)])
                record.put(bytes[(entry + 32)..<(entry + 48)], at: 48)
                record.putVHDXChecksum()
                bytes.put(record, at: header)
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        }

        @Test("T6: a VHDX with data in its log is the disk that qemu makes of it once that is replayed")
        func log() throws {
            try withTestFolder { folder in
                let image = folder("disk.vhdx")
                try run(["qemu-img", "create", "-q", "-f", "vhdx", "-o", "block_size=1M", image, "64M"])
                let writes = ["-c", "write -P 0x41 1M 64k", "-c", "write -P 0x42 33M 4k"]
                try run(["qemu-io", "-f", "vhdx"] + writes + [image])
                try reopen(image)
                let repaired = folder("repaired.vhdx")
                try run(["cp", image, repaired])
                try run(["qemu-img", "check", "-q", "-r", "all", "-f", "vhdx", repaired])
                let reference = folder("reference.raw")
                try run(["qemu-img", "convert", "-f", "vhdx", "-O", "raw", repaired, reference])
                let copy = folder("copy.raw")
                try run([try Ovafs.path(), "extract", image, "-o", copy])
                try run(["cmp", copy, reference])
                for (letter, start, count) in [("A", 1 << 20, 65_536), ("B", 33 << 20, 4_096)] {
                    try shell(
                        "cmp -n \"$4\" -i \"$3:0\" \"$1\" <(head -c \"$4\" /dev/zero | tr '\\0' \"$2\")",
                        copy, letter,
                        "\(start)", "\(count)")
                }
            }
        }

        @Test("T6: a disk of 64 TiB is mounted, and read at its end")
        func huge() throws {
            try withTestFolder { folder in
                let image = folder("disk.vhdx")
                try run(["qemu-img", "create", "-q", "-f", "vhdx", "-o", "block_size=256M", image, "64T"])
                try withMount(of: image, in: folder) { mount in
                    let disk = mount("disk.raw")
                    #expect(try run(["stat", "--format=%s", disk]).text.filter(\.isNumber) == "\(64 << 40)")
                    try shell("tail -c 1M \"$1\" | cmp -n 1048576 - /dev/zero", disk)
                }
            }
        }
    }
}
