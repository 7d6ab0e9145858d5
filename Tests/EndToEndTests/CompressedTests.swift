// Compressed images and appliances: SEMANTICS T15, T20, O25, C25.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct CompressedTests {
        /// A disk, an image of it, and the same compressed by a command, whose output is `$2`.
        private func compressed(
            in folder: TestFolder, image: String, command: String, byteCount: Int = (5 << 20) + 1024,
            noiseByteCount: Int = 700_000
        ) throws -> (reference: String, file: String) {
            let reference = folder("reference.raw")
            let data = [0..<300_000, 1 << 20..<(1 << 20) + noiseByteCount, byteCount - 90_000..<byteCount]
            try Fixtures.rawDisk(reference, byteCount: byteCount, data: data)
            let plain = folder("image.\(image)")
            switch image {
            case "raw": try shell("cp --sparse=always \"$1\" \"$2\"", reference, plain)
            case "vmdk": try Fixtures.vmdk(reference, to: plain)
            default:
                try run(["qemu-img", "convert", "-f", "raw", "-O", image, "-c", reference, plain])
            }
            let program = command.split(separator: " ")[0]
            let suffixes: [Substring: String] = [
                "xz": "xz", "zstd": "zst", "pzstd": "zst", "bzip2": "bz2", "gzip": "gz", "pigz": "gz",
            ]
            let file = plain + "." + (suffixes[program] ?? "")
            try shell("\(command) --stdout \"$1\" > \"$2\"", plain, file)
            return (reference, file)
        }

        @Test(
            "T15: an image is read through its compression, from front to back and anywhere",
            arguments: [
                ("vmdk", "xz"), ("vmdk", "xz --block-size=300000"), ("raw", "xz -9"), ("raw", "bzip2"),
                ("vmdk", "bzip2 -1"), ("raw", "zstd --quiet"), ("raw", "pzstd --quiet"),
                ("vmdk", "zstd --quiet -19"),
                ("qcow2", "zstd --quiet"), ("qcow2", "xz --threads=2 --block-size=200000"), ("raw", "pigz"),
            ])
        func images(image: String, command: String) throws {
            try withTestFolder { folder in
                let (reference, file) = try compressed(in: folder, image: image, command: command)
                try withMount(of: file, in: folder, options: "cache_size=1M") { mount in
                    let raw = mount("image.raw")
                    try run(["cmp", raw, reference])
                    let disk = try PosixFile(raw)
                    let content = Array(try Data(contentsOf: URL(fileURLWithPath: reference)))
                    var random = SeededRandom(seed: 3)
                    for _ in 0..<50 {
                        let start = Int.random(in: 0..<(content.count - 5_000), using: &random)
                        #expect(content.holds(try disk.read(5_000, at: start), at: start))
                    }
                }
                let output = folder("copy.raw")
                try run([try Ovafs.path(), "extract", file, "-o", output])
                try run(["cmp", output, reference])
            }
        }

        @Test(
            "T15: an appliance is read through its compression, with compressed disks in it or not",
            arguments: ["xz", "zstd --quiet", "bzip2", "xz --block-size=500000"])
        func appliances(command: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                // By content: the name says nothing.
                let file = folder("appliance")
                try shell("\(command) --stdout \"$1\" > \"$2\"", package.path, file)
                try withMount(of: file, in: folder) { mount in
                    for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
                    #expect(try run(["cat", mount("notes.txt")]).text == "A note.")
                }
                let report = try Ovafs.attempt("verify", "--deep", file)
                #expect(report.exitCode == 0, "\(report.standardError)")
            }
        }

        @Test(
            "T15: a disk of a package may be compressed by any of them",
            arguments: ["xz", "zstd --quiet", "bzip2"])
        func members(command: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try shell(
                    """
                    cd "$1"
                    \(command) --stdout appliance-disk2.vmdk > appliance-disk2.vmdk.packed
                    rm appliance-disk2.vmdk appliance.mf
                    sed -i 's/href="appliance-disk2.vmdk"/href="appliance-disk2.vmdk.packed"/' appliance.ovf
                    """, package.members)
                try withMount(of: package.members, in: folder) { mount in
                    let names = try FileManager.default.contentsOfDirectory(atPath: mount.point)
                    let name = try #require(names.first { $0.hasPrefix("appliance-disk2") })
                    try run(["cmp", mount(name), package.secondReference])
                }
            }
        }

        @Test("T20: one level deep: what is compressed twice is refused, and said so")
        func twice() throws {
            try withTestFolder { folder in
                let (_, file) = try compressed(in: folder, image: "raw", command: "xz")
                try shell("gzip --stdout \"$1\" > \"$1.gz\"", file)
                let result = try Ovafs.attempt("info", file + ".gz")
                #expect(result.exitCode == 1)
                #expect(result.standardError.contains("xz"))
            }
        }

        @Test(
            "T20: a file that is cut short is refused by every command",
            arguments: ["xz", "zstd --quiet", "bzip2", "gzip"])
        func cut(command: String) throws {
            try withTestFolder { folder in
                let (_, file) = try compressed(in: folder, image: "raw", command: command)
                try shell("truncate --size=-700 \"$1\"", file)
                for arguments in [["info", file], ["extract", file, "-o", folder("copy.raw")]] {
                    let result = try attempt([try Ovafs.path()] + arguments)
                    #expect(result.exitCode == 1, "\(arguments)")
                }
                #expect(!FileManager.default.fileExists(atPath: folder("copy.raw")))
            }
        }

        @Test("T20: a damaged xz block answers EIO, and only it")
        func damagedBlock() throws {
            try withTestFolder { folder in
                let (reference, file) = try compressed(
                    in: folder, image: "raw", command: "xz --block-size=1048576")
                // The last block of a whole MiB has noise at its end; behind it there is a short one.
                let length = try #require(Int(try run(["stat", "--format=%s", file]).text))
                try shell(
                    "printf XX | dd of=\"$1\" bs=1 seek=\(length - 20_000) conv=notrunc status=none", file)
                try withMount(of: file, in: folder) { mount in
                    let content = Array(try Data(contentsOf: URL(fileURLWithPath: reference)))
                    let disk = try PosixFile(mount("image.raw"))
                    #expect(content.holds(try disk.read(4 << 20, at: 0), at: 0))
                    let result = try attempt([
                        "dd", "if=" + mount("image.raw"), "of=/dev/null", "bs=1M", "skip=4",
                    ])
                    #expect(result.standardError.contains("Input/output error"))
                    #expect(content.holds(try disk.read(1024, at: 5 << 20), at: 5 << 20))
                }
            }
        }

        @Test(
            "O25: with cache_dir the second mount decodes nothing to open",
            arguments: ["gzip", "bzip2"])
        func cacheFolder(command: String) throws {
            try withTestFolder { folder in
                let (reference, file) = try compressed(
                    in: folder, image: "raw", command: command, byteCount: 12 << 20, noiseByteCount: 9 << 20)
                let options = "cache_dir=\(folder("cache")),cache_size=1M"
                // Of a file that was changed a moment ago nothing is kept.
                try run(["sleep", "2.2"])
                try withMount(of: file, in: folder, options: options) { mount in
                    #expect(mount.messages == "")
                    try run(["cmp", mount("image.raw"), reference])
                }
                let names = try FileManager.default.contentsOfDirectory(atPath: folder("cache"))
                #expect(names.count == 1 && names[0].hasSuffix(".ovafs-index"))
                let length = try #require(Int(try run(["stat", "--format=%s", file]).text))
                let mount = try Mount(file, in: folder, on: "again", options: options)
                #expect(try Statistics(of: mount).sourceBytesRead < max(length / 2, 500_000))
                try run(["cmp", mount("image.raw"), reference])
                try mount.unmount()
                // The other commands take it, too.
                let info = try Ovafs.attempt("info", "--cache-dir", folder("cache"), file)
                #expect(info.exitCode == 0 && info.standardError == "")
            }
        }

        @Test("O25: a folder that cannot be used is a warning, and no reason not to mount")
        func unusableFolder() throws {
            try withTestFolder { folder in
                let (reference, file) = try compressed(in: folder, image: "raw", command: "gzip")
                try folder.makeFolder("open")
                try run(["chmod", "777", folder("open")])
                for unusable in [folder("open"), folder("absent/cache"), file] {
                    let mount = try Mount(file, in: folder, on: "mnt", options: "cache_dir=\(unusable)")
                    #expect(mount.messages.contains("warning: the cache folder is not used"))
                    try run(["cmp", mount("image.raw"), reference])
                    try mount.unmount()
                    try FileManager.default.removeItem(atPath: mount.point)
                }
                let info = try Ovafs.attempt("info", "--cache-dir", folder("open"), file)
                #expect(info.exitCode == 0 && info.standardError.contains("the cache folder is not used"))
                for option in ["cache_dir", "cache_dir="] {
                    let result = try Ovafs.attempt("mount", file, try folder.makeFolder("mnt"), "-o", option)
                    #expect(result.exitCode == 2 && result.standardError.contains("cache_dir"))
                }
            }
        }

        @Test("O25: nothing is kept in the folder of the package that is opened")
        func packageFolder() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try shell(
                    "cd \"$1\"; gzip -1 -c appliance-disk2.vmdk > x; mv x appliance-disk2.vmdk; ln -s members ../link",
                    package.members)
                let before = try run(["ls", "-A", package.members]).lines
                let places = [
                    package.members, package.members + "/cache", folder("link"), folder("link/cache/"),
                ]
                for place in places {
                    for source in [package.members, package.members + "/appliance.ovf"] {
                        let info = try Ovafs.attempt("info", "--cache-dir", place, source)
                        #expect(info.exitCode == 0)
                        #expect(
                            info.standardError.contains(
                                "the cache folder is not used: not supported: a cache folder in the folder of the package"
                            ),
                            "\(place): \(info.standardError)")
                    }
                }
                #expect(try run(["ls", "-A", package.members]).lines == before)
                // Of a file that was changed a moment ago nothing is kept.
                try run(["sleep", "2.2"])
                let info = try Ovafs.attempt("info", "--cache-dir", folder("cache"), package.members)
                #expect(info.standardError == "")
                #expect(try run(["ls", "-A", folder("cache")]).lines.count == 1)
            }
        }

        @Test(
            "O25: nothing is kept on a file system that stands on what is opened",
            .enabled(if: EndToEnd.isRoot, "loop devices need root"))
        func deviceFolder() throws {
            try withTestFolder { folder in
                let point = try folder.makeFolder("point")
                try withLoopDevice("disk.img", byteCount: 4 << 20, in: folder) { device in
                    try run(["mkfs.ext4", "-q", "-F", device])
                    try run(["mount", "-o", "ro,noload", device, point])
                    defer { _ = try? run(["umount", point]) }
                    for source in [device, folder("disk.img")] {
                        for place in [point, point + "/cache"] {
                            let info = try Ovafs.attempt("info", "--cache-dir", place, source)
                            #expect(info.exitCode == 0)
                            #expect(
                                info.standardError.contains("on a file system that stands on what is opened"),
                                "\(info.standardError)")
                        }
                    }
                }
            }
        }

        @Test("C25: opening that takes long is told of in the log")
        func progress() throws {
            try withTestFolder { folder in
                let file = folder("zeros.raw.gz")
                // A member is compressed once and is there 32 times.
                try shell(
                    """
                    head -c 64M /dev/zero | gzip -1 > "$1.part"
                    for i in $(seq 32); do echo "$1.part"; done | xargs cat > "$1"
                    """, file)
                let log = folder("log")
                let mount = try Mount(file, in: folder, options: "log=\(log)")
                try mount.unmount()
                let text = try String(contentsOfFile: log, encoding: .utf8)
                #expect(text.contains("decoding zeros.raw.gz once") && text.contains("%"))
            }
        }
    }
}
