// Disks of several files and disks with parents, mounted.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct ChainMountTests {
        /// 3 MiB with data at both ends, in a file called `name`.
        private func reference(_ name: String, in folder: TestFolder, seed: UInt64 = 1) throws -> String {
            let path = folder(name)
            try Fixtures.rawDisk(
                path, byteCount: 3 << 20,
                data: [0..<300_000, 1_000_000..<1_200_000, (3 << 20) - 70_000..<3 << 20],
                seed: seed)
            return path
        }

        private func copy(_ source: String, in folder: TestFolder, _ options: String...) throws -> String {
            let output = folder("copy-\(UUID().uuidString).raw")
            try run([try Ovafs.path(), "extract", source, "-o", output] + options)
            return output
        }

        @Test(
            "D1: a VMDK of several files is read through its descriptor",
            arguments: ["twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "monolithicFlat"])
        func severalFiles(subformat: String) throws {
            try withTestFolder { folder in
                let raw = try reference("disk.raw", in: folder)
                try folder.makeFolder("image")
                try Fixtures.vmdk(raw, to: folder("image/disk.vmdk"), subformat: subformat)
                try withMount(of: folder("image/disk.vmdk"), in: folder) { mount in
                    try run(["cmp", raw, mount("disk.raw")])
                    // Holes stay holes.
                    try run(["cp", "--sparse=auto", mount("disk.raw"), folder("copy.raw")])
                    try run(["cmp", raw, folder("copy.raw")])
                }
                #expect(
                    try Fixtures.digest(copy(folder("image/disk.vmdk"), in: folder)) == Fixtures.digest(raw))
            }
        }

        @Test("C8 D3: info names the files that a disk reads, and one that is missing comes with its folder")
        func namedFiles() throws {
            try withTestFolder { folder in
                let raw = try reference("disk.raw", in: folder)
                try folder.makeFolder("image")
                try Fixtures.vmdk(raw, to: folder("image/disk.vmdk"), subformat: "twoGbMaxExtentSparse")
                let json = try run([try Ovafs.path(), "info", "--json", folder("image/disk.vmdk")]).text
                try folder.write(json, to: "info.json")
                let files = try run([
                    "jq", "-r", ".disks[0] | (.files[] | \"\\(.name) \\(.use) \\(.size)\"), .storedSize",
                    folder("info.json"),
                ]).lines
                let size = try run(["stat", "-c", "%s", folder("image/disk-s001.vmdk")]).text
                let own = try run(["stat", "-c", "%s", folder("image/disk.vmdk")]).text
                #expect(files == ["disk-s001.vmdk part \(size)", "\((Int(size) ?? 0) + (Int(own) ?? 0))"])
                let table = try run([try Ovafs.path(), "info", folder("image/disk.vmdk")]).text
                #expect(table.contains("disk disk.vmdk also reads disk-s001.vmdk (part, "), "\(table)")

                try shell(
                    """
                    cd "$1"; qemu-img convert -f raw -O qcow2 "$2" base.qcow2
                    qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
                    """, folder("image"), raw)
                let chain = try run([try Ovafs.path(), "info", folder("image/top.qcow2")]).text
                #expect(chain.contains("disk top.qcow2 also reads base.qcow2 (parent, "), "\(chain)")
                try shell("cd \"$1\"; rm base.qcow2 disk-s001.vmdk", folder("image"))
                for (image, missing) in [("top.qcow2", "base.qcow2"), ("disk.vmdk", "disk-s001.vmdk")] {
                    let refused = try Ovafs.attempt("info", folder("image/\(image)"))
                    #expect(refused.exitCode == 1)
                    let words =
                        "\"\(missing)\" is not there; it has to be beside \(image), in \(folder("image"))"
                    #expect(refused.standardError.contains(words), "\(refused.standardError)")
                }
            }
        }

        @Test("D1: the files of a VMDK are members of its archive, and nothing else")
        func inArchive() throws {
            try withTestFolder { folder in
                let raw = try reference("disk.raw", in: folder)
                let members = try folder.makeFolder("members")
                try Fixtures.vmdk(raw, to: members + "/disk.vmdk", subformat: "monolithicFlat")
                let text = descriptor(
                    files: [
                        ReferencedFile(id: "f1", href: "disk.vmdk"),
                        ReferencedFile(id: "f2", href: "disk-flat.vmdk"),
                    ],
                    disks: [ListedDisk(id: "d", file: "f1", capacity: "\"\(3 << 20)\"")])
                try folder.write(text, to: "members/a.ovf")
                try Fixtures.manifest("a.mf", of: ["a.ovf", "disk.vmdk", "disk-flat.vmdk"], in: members)
                try Fixtures.tar(
                    ["a.ovf", "a.mf", "disk.vmdk", "disk-flat.vmdk"], in: members, to: folder("whole.ova"))
                try withMount(of: folder("whole.ova"), in: folder, options: "verify=manifest") { mount in
                    try run(["cmp", raw, mount("disk.raw")])
                }
                // A part that no digest covers is not verified.
                try Fixtures.manifest("a.mf", of: ["a.ovf", "disk.vmdk"], in: members)
                try Fixtures.tar(
                    ["a.ovf", "a.mf", "disk.vmdk", "disk-flat.vmdk"], in: members, to: folder("unlisted.ova"))
                #expect(try Ovafs.attempt("verify", folder("unlisted.ova")).exitCode == 1)
                // What lies beside the archive is not in it.
                try Fixtures.tar(["a.ovf", "disk.vmdk"], in: members, to: members + "/cut.ova")
                let result = try Ovafs.attempt("extract", members + "/cut.ova", "-o", folder("out.raw"))
                #expect(result.exitCode == 1)
                #expect(!FileManager.default.fileExists(atPath: folder("out.raw")))
            }
        }

        @Test(
            "D2: a delta shows its parent's bytes, in a folder and in a package, by its own hint and by ovf:parentRef"
        )
        func deltas() throws {
            try withTestFolder { folder in
                let raw = try reference("disk.raw", in: folder)
                let members = try folder.makeFolder("members")
                try Fixtures.vmdk(raw, to: members + "/base.vmdk", subformat: "monolithicSparse")
                try shell(
                    """
                    qemu-img create -q -f vmdk -b base.vmdk -F vmdk delta.vmdk
                    qemu-io -f vmdk -c 'write -P 7 65536 200000' -c 'write -z 1M 65536' delta.vmdk >/dev/null
                    qemu-img convert -f vmdk -O raw delta.vmdk "$1"
                    """, folder("merged.raw"), in: URL(fileURLWithPath: members))
                #expect(
                    try Fixtures.digest(copy(members + "/delta.vmdk", in: folder))
                        == Fixtures.digest(folder("merged.raw")))
                let text = descriptor(
                    files: [
                        ReferencedFile(id: "f1", href: "base.vmdk"),
                        ReferencedFile(id: "f2", href: "delta.vmdk"),
                    ],
                    disks: [
                        ListedDisk(id: "base", file: "f1", capacity: "\"\(3 << 20)\""),
                        ListedDisk(id: "delta", file: "f2", capacity: "\"\(3 << 20)\""),
                        ListedDisk(id: "blank", file: nil, capacity: "\"\(4 << 20)\""),
                    ])
                let withParents = text.replacingOccurrences(
                    of: "ovf:diskId=\"delta\"", with: "ovf:diskId=\"delta\" ovf:parentRef=\"base\""
                ).replacingOccurrences(
                    of: "ovf:diskId=\"blank\"", with: "ovf:diskId=\"blank\" ovf:parentRef=\"delta\"")
                try folder.write(withParents, to: "members/a.ovf")
                try Fixtures.tar(["a.ovf", "base.vmdk", "delta.vmdk"], in: members, to: folder("a.ova"))
                for source in [folder("a.ova"), members + "/a.ovf"] {
                    try withTestFolder { other in
                        try withMount(of: source, in: other) { mount in
                            try run(["cmp", raw, mount("base.raw")])
                            try run(["cmp", folder("merged.raw"), mount("delta.raw")])
                            // A disk without a file of its own is its parent, with zeros behind its end.
                            try shell(
                                "cmp <(cat \"$1\"; head -c 1048576 /dev/zero) \"$2\"", folder("merged.raw"),
                                mount("blank.raw"))
                        }
                    }
                }
            }
        }

        @Test("D3: a parent that is a link, a fifo, a folder or missing refuses its child at once")
        func otherThanFiles() throws {
            try withTestFolder { folder in
                let raw = try reference("disk.raw", in: folder)
                let members = try folder.makeFolder("members")
                try Fixtures.vmdk(raw, to: members + "/base.vmdk", subformat: "monolithicSparse")
                try shell(
                    "qemu-img create -q -f vmdk -b base.vmdk -F vmdk delta.vmdk; mv base.vmdk other.vmdk",
                    in: URL(fileURLWithPath: members))
                for making in ["ln -s other.vmdk base.vmdk", "mkfifo base.vmdk", "mkdir base.vmdk", "true"] {
                    try shell("\(making)", in: URL(fileURLWithPath: members))
                    let result = try Ovafs.attempt("info", members + "/delta.vmdk", limit: 10)
                    #expect(result.exitCode == 1, "\(making): \(result.standardError)")
                    #expect(result.standardError.split(separator: "\n").count == 1)
                    try shell("rm -rf base.vmdk", in: URL(fileURLWithPath: members))
                }
            }
        }

        @Test("D4: a copy is never written over a file that its disk is read from, a parent or a part")
        func sourcesAreKept() throws {
            try withTestFolder { folder in
                let raw = try reference("disk.raw", in: folder)
                let members = try folder.makeFolder("members")
                try Fixtures.vmdk(raw, to: members + "/disk.vmdk", subformat: "monolithicFlat")
                let before = try Fixtures.digest(members + "/disk-flat.vmdk")
                let result = try Ovafs.attempt(
                    "extract", members + "/disk.vmdk", "--force", "-o", members + "/disk-flat.vmdk")
                #expect(result.exitCode != 0)
                #expect(try Fixtures.digest(members + "/disk-flat.vmdk") == before)
            }
        }
    }
}
