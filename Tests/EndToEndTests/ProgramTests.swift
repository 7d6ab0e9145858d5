// Other people's programs on a mount: SEMANTICS, "Programs".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ProgramTests {
        /// Room that a copy may take beyond the data: what the file system of the test adds, and a tar header.
        private static let slack = 64 << 10

        /// The bytes that a file's data takes, as SEEK_DATA says.
        private func dataByteCount(_ path: String) throws -> Int {
            try PosixFile(path).dataRanges().reduce(0) { $0 + $1.count }
        }

        private func allocatedByteCount(_ path: String) throws -> Int {
            Int(try PosixFile(path).status().st_blocks) * 512
        }

        @Test("P1: ls -R, find, cp -a, stat and file work")
        func everyday() throws {
            try withStandardMount { _, mount, folder in
                #expect(try run(["ls", "-R", mount.point]).lines.contains(StandardPackage.first))
                let found = try run(["find", mount.point, "-type", "f", "-size", "+1M"]).lines.sorted()
                #expect(found == [mount(StandardPackage.first), mount(StandardPackage.second)])
                let copy = folder("copy")
                try run(["cp", "-a", mount.point, copy])
                try run(["diff", "-r", mount.point, copy])
                let times = try run(["stat", "--format=%Y", mount("notes.txt"), copy + "/notes.txt"]).lines
                #expect(times[0] == times[1])
                #expect(
                    try run(["file", "--brief", mount(StandardPackage.first)]).text.contains(
                        "MBR boot sector"))
            }
        }

        @Test(
            "P2: cp --sparse=auto copies the data and nothing else",
            arguments: [StandardPackage.first, StandardPackage.second], ["", "cache=none"])
        func sparseCopy(name: String, options: String) throws {
            try withStandardMount(options: options) { package, mount, folder in
                let copy = folder("copy.raw")
                try run(["cp", "--sparse=auto", mount(name), copy])
                try run(["cmp", copy, package.references[name] ?? ""])
                let data = try dataByteCount(mount(name))
                #expect(try allocatedByteCount(copy) <= data + Self.slack)
                // Through the page cache the kernel reads ahead, into holes too; without it, only data is asked for.
                if options == "cache=none" {
                    #expect(try Statistics(of: mount).bytesServed <= data + Self.slack)
                }
            }
        }

        @Test("P3: tar -cS makes an archive no larger than the data, and restores the same bytes")
        func sparseArchive() throws {
            try withStandardMount { package, mount, folder in
                let archive = folder("disks.tar")
                for (name, reference) in package.references {
                    try run(["tar", "-cSf", archive, "-C", mount.point, name])
                    let size = Int(try PosixFile(archive).status().st_size)
                    #expect(try size <= dataByteCount(mount(name)) + Self.slack)
                    try shell(
                        "mkdir -p $1; tar -xSf $2 -C $1; cmp $1/$3 $4", folder("out"), archive, name,
                        reference)
                }
            }
        }

        @Test("P4: rsync --sparse makes the same copy")
        func rsync() throws {
            try withStandardMount { package, mount, folder in
                let copy = folder("copy.raw")
                try run(["rsync", "--sparse", "--times", mount(StandardPackage.first), copy])
                try run(["cmp", copy, package.firstReference])
                #expect(
                    try allocatedByteCount(copy) <= dataByteCount(mount(StandardPackage.first)) + Self.slack)
            }
        }

        @Test("P5: qemu-img converts, compares and maps a raw disk", arguments: ["", "cache=none"])
        func qemu(options: String) throws {
            try withStandardMount(options: options) { package, mount, folder in
                for (name, reference) in package.references {
                    try run(["qemu-img", "compare", "-f", "raw", "-F", "raw", mount(name), reference])
                    // Direct I/O, as qemu does it for its own guests.
                    try run([
                        "qemu-img", "compare", "-T", "none", "-f", "raw", "-F", "raw", mount(name), reference,
                    ])
                    try run([
                        "qemu-img", "convert", "-f", "raw", "-O", "qcow2", mount(name), folder("copy.qcow2"),
                    ])
                    try run([
                        "qemu-img", "compare", "-f", "qcow2", "-F", "raw", folder("copy.qcow2"), reference,
                    ])
                }
            }
        }

        @Test("P7: fdisk -l shows the partitions of the guest")
        func fdisk() throws {
            try withStandardMount { _, mount, _ in
                let text = try run(["fdisk", "--list", mount(StandardPackage.first)]).text
                #expect(text.contains("\(mount(StandardPackage.first))1"))
                #expect(text.contains("24576"))
            }
        }

        @Test("P8: sha256sum -c of the manifest passes in .ova/stored, and of the references in the mount")
        func digests() throws {
            try withStandardMount { package, mount, folder in
                try shell(
                    "sed -E 's/^SHA256\\((.*)\\)= (.*)$/\\2  \\1/' appliance.mf | sha256sum --check --strict",
                    in: URL(fileURLWithPath: mount(".ova/stored")))
                let lines = try package.references.map { name, reference in
                    "\(try Fixtures.digest(reference))  \(name)\n"
                }
                let sums = try folder.write(lines.joined(), to: "sums")
                try run(["sha256sum", "--check", "--strict", sums], in: URL(fileURLWithPath: mount.point))
            }
        }

        @Test(
            "P6: losetup -r and mount -o ro show the files of the guest",
            .enabled(if: EndToEnd.isRoot, "loop devices need root"), arguments: ["", "cache=none"])
        func loopMount(options: String) throws {
            try withStandardMount(options: options) { _, mount, folder in
                let device = try run(
                    [
                        "losetup", "--read-only", "--find", "--show", "--offset",
                        "\(StandardPackage.partition.start)", "--sizelimit",
                        "\(StandardPackage.partition.byteCount)", mount(StandardPackage.first),
                    ]
                ).text
                defer { _ = try? attempt(["losetup", "--detach", device]) }
                let guest = try folder.makeFolder("guest")
                try run(["mount", "-o", "ro,noload", device, guest])
                defer { _ = try? attempt(["umount", guest]) }
                try run(["diff", "-r", "--exclude=lost+found", guest, folder("content")])
            }
        }

        @Test(
            "P6: mount -o loop of an image inside a mounted package",
            .enabled(if: EndToEnd.isRoot, "needs root"))
        func loopMountOfWholeDisk() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                // A raw disk that is a file system, as a member of the package.
                try run(["cp", folder("part.raw"), package.members + "/data.img"])
                try folder.write(
                    descriptor(
                        files: [ReferencedFile(id: "a", href: "data.img")],
                        disks: [ListedDisk(id: "d", file: "a", capacity: "\"\(12 << 20)\"")]),
                    to: "members/y.ovf")
                try Fixtures.tar(["y.ovf", "data.img"], in: package.members, to: folder("y.ova"))
                try withMount(of: folder("y.ova"), in: folder) { mount in
                    let guest = try folder.makeFolder("guest")
                    try run(["mount", "-o", "ro,loop,noload", mount("data.raw"), guest])
                    defer { _ = try? attempt(["umount", guest]) }
                    try run(["diff", "-r", "--exclude=lost+found", guest, folder("content")])
                }
            }
        }
    }
}
