// Bombs that are lists in text, or nodes between it.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    private static func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
        var result = bytes
        while result.count < bytes.count * count { result += result }
        return Array(result.prefix(bytes.count * count))
    }

    /// A package of one item in one system.
    private static func package(item: String, system: String = "") -> [UInt8] {
        TarBuilder.package(
            BombDescriptor(
                disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>",
                sections: "<VirtualSystem><VirtualHardwareSection>\(system)\(item)"
                    + "</VirtualHardwareSection></VirtualSystem>"
            ).text)
    }

    static let texts = [
        Bomb("sections of an envelope") { size in
            TarBuilder.package(
                BombDescriptor(
                    disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>",
                    sections: repeated("<S/>", size(300_000))
                ).text)
        },
        Bomb("processing instructions in a text") { size in
            TarBuilder.package(
                BombDescriptor(
                    disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>",
                    sections: "<AnnotationSection><Annotation>\(repeated("x<?a?>", size(2_600_000)))"
                        + "</Annotation></AnnotationSection>"
                ).text)
        },
        Bomb("comments in a text") { size in
            TarBuilder.package(
                BombDescriptor(
                    disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>",
                    sections: "<AnnotationSection><Annotation>\(repeated("x<!---->", size(1_900_000)))"
                        + "</Annotation></AnnotationSection>"
                ).text)
        },
        Bomb("items times names of configurations") { size in
            let names = repeated("abcd ", size(200_000))
            return package(
                item: repeated(
                    "<Item ovf:configuration=\"\(names)\"><rasd:ResourceType>17</rasd:ResourceType></Item>",
                    size(15)))
        },
        Bomb("types of a system") { size in
            package(
                item: "",
                system:
                    "<System><VirtualSystemType>\(repeated("a ", size(7_000_000)))</VirtualSystemType></System>"
            )
        },
        Bomb("slashes of a host resource") { size in
            package(
                item: "<Item><rasd:ResourceType>17</rasd:ResourceType><rasd:HostResource>"
                    + "\(repeated("a/", size(7_000_000)))</rasd:HostResource></Item>")
        },
        Bomb("factors of a unit") { size in
            package(
                item: "<Item><rasd:ResourceType>4</rasd:ResourceType><rasd:AllocationUnits>"
                    + "\(repeated("*", size(14_000_000)))</rasd:AllocationUnits>"
                    + "<rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>")
        },
        Bomb("members of a gzip file") { size in
            let empty = GzipCompressor.compress([])
            return GzipCompressor.compress(TarBuilder.package(BombDescriptor.plain))
                + repeated(empty, size(2_900_000))
        },
        Bomb("blocks of a gzip file") { size in
            // A member of blocks of no bytes, each of which is stored as a length of two bytes and the same inverted.
            let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
            return header + repeated([0, 0, 0, 0xff, 0xff], size(13_000_000)) + [1, 0, 0, 0xff, 0xff]
                + [UInt8](repeating: 0, count: 8)
        },
        Bomb("small blocks of a gzip file") { size in
            // Four blocks with fixed codes and nothing but their end, in ten bits each.
            let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
            return header + repeated([0x02, 0x08, 0x20, 0x80, 0x00], size(13_000_000)) + [3, 0]
                + [UInt8](repeating: 0, count: 8)
        },
    ]
}
