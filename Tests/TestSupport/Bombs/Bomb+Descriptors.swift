// Bombs that are descriptors: elements, attributes, text that is said again and again.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    private static let marks = "\u{301}\u{316}"

    static let descriptors = [
        Bomb("elements of a descriptor: disks") { size in
            TarBuilder.package(BombDescriptor(disks: repeated("<Disk/>", size(390_000))).text)
        },
        Bomb("elements of a descriptor: disks with a capacity") { size in
            let disk = "<Disk ovf:capacity=\"512\"/>"
            return TarBuilder.package(BombDescriptor(disks: repeated(disk, size(390_000))).text)
        },
        Bomb("elements of a descriptor: files") { size in
            TarBuilder.package(
                BombDescriptor(files: repeated("<File ovf:href=\"x\"/>", size(390_000))).text)
        },
        Bomb("elements of a descriptor: items") { size in
            let items = repeated("<Item><rasd:ResourceType>17</rasd:ResourceType></Item>", size(190_000))
            let hardware = "<VirtualHardwareSection>\(items)</VirtualHardwareSection>"
            return TarBuilder.package(
                BombDescriptor(sections: "<VirtualSystem>\(hardware)</VirtualSystem>").text)
        },
        Bomb("attributes of one element with each other") { size in
            let attributes = (0..<size(100_000)).map { "a\($0)=\"\"" }.joined(separator: " ")
            return TarBuilder.package(BombDescriptor(disks: "<Disk \(attributes)/>").text)
        },
        Bomb("attributes times namespaces in scope") { size in
            let open = (0..<size(250)).map { level in
                let names = (0..<size(200)).map { "xmlns:n\(level)x\($0)=\"u\"" }
                return "<a \(names.joined(separator: " "))>"
            }
            let inner = repeated("<n0x0:b n0x1:c=\"\"/>", size(300_000))
            return TarBuilder.package(
                BombDescriptor(sections: open.joined() + inner + repeated("</a>", open.count)).text)
        },
        Bomb("an id of combining marks") { size in
            TarBuilder.package(
                BombDescriptor(disks: "<Disk ovf:diskId=\"a\(repeated(marks, size(200_000)))\"/>").text)
        },
        Bomb("an element's text of combining marks that are written as numbers") { size in
            let name = repeated("&#x301;&#x316;", size(200_000))
            return TarBuilder.package(
                BombDescriptor(sections: "<VirtualSystem><Name>a\(name)</Name></VirtualSystem>").text)
        },
        Bomb("properties times the name of their class") { size in
            let properties = repeated("<Property ovf:key=\"k\" ovf:value=\"v\"/>", size(200_000))
            let name = repeated("c", size(900_000))
            return TarBuilder.package(
                BombDescriptor(
                    disks: "<Disk ovf:capacity=\"1\"/>",
                    sections: "<ProductSection ovf:class=\"\(name)\">\(properties)</ProductSection>"
                ).text)
        },
        Bomb("children times the name of their parent") { size in
            let children = repeated("<b>t</b>", size(300_000))
            let parent = "<a name=\"\(repeated("n", size(900_000)))\">\(children)</a>"
            return TarBuilder.package(
                BombDescriptor(
                    disks: "<Disk ovf:capacity=\"1\"/>",
                    sections: "<GanetiSection xmlns=\"\">\(parent)</GanetiSection>"
                ).text)
        },
        Bomb("systems times an annotation of the package") { size in
            let text = repeated("t", size(5_000_000))
            let annotation = "<AnnotationSection><Annotation>\(text)</Annotation></AnnotationSection>"
            let systems = repeated("<VirtualSystem/>", size(40_000))
            return TarBuilder.package(
                BombDescriptor(
                    sections: annotation + "<VirtualSystemCollection>\(systems)</VirtualSystemCollection>"
                ).text)
        },
        Bomb("systems times the name of their collection") { size in
            let systems = repeated("<VirtualSystem/>", size(40_000))
            let name = repeated("n", size(5_000_000))
            return TarBuilder.package(
                BombDescriptor(
                    sections:
                        "<VirtualSystemCollection><Name>\(name)</Name>\(systems)</VirtualSystemCollection>"
                ).text)
        },
        Bomb("drives times the id of their disk") { size in
            let id = repeated("i", size(900_000))
            let item =
                "<Item><rasd:ResourceType>17</rasd:ResourceType><rasd:HostResource>f</rasd:HostResource></Item>"
            let hardware = repeated(item, size(60_000))
            return TarBuilder.package(
                BombDescriptor(
                    files: "<File ovf:id=\"f\" ovf:href=\"x.ovf\"/>",
                    disks: "<Disk ovf:diskId=\"\(id)\" ovf:fileRef=\"f\"/>",
                    sections: "<VirtualSystem><VirtualHardwareSection>\(hardware)"
                        + "</VirtualHardwareSection></VirtualSystem>"
                ).text)
        },
        Bomb("attributes times the name of their namespace") { size in
            let name = "h" + repeated("\u{200d}", size(300_000))
            let inner = repeated("<n:b n:c=\"\"/>", size(300_000))
            return TarBuilder.package(
                BombDescriptor(namespaces: "xmlns:n=\"\(name)\"", sections: inner).text)
        },
    ]
}
