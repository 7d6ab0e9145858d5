// Bombs that are lists in text, or nodes between it.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
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
            var bytes = GzipCompressor.compress(TarBuilder.package(BombDescriptor.plain))
            for _ in 0..<size(60_000) { bytes += empty }
            return bytes
        },
    ]
}
