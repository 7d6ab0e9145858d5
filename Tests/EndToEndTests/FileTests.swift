// How single files of a mount behave: SEMANTICS, "Files".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct FileTests {
        @Test("F1: the table of mounts, findmnt and df show the source and the type fuse.ova")
        func mountTable() throws {
            try withStandardMount { package, mount, _ in
                let found = try run([
                    "findmnt", "--noheadings", "--output", "SOURCE,FSTYPE,OPTIONS", mount.point,
                ]).text
                #expect(found.hasPrefix(package.path))
                #expect(found.contains("fuse.ova"))
                #expect(found.contains("ro,"))
                #expect(try run(["df", "--output=source,fstype", mount.point]).text.contains("fuse.ova"))
            }
        }

        @Test("F2: modes, owner, times of the archive, and inode numbers that stay")
        func attributes() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                var inodes: [[String]] = []
                for _ in 0..<2 {
                    try withMount(of: package.path, in: folder) { mount in
                        let format = ["stat", "--format=%a %u %g %Y"]
                        let owner = "\(geteuid()) \(getegid())"
                        let modified = try run(["date", "--date=2026-01-02 03:04:05Z", "+%s"]).text
                        for name in [
                            StandardPackage.first, StandardPackage.second, "notes.txt", "appliance.ovf",
                        ] {
                            #expect(try run(format + [mount(name)]).text == "444 \(owner) \(modified)")
                        }
                        #expect(try run(["stat", "--format=%a %u %g", mount.point]).text == "555 \(owner)")
                        inodes.append(
                            try run(["stat", "--format=%n %i", mount.point, mount("notes.txt")]).lines)
                        let all = try shell("find $1 -printf '%i\\n'", mount.point).lines
                        #expect(Set(all).count == all.count)
                    }
                }
                #expect(inodes[0] == inodes[1])
            }
        }

        @Test("F3 F4: sizes are virtual, and blocks are the data that is there")
        func sizes() throws {
            try withStandardMount { package, mount, _ in
                for (name, reference) in package.references {
                    let status = try PosixFile(mount(name)).status()
                    let wanted = try PosixFile(reference).status()
                    #expect(status.st_size == wanted.st_size)
                    #expect(status.st_blocks > 0)
                    #expect(status.st_blocks < status.st_size / 512)
                }
            }
        }

        @Test("F5: SEEK_DATA and SEEK_HOLE name exactly the grains that hold data")
        func holes() throws {
            try withStandardMount { package, mount, _ in
                let file = try PosixFile(mount(StandardPackage.second))
                let grain = Fixtures.grain
                var wanted: [Range<Int>] = []
                for data in StandardPackage.secondData {
                    let start = data.lowerBound / grain * grain
                    let end = min(
                        (data.upperBound + grain - 1) / grain * grain, StandardPackage.secondByteCount)
                    if let last = wanted.last, last.upperBound >= start {
                        wanted[wanted.count - 1] = last.lowerBound..<end
                    } else {
                        wanted.append(start..<end)
                    }
                }
                #expect(try file.dataRanges() == wanted)
                #expect(try file.seek(StandardPackage.secondByteCount, .data) == nil)
                #expect(try file.seek(100_000, .data) == 100_000)
                // A file without holes has one at its end.
                let note = try PosixFile(mount("notes.txt"))
                #expect(try note.seek(0, .hole) == 8)
            }
        }

        @Test("F6: whatever would change something answers EROFS")
        func readOnly() throws {
            try withStandardMount { _, mount, _ in
                let disk = mount(StandardPackage.first)
                for (name, flags) in [(disk, O_WRONLY), (disk, O_RDWR), (mount("new"), O_WRONLY | O_CREAT)] {
                    #expect(openFailure(name, flags: flags) == EROFS)
                }
                for (name, result) in unsafe [
                    ("truncate", truncate(disk, 0)), ("unlink", unlink(disk)),
                    ("mkdir", mkdir(mount("folder"), 0o755)),
                    ("rename", rename(disk, mount("other"))), ("symlink", symlink("x", mount("link"))),
                    ("chmod", chmod(disk, 0o644)),
                ] {
                    let code = errno
                    #expect(result == -1, "\(name)")
                    #expect(code == EROFS, "\(name)")
                }
            }
        }

        @Test("F7: reads at and past the end are short or empty")
        func end() throws {
            try withStandardMount { package, mount, _ in
                let file = try PosixFile(mount(StandardPackage.second))
                let reference = try PosixFile(package.secondReference)
                let size = StandardPackage.secondByteCount
                #expect(try file.read(4096, at: size - 100) == reference.read(100, at: size - 100))
                #expect(try file.read(4096, at: size).isEmpty)
                #expect(try file.read(1, at: size + 1_000_000).isEmpty)
            }
        }

        @Test("F3: random reads give the reference's bytes", arguments: ["", "cache=none"])
        func randomReads(options: String) throws {
            try withStandardMount(options: options) { package, mount, _ in
                for (name, reference) in package.references {
                    let file = try PosixFile(mount(name))
                    let wanted = try PosixFile(reference)
                    let size = Int(try wanted.status().st_size)
                    var random = SeededRandom(seed: 42)
                    for _ in 0..<200 {
                        let offset = Int.random(in: 0..<size, using: &random)
                        let count = Int.random(in: 1...300_000, using: &random)
                        guard try file.read(count, at: offset) == wanted.read(count, at: offset) else {
                            Issue.record("\(name): \(count) bytes at \(offset) differ")
                            break
                        }
                    }
                }
            }
        }

        @Test(
            "F10: sixteen readers at once get the reference's bytes", arguments: ["", "cache=none,threads=4"])
        func parallelReaders(options: String) throws {
            try withStandardMount(options: options) { package, mount, _ in
                try shell(
                    """
                    for number in $(seq 16); do
                        if ((number % 2)); then cmp "$1" "$2" & else cmp "$3" "$4" & fi
                        jobs+=($!)
                    done
                    for job in "${jobs[@]}"; do wait "$job"; done
                    """, mount(StandardPackage.first), package.firstReference, mount(StandardPackage.second),
                    package.secondReference)
            }
        }

        @Test(
            "F11: a private mapping and sendfile give the reference's bytes", arguments: ["", "cache=none"])
        func mappingAndSendfile(options: String) throws {
            try withStandardMount(options: options) { package, mount, folder in
                let file = try PosixFile(mount(StandardPackage.first))
                let reference = try PosixFile(package.firstReference)
                #expect(try file.mapped(1 << 20, at: 1 << 20) == reference.read(1 << 20, at: 1 << 20))
                let size = Int(try reference.status().st_size)
                do {
                    let copy = try PosixFile(folder("copy"), flags: O_WRONLY | O_CREAT | O_TRUNC)
                    try run(["chmod", "644", folder("copy")])
                    try file.send(size, at: 0, to: copy)
                }
                try run(["cmp", folder("copy"), package.firstReference])
            }
        }

        @Test("F12: direct I/O gives the reference's bytes", arguments: ["4K", "1M"])
        func directIO(blockSize: String) throws {
            try withStandardMount { package, mount, _ in
                try shell(
                    "dd if=$1 iflag=direct bs=$2 status=none | cmp - $3", mount(StandardPackage.first),
                    blockSize,
                    package.firstReference)
                try shell(
                    "dd if=$1 iflag=direct bs=$2 status=none | cmp - $3", mount(StandardPackage.second),
                    blockSize,
                    package.secondReference)
            }
        }

        @Test("F13: extended attributes tell what a disk is")
        func extendedAttributes() throws {
            try withStandardMount { _, mount, _ in
                let text = try run(["getfattr", "--dump", "--absolute-names", mount(StandardPackage.second)])
                    .text
                for line in [
                    "user.ova.disk-id=\"vmdisk2\"", "user.ova.file=\"appliance-disk2.vmdk\"",
                    "user.ova.virtual-size=\"\(StandardPackage.secondByteCount)\"", "user.ova.state=\"ok\"",
                ] {
                    #expect(text.contains(line), "\(text)")
                }
                #expect(text.contains("user.ova.format="))
                #expect(text.contains("user.ova.stored-size="))
            }
        }
    }
}
