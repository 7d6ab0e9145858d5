// Bombs of names: hrefs, ids and lines of a manifest that are looked up again and again.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    /// Longer when it is decomposed than composed: what is not normalised has to be, to be compared.
    private static let decomposed = "a\u{301}"
    /// Syllables of Hangul, each in three pieces.
    private static let jamo = "\u{1112}\u{1161}\u{11ab}"

    private static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    private static func folder(_ count: Int) -> String { repeated(repeated("f", 250) + "/", count) }

    private static let disk = "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>"

    static let references = [
        Bomb("hrefs times the folder of the descriptor") { size in
            let files = repeated("<File ovf:href=\"a\"/>", size(20_000))
            var tar = TarBuilder()
            tar.addPax([("path", folder(size(240)) + "x.ovf")])
            tar.add("x", Array(BombDescriptor(files: files, disks: disk).text.utf8))
            tar.finish()
            return tar.bytes
        },
        Bomb("hrefs that are not ASCII times the folder of the descriptor") { size in
            let files = (0..<size(20_000)).map { "<File ovf:href=\"a\u{301}\($0)\"/>" }.joined()
            var tar = TarBuilder()
            tar.addPax([("path", folder(size(240)) + "x.ovf")])
            tar.add("x", Array(BombDescriptor(files: files, disks: disk).text.utf8))
            tar.finish()
            return tar.bytes
        },
        Bomb("lines of the manifest times its folder") { size in
            let folder = folder(size(240))
            var tar = TarBuilder()
            tar.addPax([("path", folder + "x.ovf")])
            tar.add("x", Array(BombDescriptor.plain.utf8))
            tar.addPax([("path", folder + "x.mf")])
            tar.add("x", Array(repeated("SHA1(b)= a\n", size(100_000)).utf8))
            tar.finish()
            return tar.bytes
        },
        Bomb("folders of hrefs times a member in their place that is not shown") { size in
            let depth = size(200)
            let path = repeated(repeated("f", 120) + "/", depth)
            let files = repeated("<File ovf:href=\"\(path)a\"/>", size(500))
            return TarBuilder.package(BombDescriptor(files: files, disks: disk).text) { tar in
                tar.addPax([("path", path + "b")])
                tar.add("x", type: "2", link: "y")
                tar.add("s", type: "2", link: "y")
            }
        },
        Bomb("properties times a class that is not normalised") { size in
            let properties = repeated("<Property ovf:key=\"k\" ovf:value=\"v\"/>", size(270))
            let name = repeated(decomposed, size(300_000))
            return TarBuilder.package(
                BombDescriptor(
                    disks: disk,
                    sections: "<ProductSection ovf:class=\"\(name)\">\(properties)</ProductSection>"
                ).text)
        },
        Bomb("disks times ids of files that are not normalised") { size in
            let length = size(3_000)
            let files = (0..<size(800)).map { number in
                "<File ovf:id=\"\(repeated(decomposed, length))\(number)\" ovf:href=\"x\"/>"
            }
            let disks = (0..<size(150)).map { number in
                "<Disk ovf:diskId=\"d\(number)\" ovf:fileRef=\"\(repeated(decomposed, length))\(number)\"/>"
            }
            return TarBuilder.package(BombDescriptor(files: files.joined(), disks: disks.joined()).text)
        },
        Bomb("ids of disks with as many marks as a character may have") { size in
            let id = repeated("a" + repeated("\u{301}\u{316}", 15), size(14_000))
            let disks = (0..<size(15)).map { "<Disk ovf:diskId=\"\(id)\($0)\" ovf:capacity=\"512\"/>" }
            return TarBuilder.package(BombDescriptor(disks: disks.joined()).text)
        },
        Bomb("hrefs of Hangul in pieces") { size in
            let name = repeated(jamo, size(1_000))
            let files = (0..<size(900)).map { "<File ovf:id=\"\(name)\($0)\" ovf:href=\"\(name)\($0)\"/>" }
            return TarBuilder.package(BombDescriptor(files: files.joined(), disks: disk).text)
        },
        Bomb("members with names that are not normalised") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                for number in 0..<size(20_000) { tar.add(repeated(decomposed, 30) + "\(number)", [1]) }
            }
        },
        Bomb("members with names that are no text, of an unknown type") { size in
            TarBuilder.package(BombDescriptor.plain) { tar in
                let front = [UInt8](repeating: 0xff, count: 240)
                tar.add(size(30_000)) {
                    $0.addLong(front, type: "L")
                    $0.add("x", type: "@")
                }
            }
        },
        Bomb("lines of a manifest that are not normalised") { size in
            let lines = (0..<size(190_000)).map { "SHA1(\(repeated(decomposed, 20))\($0))= a\n" }
            return TarBuilder.package(BombDescriptor.plain) { tar in
                tar.add("x.mf", Array(lines.joined().utf8))
            }
        },
        Bomb("lines of a manifest with control characters") { size in
            let line = "SHA1(\(repeated("\u{1}", 60)))= a\n"
            return TarBuilder.package(BombDescriptor.plain) { tar in
                tar.add("x.mf", Array(repeated(line, size(190_000)).utf8))
            }
        },
    ]
}
