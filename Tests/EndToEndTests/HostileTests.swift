// Packages and callers that mean harm, or that no one thought of: SEMANTICS, in several chapters.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct HostileTests {
        @Test("C1: a caller that has closed its input and outputs gets a mount that can be read")
        func closedDescriptors() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try shell("\"$1\" mount \"$2\" \"$3\" <&- >&- 2>&-", try Ovafs.path(), package.path, point)
                defer { _ = try? unmount(point) }
                try shell("cmp \"$1\" \"$2\"", point + "/" + StandardPackage.first, package.firstReference)
            }
        }

        @Test("F9: after the source was cut short, no one is told that what is gone was a hole")
        func seekAfterTruncation() throws {
            try withTestFolder { folder in
                let raw = folder("disk.img")
                try Fixtures.rawDisk(raw, byteCount: 1 << 20, data: [0..<1 << 20])
                try withMount(of: raw, in: folder) { mount in
                    let file = try PosixFile(mount("disk.raw"))
                    try shell("truncate --size=4096 \"$1\"", raw)
                    #expect(throws: SystemCallError.self) { try file.seek(8192, .data) }
                    #expect(throws: SystemCallError.self) { try file.seek(0, .hole) }
                }
            }
        }

        @Test("T2: a folder that has the name of a disk's raw file hides no disk")
        func folderInTheWay() throws {
            try withTestFolder { folder in
                try folder.makeFolder("members/disk1.raw")
                try folder.write("A note.\n", to: "members/disk1.raw/note")
                try Fixtures.rawDisk(folder("members/disk1.img"), byteCount: 4096, data: [0..<4096])
                let text = descriptor(
                    files: [ReferencedFile(id: "file1", href: "disk1.img")],
                    disks: [ListedDisk(id: "vmdisk1", file: "file1", capacity: "\"4096\"")])
                try folder.write(text, to: "members/appliance.ovf")
                try Fixtures.tar(
                    ["appliance.ovf", "disk1.img", "disk1.raw/note"], in: folder("members"),
                    to: folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    try shell("cmp \"$1\" \"$2\"", mount("disk1.img.raw"), folder("members/disk1.img"))
                    #expect(try run(["cat", mount("disk1.raw/note")]).text == "A note.")
                }
            }
        }

        @Test(
            "C4 C8: what a package says is printed on one line, and commands no terminal",
            arguments: [["info"], ["verify", "--no-manifest"]])
        func terminalCommands(command: [String]) throws {
            try withTestFolder { folder in
                try folder.makeFolder("members")
                // Two disks with one identifier, so that verify has something to say about it.
                let disk = ListedDisk(id: "x&#10;OK: all is well&#x9b;2J&#x202e;", capacity: "\"4096\"")
                let text = descriptor(files: [], disks: [disk, disk])
                try folder.write(text, to: "members/appliance.ovf")
                try Fixtures.tar(["appliance.ovf"], in: folder("members"), to: folder("x.ova"))
                let lines = try run([try Ovafs.path()] + command + [folder("x.ova")]).lines
                #expect(lines.contains { $0.contains("x OK: all is well\\u{9b}2J\\u{202e}") })
                #expect(!lines.contains { $0.hasPrefix("OK: all is well") })
            }
        }

        @Test("T2: thousands of disks in one file are opened once, each with a name of its own")
        func manyDisksInOneFile() throws {
            try withTestFolder { folder in
                try folder.makeFolder("members")
                try Fixtures.rawDisk(folder("members/disk1.img"), byteCount: 4096, data: [0..<4096])
                let disks = (0..<5000).map { number in
                    ListedDisk(id: "vmdisk\(number)", file: "file1", capacity: "\"4096\"")
                }
                let text = descriptor(files: [ReferencedFile(id: "file1", href: "disk1.img")], disks: disks)
                try folder.write(text, to: "members/appliance.ovf")
                try Fixtures.tar(
                    ["appliance.ovf", "disk1.img"], in: folder("members"), to: folder("x.ova"))
                let json = try run([try Ovafs.path(), "info", "--json", folder("x.ova")], limit: 20)
                let path = try folder.write(json.text, to: "info.json")
                #expect(try run(["jq", "[.disks[].raw.text] | unique | length", path]).text == "5000")
            }
        }

        @Test("M2: thousands of systems with one identifier have a folder each, at once")
        func manySystems() throws {
            try withTestFolder { folder in
                try folder.makeFolder("members")
                let system = "<VirtualSystem ovf:id=\"vm\"><Info>A machine</Info></VirtualSystem>"
                let text = descriptor(
                    files: [], disks: [ListedDisk(id: "vmdisk1", capacity: "\"4096\"")]
                )
                .replacingOccurrences(
                    of: "<VirtualSystem ",
                    with: "<VirtualSystemCollection ovf:id=\"c\">" + String(repeating: system, count: 20_000)
                        + "</VirtualSystemCollection><VirtualSystem ")
                try folder.write(text, to: "members/appliance.ovf")
                try Fixtures.tar(["appliance.ovf"], in: folder("members"), to: folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    let names = try run(["ls", mount(".ova/systems")], limit: 20).lines
                    #expect(names.count == 20_001)
                }
            }
        }

        @Test("C1 C2 C8 C11 O8: names that are not UTF-8 are taken as the bytes that they are")
        func rawNames() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try folder.makeFolder("mnt")
                try shell(
                    """
                    cp "$2" $'\\xff.ova'
                    "$1" info $'\\xff.ova' > /dev/null
                    "$1" mount $'\\xff.ova' mnt && cmp "mnt/$4" "$3" && umount mnt
                    "$1" extract $'\\xff.ova' vmdisk1 --output=$'\\xfe' && cmp $'\\xfe' "$3"
                    if "$1" extract $'\\xff.ova' vmdisk1 -o $'\\xfe.ova' 2> message; then exit 1; fi
                    grep -q 'two arguments' message
                    "$1" mount -o X-mount.mkdir,auto_unmount $'\\xff.ova' $'p\\xe4'
                    [ ! -e $'p\\xef\\xbf\\xbd' ]
                    cmp $'p\\xe4'/"$4" "$3"
                    LC_ALL=C grep --text --quiet $'/\\xff.ova .*/p\\xe4 fuse' /proc/mounts
                    "$1" unmount $'p\\xe4'
                    rmdir $'p\\xe4'; mkdir $'q\\xe4'
                    "$1" mount $'\\xff.ova' $'q\\xe4'; cmp $'q\\xe4'/"$4" "$3"; "$1" unmount --lazy $'q\\xe4'
                    rmdir $'q\\xe4'
                    rm $'\\xff.ova' $'\\xfe'
                    """,
                    try Ovafs.path(), package.path, package.firstReference, StandardPackage.first,
                    in: URL(fileURLWithPath: folder.path))
            }
        }

        @Test(
            "T6: a block device is a disk image by itself",
            .enabled(if: EndToEnd.isRoot, "loop devices need root"))
        func blockDevice() throws {
            try withTestFolder { folder in
                let raw = folder("disk.img")
                try Fixtures.rawDisk(raw, byteCount: 1 << 20, data: [0..<200_000])
                let device = try run(["losetup", "--read-only", "--find", "--show", raw]).text
                defer { _ = try? run(["losetup", "--detach", device]) }
                try withMount(of: device, in: folder) { mount in
                    let name = URL(fileURLWithPath: device).lastPathComponent
                    try shell("cmp \"$1\" \"$2\"", mount(name + ".raw"), raw)
                }
            }
        }
    }
}
