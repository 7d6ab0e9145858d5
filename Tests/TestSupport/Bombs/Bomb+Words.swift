// Bombs that are words: what a parser compares with words of its own, made slow to compare or long.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    /// Combining marks in the order that they are not sorted in, four bytes each.
    private static func marks(_ count: Int) -> [UInt8] {
        Array(String(repeating: "\u{301}\u{316}", count: count).utf8)
    }

    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    static let words = [
        Bomb("a keyword of a pax header, of combining marks") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                for prefix in ["X", "GNU.sparse.X"] {
                    tar.addPax([
                        (Array(prefix.utf8) + marks(size(250_000)), [UInt8(ascii: "1")])
                    ])
                }
                tar.add("x")
            }
        },
        Bomb("the name of a digest, of combining marks") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                tar.add("x.mf", Array("X".utf8) + marks(size(1_000_000)) + Array("(d.img)= 00\n".utf8))
            }
        },
        Bomb("a name in a manifest, of combining marks") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                tar.add("x.mf", Array("SHA256(a".utf8) + marks(size(1_000_000)) + Array(")= 00\n".utf8))
            }
        },
        Bomb("lines of the descriptors of images, of combining marks") { size in
            let line = Array("X".utf8) + marks(1_000) + Array("=1\n".utf8)
            let image = vmdk(describedBy: [UInt8]((0..<size(256)).map { _ in line }.joined()))
            let numbers = 0..<size(32)
            let files = numbers.map { "<File ovf:id=\"f\($0)\" ovf:href=\"d\($0).vmdk\"/>" }
            let disks = numbers.map { "<Disk ovf:diskId=\"d\($0)\" ovf:fileRef=\"f\($0)\"/>" }
            return TarBuilder.package(
                BombDescriptor(files: files.joined(), disks: disks.joined()).text
            ) { tar in
                for number in numbers { tar.add("d\(number).vmdk", image) }
            }
        },
        Bomb("long formats of disks") { size in
            let format = repeated("h", size(900_000))
            let files = (0..<16).map { "<File ovf:id=\"f\($0)\" ovf:href=\"d\($0).img\"/>" }
            let disks = (0..<16).map { "<Disk ovf:fileRef=\"f\($0)\" ovf:format=\"\(format)\"/>" }
            return TarBuilder.package(
                BombDescriptor(files: files.joined(), disks: disks.joined()).text
            ) { tar in
                for number in 0..<16 { tar.add("d\(number).img", [UInt8](repeating: 1, count: 512)) }
            }
        },
        Bomb("types of sections that are nothing but colons") { size in
            let section = "<Section xsi:type=\"\(repeated("a:", size(450_000)))\"/>"
            return TarBuilder.package(
                BombDescriptor(
                    namespaces: "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"",
                    disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>",
                    sections: repeated(section, 16)
                ).text)
        },
        Bomb("a type of a system that is one long word") { size in
            let type = "<VirtualSystemType>\(repeated("\u{e9}", size(4_500_000)))</VirtualSystemType>"
            return TarBuilder.package(
                BombDescriptor(
                    disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>",
                    sections: "<VirtualSystem><VirtualHardwareSection><System>\(type)</System>"
                        + "</VirtualHardwareSection></VirtualSystem>"
                ).text)
        },
        Bomb("files times the folder of their chunks") { size in
            let folder = repeated(repeated("f", 250) + "/", size(250))
            let files = repeated("<File ovf:href=\"x\" ovf:chunkSize=\"1\"/>", size(100_000))
            return TarBuilder.package(
                BombDescriptor(files: files, disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>").text
            ) { tar in
                for number in 0..<2 {
                    tar.addPax([("path", "\(folder)x.00000000\(number)")])
                    tar.add("x", [1])
                }
                tar.add(size(90_000)) { $0.add("y") }
            }
        },
    ]

    /// An image of one grain table in a hole, with an embedded descriptor.
    private static func vmdk(describedBy descriptor: [UInt8]) -> [UInt8] {
        let sectorCount = (descriptor.count + 511) / 512
        let header = SparseExtentFields(
            version: 1, flags: 1, capacity: 128, grainSize: 128, descriptorOffset: 1,
            descriptorSize: UInt64(sectorCount), entriesPerTable: 512,
            directoryOffset: UInt64(1 + sectorCount), overhead: UInt64(2 + sectorCount),
            algorithm: 0)
        let padding = [UInt8](repeating: 0, count: sectorCount * 512 - descriptor.count + 512)
        return header.bytes + descriptor + padding
    }
}
