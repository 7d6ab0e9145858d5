// What a mounted package shows: SEMANTICS, "The tree", for packages that are as they should be.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct TreeTests {
        @Test("T1 T2 T8: members are shown as stored, disks as raw files, each stored file in .ova/stored")
        func standardTree() throws {
            try withStandardMount { package, mount, _ in
                let names = try run(["ls", "-A", mount.point]).lines.sorted()
                #expect(
                    names == [
                        "appliance-disk1.raw", "appliance-disk2.raw", "appliance.mf", "appliance.ovf",
                        "notes.txt",
                    ])
                for name in ["appliance.ovf", "appliance.mf", "notes.txt"] {
                    try run(["cmp", mount(name), package.members + "/" + name])
                }
                for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
                try run(["diff", "-r", mount(".ova/stored"), package.members])
            }
        }

        @Test("T2: monolithicSparse and raw disks read as qemu-img reads them")
        func otherFormats() throws {
            try withTestFolder { folder in
                let members = try folder.makeFolder("members")
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(
                    reference, byteCount: 5 << 20, data: [65_000..<70_000, (2 << 20)..<(3 << 20)])
                try Fixtures.vmdk(reference, to: members + "/sparse.vmdk", subformat: "monolithicSparse")
                try run(["cp", reference, members + "/plain.img"])
                try folder.write(
                    descriptor(
                        files: [
                            ReferencedFile(id: "a", href: "sparse.vmdk"),
                            ReferencedFile(id: "b", href: "plain.img"),
                        ],
                        disks: [
                            ListedDisk(id: "d1", file: "a", capacity: "\"\(5 << 20)\""),
                            ListedDisk(id: "d2", file: "b", capacity: "\"\(5 << 20)\""),
                        ]), to: "members/x.ovf")
                try Fixtures.tar(["x.ovf", "sparse.vmdk", "plain.img"], in: members, to: folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    try run(["cmp", mount("sparse.raw"), reference])
                    try run(["cmp", mount("plain.raw"), reference])
                }
            }
        }

        @Test("T3: disks whose raw names would be the same keep their extensions")
        func collidingNames() throws {
            try withTestFolder { folder in
                let members = try folder.makeFolder("members")
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(reference, byteCount: 1 << 20, data: [0..<70_000])
                try Fixtures.vmdk(reference, to: members + "/disk1.vmdk")
                try run(["cp", reference, members + "/disk1.img"])
                try folder.write(
                    descriptor(
                        files: [
                            ReferencedFile(id: "a", href: "disk1.vmdk"),
                            ReferencedFile(id: "b", href: "disk1.img"),
                        ],
                        disks: [
                            ListedDisk(id: "d1", file: "a", capacity: "\"\(1 << 20)\""),
                            ListedDisk(id: "d2", file: "b", capacity: "\"\(1 << 20)\""),
                        ]), to: "members/x.ovf")
                try Fixtures.tar(["x.ovf", "disk1.vmdk", "disk1.img"], in: members, to: folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    let names = try run(["ls", mount.point]).lines.sorted()
                    #expect(names == ["disk1.img.raw", "disk1.vmdk.raw", "x.ovf"])
                    for name in names.prefix(2) { try run(["cmp", mount(name), reference]) }
                }
            }
        }

        @Test("T4: a disk without a file is one hole of its capacity, named after its identifier")
        func diskWithoutFile() throws {
            try withTestFolder { folder in
                let text = descriptor(
                    files: [],
                    disks: [
                        ListedDisk(
                            id: "scratch", file: nil,
                            capacity: "\"3\" ovf:capacityAllocationUnits=\"GigaBytes\"")
                    ])
                try folder.write(text, to: "x.ovf")
                try Fixtures.tar(["x.ovf"], in: folder.path, to: folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    let file = try PosixFile(mount("scratch.raw"))
                    let status = try file.status()
                    #expect(status.st_size == 3 << 30)
                    #expect(try file.dataRanges().isEmpty)
                    #expect(try file.read(4096, at: (3 << 30) - 4096) == Array(repeating: 0, count: 4096))
                }
            }
        }

        @Test("T5: a disk in pieces is one raw file, and its pieces are in .ova/stored only")
        func chunks() throws {
            try withTestFolder { folder in
                let members = try folder.makeFolder("members")
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(
                    reference, byteCount: 2 << 20, data: [0..<300_000, 1_500_000..<1_600_000])
                try Fixtures.vmdk(reference, to: folder("whole.vmdk"))
                try shell(
                    "split --bytes=65537 --numeric-suffixes --suffix-length=9 $1 $2/disk.vmdk.",
                    folder("whole.vmdk"),
                    members)
                let size = try run(["stat", "--format=%s", folder("whole.vmdk")]).text
                try folder.write(
                    descriptor(
                        files: [
                            ReferencedFile(
                                id: "a", href: "disk.vmdk",
                                attributes: "ovf:size=\"\(size)\" ovf:chunkSize=\"65537\"")
                        ],
                        disks: [ListedDisk(id: "d1", file: "a", capacity: "\"\(2 << 20)\"")]),
                    to: "members/x.ovf")
                let pieces = try run(["ls", members]).lines.filter { $0 != "x.ovf" }
                #expect(pieces.count > 3)
                try Fixtures.tar(["x.ovf"] + pieces, in: members, to: folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    #expect(try run(["ls", mount.point]).lines.sorted() == ["disk.raw", "x.ovf"])
                    try run(["cmp", mount("disk.raw"), reference])
                    try run(["diff", "-r", mount(".ova/stored"), members])
                }
            }
        }

        @Test(
            "T6: a disk image by itself is found by its content, whatever its name",
            arguments: ["streamOptimized", "monolithicSparse", "raw"])
        func singleImage(format: String) throws {
            try withTestFolder { folder in
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(reference, byteCount: 1 << 20, data: [100_000..<200_000])
                let image = folder("3f1c-image")
                if format == "raw" {
                    try run(["cp", reference, image])
                } else {
                    try Fixtures.vmdk(reference, to: image, subformat: format)
                }
                try withMount(of: image, in: folder, options: "ctldir=visible") { mount in
                    #expect(try run(["ls", "-A", mount.point]).lines.sorted() == [".ova", "3f1c-image.raw"])
                    try run(["cmp", mount("3f1c-image.raw"), reference])
                    try run(["cmp", mount(".ova/stored/3f1c-image"), image])
                }
            }
        }

        @Test(
            "T15: what is compressed with gzip is read through it: an archive, a member, an image by itself",
            arguments: ["archive", "member", "image"])
        func gzip(what: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let (source, name) =
                    switch what {
                    case "archive": (folder("x.ova"), StandardPackage.second)
                    case "member": (folder("y.ova"), StandardPackage.second)
                    default: (folder("z.vmdk.gz"), "z.raw")
                    }
                try shell(
                    """
                    gzip --stdout appliance-disk2.vmdk > "$3"; gzip --stdout "$4" > "$1"
                    sed 's/href="appliance-disk2.vmdk"/href="appliance-disk2.vmdk.gz" ovf:compression="gzip"/' \
                        appliance.ovf > y.ovf
                    gzip appliance-disk2.vmdk
                    tar --create --file "$2" y.ovf appliance-disk1.vmdk appliance-disk2.vmdk.gz notes.txt
                    """, folder("x.ova"), folder("y.ova"), folder("z.vmdk.gz"), package.path,
                    in: URL(fileURLWithPath: package.members))
                try withMount(of: source, in: folder) { mount in
                    try run(["cmp", mount(name), package.secondReference])
                    // Backwards too, which a stream cannot do by itself.
                    let file = try PosixFile(mount(name))
                    let reference = try PosixFile(package.secondReference)
                    for offset in stride(from: StandardPackage.secondByteCount - 4096, to: 0, by: -700_000) {
                        #expect(try file.read(4096, at: offset) == reference.read(4096, at: offset))
                    }
                }
            }
        }

        @Test("T7 O3: .ova is reached by name, and listed only when asked for")
        func controlFolder() throws {
            for (options, isListed) in [("", false), ("ctldir=hidden", false), ("ctldir=visible", true)] {
                try withStandardMount(options: options) { _, mount, _ in
                    let listed = try run(["find", mount.point]).lines
                    #expect(listed.contains(mount(".ova/stored/appliance-disk1.vmdk")) == isListed)
                    #expect(listed.contains(mount(".ova")) == isListed)
                    let inside = try run(["ls", mount(".ova")]).lines
                    #expect(Set(inside).isSuperset(of: ["info.json", "stats.json", "stored"]))
                }
            }
        }

        @Test("T13: a folder package shows the tree of an archive of the same files")
        func folderPackage() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let archive = try Mount(package.path, in: folder, on: "archive", options: "ctldir=visible")
                for (number, source) in [package.members, package.members + "/appliance.ovf"].enumerated() {
                    let mount = try Mount(
                        source, in: folder, on: "folder\(number)", options: "ctldir=visible")
                    // The summary names the kind of source; all other files are the same.
                    try run(
                        [
                            "diff", "-r", "--exclude=info.json", "--exclude=stats.json", archive.point,
                            mount.point,
                        ])
                    try mount.unmount()
                }
                try archive.unmount()
            }
        }
    }
}
