// Where `ovafs extract` puts disks, and what it leaves alone: SEMANTICS, "Copies of disks".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct ExtractTests {
        /// A package whose disks are raw files with these names, each with bytes of its own.
        private static func package(_ names: [String], in folder: TestFolder) throws -> String {
            for (index, name) in names.enumerated() {
                let path = folder("members/" + name)
                try FileManager.default.createDirectory(
                    at: URL(fileURLWithPath: path).deletingLastPathComponent(),
                    withIntermediateDirectories: true)
                try Fixtures.rawDisk(path, byteCount: 8192, data: [0..<8192], seed: UInt64(index + 1))
            }
            let files = names.enumerated().map { ReferencedFile(id: "file\($0)", href: $1) }
            let disks = names.indices.map {
                ListedDisk(id: "vmdisk\($0)", file: "file\($0)", capacity: "\"8192\"")
            }
            try folder.write(descriptor(files: files, disks: disks), to: "members/appliance.ovf")
            try Fixtures.tar(["appliance.ovf"] + names, in: folder("members"), to: folder("x.ova"))
            return folder("x.ova")
        }

        @Test(
            "X1: each disk has a file of its own in a folder, with the name that info shows",
            arguments: [[], ["--force"]])
        func names(options: [String]) throws {
            try withTestFolder { folder in
                let members = ["a/b.img", "c/b.img", "a_b.img", "d.img"]
                let source = try Self.package(members, in: folder)
                let out = try folder.makeFolder("out")
                try run([try Ovafs.path(), "extract", source, "-o", out] + options)
                let json = try run([try Ovafs.path(), "info", "--json", source]).text
                let path = try folder.write(json, to: "info.json")
                let copies = try run(["jq", "-r", ".disks[].copy.text", path]).lines
                #expect(Set(copies).count == members.count)
                #expect(try run(["ls", "-A", out]).lines.sorted() == copies.sorted())
                for (copy, member) in zip(copies, members) {
                    try run(["cmp", out + "/" + copy, folder("members/" + member)])
                    // The name means this disk on the command line, too.
                    try run([try Ovafs.path(), "extract", source, copy, "-o", folder("one.raw"), "--force"])
                    try run(["cmp", folder("one.raw"), folder("members/" + member)])
                }
                let table = try run([try Ovafs.path(), "info", source]).text
                for copy in copies { #expect(table.contains(copy)) }
            }
        }

        @Test("X1: names that are not UTF-8 and read alike are different names")
        func rawNames() throws {
            try withTestFolder { folder in
                let raw = folder("disk.raw")
                for seed in 1...2 {
                    try Fixtures.rawDisk(
                        raw + "\(seed)", byteCount: 65536, data: [0..<65536], seed: UInt64(seed))
                    try Fixtures.vmdk(raw + "\(seed)", to: folder("disk\(seed).vmdk"))
                }
                try shell(
                    """
                    mkdir members out; mv disk1.vmdk members/$'\\xe4.vmdk'; mv disk2.vmdk members/$'\\xf6.vmdk'
                    tar -C members -cf x.ova $'\\xe4.vmdk' $'\\xf6.vmdk'
                    "$1" extract x.ova --lenient -o out
                    cmp out/$'\\xe4.raw' disk.raw1; cmp out/$'\\xf6.raw' disk.raw2
                    "$1" extract x.ova --lenient -o out --force
                    cmp out/$'\\xe4.raw' disk.raw1; cmp out/$'\\xf6.raw' disk.raw2
                    "$1" extract x.ova --lenient $'\\xf6.raw' -o one.raw; cmp one.raw disk.raw2
                    "$1" info x.ova --lenient > table
                    grep -F '\\xe4.raw' table; grep -F '\\xf6.raw' table
                    """, try Ovafs.path(), in: folder.url)
            }
        }

        @Test(
            "X1: a name that means several disks is an error that lists them; a disk named twice is copied once"
        )
        func ambiguous() throws {
            try withTestFolder { folder in
                let source = try Self.package(["a/b.img", "c/b.img"], in: folder)
                let result = try Ovafs.attempt("extract", source, "b.raw", "-o", folder("b.raw"))
                #expect(result.exitCode == 2)
                #expect(result.standardError.contains("a_b.raw, c_b.raw"))
                let out = try folder.makeFolder("out")
                try run([try Ovafs.path(), "extract", source, "vmdisk0", "a/b.raw", "a/b.img", "-o", out])
                #expect(try run(["ls", "-A", out]).lines == ["a_b.raw"])
            }
        }

        @Test("X2: all outputs are looked at before the first is written")
        func allFirst() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let out = try folder.makeFolder("out")
                for obstacle in [
                    "echo old > $1", "mkdir $1", "mkfifo $1", "ln -s nowhere $1", "ln -s old $1",
                ] {
                    try shell("cd \"$2\"; echo old > old; " + obstacle, StandardPackage.second, out)
                    let result = try Ovafs.attempt("extract", package.path, "-o", out, limit: 20)
                    #expect(result.exitCode == 2, "\(obstacle): \(result.standardError)")
                    #expect(result.standardError.split(separator: "\n").count == 1)
                    #expect(try run(["ls", "-A", out]).lines == [StandardPackage.second, "old"])
                    #expect(try run(["cat", out + "/old"]).text == "old")
                    try run(["rm", "-r", out + "/" + StandardPackage.second])
                }
            }
        }

        @Test(
            "X3: what stands at the partial name is neither waited for nor written through",
            arguments: ["mkfifo", "ln other", "ln -s other", "mkdir"])
        func partialInTheWay(command: String) throws {
            try withTestFolder { folder in
                try Fixtures.rawDisk(folder("d.img"), byteCount: 8192, data: [0..<8192])
                try shell("echo kept > other; \(command) out.raw.partial", in: folder.url)
                for options in [[], ["--force"]] {
                    let result = try attempt(
                        [try Ovafs.path(), "extract", folder("d.img"), "-o", folder("out.raw")] + options,
                        limit: 20)
                    #expect(result.exitCode == 2, "\(result.standardError)")
                    #expect(result.standardError.contains("out.raw.partial"))
                }
                #expect(try run(["cat", folder("other")]).text == "kept")
                #expect(!FileManager.default.fileExists(atPath: folder("out.raw")))
            }
        }

        @Test("X3: what a killed copy has left is replaced, and what a copy writes now is not")
        func leftover() throws {
            try withTestFolder { folder in
                try Fixtures.rawDisk(folder("d.img"), byteCount: 8192, data: [0..<8192])
                try folder.write("left by a copy that was killed", to: "out.raw.partial")
                let partial = folder("out.raw.partial")
                let result = try attempt(
                    [
                        "flock", "--exclusive", partial, try Ovafs.path(), "extract", folder("d.img"), "-o",
                        folder("out.raw"),
                    ], limit: 20)
                #expect(result.exitCode == 2, "\(result.standardError)")
                #expect(result.standardError.contains("being written"))
                try run([try Ovafs.path(), "extract", folder("d.img"), "-o", folder("out.raw")])
                try run(["cmp", folder("out.raw"), folder("d.img")])
                #expect(!FileManager.default.fileExists(atPath: partial))
            }
        }

        @Test("X5: a slash at the end means a folder, which is made; without one it is a file")
        func folders() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let ovafs = try Ovafs.path()
                let both = try attempt([ovafs, "extract", package.path, "-o", folder("new")])
                #expect(both.exitCode == 2)
                #expect(both.standardError.contains("new/"))
                try run([ovafs, "extract", package.path, "-o", folder("new") + "/"])
                #expect(
                    try run(["ls", "-A", folder("new")]).lines.sorted() == package.references.keys.sorted())
                try run([ovafs, "extract", package.path, "vmdisk2", "-o", folder("one") + "/"])
                try run(["cmp", folder("one/" + StandardPackage.second), package.secondReference])

                let file = try attempt(
                    [ovafs, "extract", package.path, "-o", folder("one/" + StandardPackage.second) + "/"])
                #expect(file.exitCode == 2)
                #expect(file.standardError.contains("not a directory"))
                #expect(
                    try attempt([ovafs, "extract", package.path, "-o", folder("no/where") + "/"]).exitCode
                        == 2)
                #expect(!FileManager.default.fileExists(atPath: folder("no")))
            }
        }
    }
}
