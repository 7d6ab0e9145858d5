// Bombs that are disks: files, chunks and folders that many disks share.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    static let disks = [
        Bomb("chunks times a long href") { size in
            let folders = String(repeating: "f/", count: size(95_000))
            let file = "<File ovf:id=\"f\" ovf:href=\"\(folders)a\" ovf:chunkSize=\"1\"/>"
            return TarBuilder.package(
                BombDescriptor(files: file, disks: "<Disk ovf:diskId=\"d\" ovf:fileRef=\"f\"/>").text
            ) { tar in
                for number in 0..<size(30_000) { tar.add("a" + chunkSuffix(number), [1]) }
            }
        },
        Bomb("files times the chunks that they share") { size in
            let files = (0..<size(50_000)).map { number in
                "<File ovf:id=\"f\(number)\" ovf:href=\"a\" ovf:chunkSize=\"1\"/>"
            }
            return TarBuilder.package(
                BombDescriptor(files: files.joined(), disks: "<Disk ovf:diskId=\"d\" ovf:fileRef=\"f0\"/>")
                    .text
            ) { tar in
                for number in 0..<size(20_000) { tar.add("a" + chunkSuffix(number), [1]) }
            }
        },
        Bomb("disks times the chunks of their file") { size in
            let file = "<File ovf:id=\"f\" ovf:href=\"a.img\" ovf:chunkSize=\"512\"/>"
            let disks = String(repeating: "<Disk ovf:fileRef=\"f\"/>", count: size(20_000))
            return TarBuilder.package(BombDescriptor(files: file, disks: disks).text) { tar in
                for number in 0..<size(4_000) {
                    tar.add("a.img" + chunkSuffix(number), [UInt8](repeating: 1, count: 512))
                }
            }
        },
        Bomb("disks times the folder of their file") { size in
            let folder = String(repeating: String(repeating: "f", count: 250) + "/", count: size(240))
            let file = "<File ovf:id=\"f\" ovf:href=\"\(folder)d.img\"/>"
            let disks = String(repeating: "<Disk ovf:fileRef=\"f\"/>", count: size(40_000))
            return TarBuilder.package(BombDescriptor(files: file, disks: disks).text) { tar in
                tar.addPax([("path", folder + "d.img")])
                tar.add("x", [UInt8](repeating: 1, count: 512))
            }
        },
        Bomb("disks times a long href that is not there") { size in
            let file = "<File ovf:id=\"f\" ovf:href=\"\(String(repeating: "h", count: size(900_000)))\"/>"
            let disks = String(repeating: "<Disk ovf:fileRef=\"f\"/>", count: size(30_000))
            return TarBuilder.package(BombDescriptor(files: file, disks: disks).text)
        },
        Bomb("hard links times the gzip stream that they are") { size in
            let stream = zeros(compressed: size(256 << 20))
            let count = size(1_500)
            let files = (0..<count).map { "<File ovf:id=\"f\($0)\" ovf:href=\"d\($0).gz\"/>" }
            let disks = (0..<count).map { "<Disk ovf:diskId=\"\($0)\" ovf:fileRef=\"f\($0)\"/>" }
            return TarBuilder.package(
                BombDescriptor(files: files.joined(), disks: disks.joined()).text
            ) { tar in
                tar.add("d0.gz", stream)
                for number in 1..<count { tar.add("d\(number).gz", type: "1", link: "d0.gz") }
            }
        },
        Bomb("a zstd frame of runs") { size in
            let descriptor = BombDescriptor(
                files: "<File ovf:id=\"f\" ovf:href=\"d.raw.zst\"/>", disks: "<Disk ovf:fileRef=\"f\"/>")
            return TarBuilder.package(descriptor.text) { $0.add("d.raw.zst", runs(size(2_000_000))) }
        },
        Bomb("entries of a directory that name one table") { size in
            package(vmdk(tableCount: size(7_500_000), firstEntry: [1, 1, 1, 1]))
        },
        Bomb("entries of a directory that name one table, which is not aligned with the first") { size in
            package(vmdk(tableCount: size(3_000_000), firstEntry: [0, 1, 1, 1]))
        },
    ]

    /// A package of one image, after which the file has a hole of 10 GB.
    private static func package(_ image: [UInt8]) -> [UInt8] {
        let descriptor = BombDescriptor(
            files: "<File ovf:id=\"f\" ovf:href=\"d.vmdk\"/>", disks: "<Disk ovf:fileRef=\"f\"/>")
        return TarBuilder.package(descriptor.text) { tar in
            tar.addPax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "d.vmdk"),
                ("GNU.sparse.realsize", "10000000000"),
            ])
            let map = Array("1\n0\n\(image.count)\n".utf8)
            tar.add("x", map + [UInt8](repeating: 0, count: 512 - map.count) + image)
        }
    }

    /// An image whose two directories, a sector apart, say that all tables but the first are at sector 0x1010101, in the hole.
    private static func vmdk(tableCount: Int, firstEntry: [UInt8]) -> [UInt8] {
        let directoryByteCount = (tableCount * 4 + 511) / 512 * 512
        let header = SparseExtentFields(
            version: 1, flags: 3, capacity: UInt64(tableCount) * 512 * 16, grainSize: 16, descriptorOffset: 1,
            descriptorSize: 1, entriesPerTable: 512, redundantDirectoryOffset: 3, directoryOffset: 2,
            overhead: UInt64(3 + directoryByteCount / 512), algorithm: 0)
        let text = SparseExtentFields.descriptor(createType: "monolithicSparse", capacity: header.capacity)
        var directories = [UInt8](repeating: 1, count: directoryByteCount + 512)
        for place in [0, 512] { directories.replaceSubrange(place..<(place + 4), with: firstEntry) }
        return header.bytes + padded(Array(text.utf8)) + directories
    }

    /// With zeros up to a whole sector.
    static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }

    /// A zstd frame that has a checksum: as many runs of 128 KiB as `count`.
    private static func runs(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xc4, 7 << 3]
        let byteCount = UInt64(count) << 17
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: byteCount >> UInt64(8 * shift))) }
        let word = 131_072 << 3 | 1 << 1
        let run = [UInt8(word & 0xff), UInt8(word >> 8 & 0xff), UInt8(word >> 16), 0]
        for _ in 1..<count { bytes += run }
        return bytes + [run[0] | 1, run[1], run[2], 0, 0, 0, 0, 0]
    }

    private static func chunkSuffix(_ number: Int) -> String {
        let digits = String(number)
        return "." + String(repeating: "0", count: 9 - digits.count) + digits
    }

    /// A gzip file of zeros.
    private static func zeros(compressed byteCount: Int) -> [UInt8] {
        let piece = [UInt8](repeating: 0, count: min(byteCount, 1 << 20))
        let member = GzipCompressor.compress(piece)
        return (0..<max(1, byteCount / piece.count)).flatMap { _ in member }
    }
}
