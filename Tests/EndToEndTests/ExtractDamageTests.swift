// Copies of damaged packages: SEMANTICS, "Copies of disks".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct ExtractDamageTests {
        /// A package with a damaged disk between two sound ones, and one that is not decoded.
        private static func package(in folder: TestFolder, withUndecodable: Bool = false) throws -> String {
            let image = try DamagedImage(in: folder)
            try folder.makeFolder("members")
            for name in ["a", "z"] {
                try Fixtures.rawDisk(
                    folder(name), byteCount: 8192, data: [0..<8192], seed: UInt64(name == "a" ? 1 : 2))
                try run(["cp", folder(name), folder("members/\(name).img")])
            }
            try run(["cp", image.path, folder("members/damaged.vmdk")])
            var names = ["a.img", "damaged.vmdk", "z.img"]
            if withUndecodable {
                try shell(
                    """
                    cp damaged.vmdk members/other.vmdk
                    printf '\\143' | dd of=members/other.vmdk bs=1 seek=4 conv=notrunc status=none
                    """, in: folder.url)
                names.append("other.vmdk")
            }
            let files = names.map { ReferencedFile(id: $0, href: $0) }
            let disks = names.map { name in
                let size = name.hasSuffix(".img") ? 8192 : DamagedImage.byteCount
                return ListedDisk(id: String(name.prefix { $0 != "." }), file: name, capacity: "\"\(size)\"")
            }
            try folder.write(descriptor(files: files, disks: disks), to: "members/appliance.ovf")
            try Fixtures.tar(["appliance.ovf"] + names, in: folder("members"), to: folder("x.ova"))
            return folder("x.ova")
        }

        /// What the disk of `DamagedImage` is with zeros in its damaged place.
        private static func filled(in folder: TestFolder) throws -> String {
            let damaged = DamagedImage.damaged
            try shell(
                """
                cp undamaged.raw filled.raw
                dd if=/dev/zero of=filled.raw bs=\(damaged.count) seek=\(damaged.lowerBound / damaged.count) count=1 \
                conv=notrunc status=none
                """, in: folder.url)
            return folder("filled.raw")
        }

        @Test("X8: damage ends the copy, unless other disks are to be copied all the same")
        func keepGoing() throws {
            try withTestFolder { folder in
                let source = try Self.package(in: folder)
                let stopped = try Ovafs.attempt("extract", source, "-o", folder("stopped") + "/")
                #expect(stopped.exitCode == 1)
                #expect(try run(["ls", "-A", folder("stopped")]).lines == ["a.raw"])
                let gone = try Ovafs.attempt("extract", source, "-o", folder("gone") + "/", "--keep-going")
                #expect(gone.exitCode == 1)
                #expect(gone.standardError.contains("damaged.raw"))
                #expect(gone.standardError.contains("2 of 3 disks were copied whole"))
                #expect(gone.standardError.contains("; --damaged=zero keeps the disk with zeros there"))
                #expect(try run(["ls", "-A", folder("gone")]).lines == ["a.raw", "z.raw"])
                for name in ["a", "z"] { try run(["cmp", folder("gone/\(name).raw"), folder(name)]) }
            }
        }

        @Test(
            "X10: a disk that is not decoded fails the copy before it begins, or with its end; never with 0")
        func undecodable() throws {
            try withTestFolder { folder in
                let source = try Self.package(in: folder, withUndecodable: true)
                let all = try Ovafs.attempt("extract", source, "-o", folder("all") + "/")
                #expect(all.exitCode == 1)
                #expect(!FileManager.default.fileExists(atPath: folder("all")))
                let sound = try Ovafs.attempt(
                    "extract", source, "a", "other", "-o", folder("sound") + "/", "--keep-going")
                #expect(sound.exitCode == 1)
                #expect(sound.standardError.contains("other"))
                #expect(sound.standardError.contains("1 of 2 disks was copied whole"))
                #expect(try run(["ls", "-A", folder("sound")]).lines == ["a.raw"])
                try run([try Ovafs.path(), "extract", source, "a", "z", "-o", folder("two") + "/"])
            }
        }

        @Test(
            "X8: with --damaged=zero all but the damage is copied, and a map that ddrescue reads says where it is"
        )
        func zeros() throws {
            try withTestFolder { folder in
                let source = try Self.package(in: folder)
                let filled = try Self.filled(in: folder)
                let result = try Ovafs.attempt("extract", source, "-o", folder("out") + "/", "--damaged=zero")
                #expect(result.exitCode == 1)
                #expect(result.standardError.contains("damaged.raw.map"))
                #expect(
                    result.standardError.contains(
                        "65536 bytes in 1 place are damaged; the copy has zeros there"),
                    "\(result.standardError)")
                #expect(
                    try run(["ls", "-A", folder("out")]).lines == [
                        "a.raw", "a.raw.map", "damaged.raw", "damaged.raw.map", "z.raw", "z.raw.map",
                    ])
                try run(["cmp", folder("out/damaged.raw"), filled])
                let map = folder("out/damaged.raw.map")
                let sectors = DamagedImage.damaged.lowerBound / 512..<DamagedImage.damaged.upperBound / 512
                #expect(try run(["ddrescuelog", "--list-blocks=-", map]).lines == sectors.map(String.init))
                let others = try run(["ddrescuelog", "--list-blocks=+", map]).lines.count
                #expect(others == DamagedImage.byteCount / 512 - sectors.count)
                // All of a sound disk is finished.
                try run(["ddrescuelog", "--done-status", folder("out/a.raw.map")])
                #expect(try attempt(["ddrescuelog", "--done-status", map]).exitCode != 0)
            }
        }

        @Test("X8: a rescuer fills the copy from another source by its map")
        func rescue() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                _ = try Ovafs.attempt("extract", image.path, "-o", folder("x.raw"), "--damaged=zero")
                #expect(try attempt(["cmp", folder("x.raw"), image.reference]).exitCode == 1)
                try run([
                    "ddrescue", "--quiet", "--retry-passes=1", image.reference, folder("x.raw"),
                    folder("x.raw.map"),
                ])
                try run(["cmp", folder("x.raw"), image.reference])
            }
        }

        @Test("X8: a map has its place: --map, or beside a file; nothing is written where there is none")
        func maps() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                let filled = try Self.filled(in: folder)
                let ovafs = try Ovafs.path()
                let zero = [ovafs, "extract", image.path, "--damaged=zero", "-o"]
                #expect(try attempt(zero + ["-"]).exitCode == 2)
                #expect(try attempt(zero + ["/dev/null"]).exitCode == 2)
                #expect(try attempt(zero + [folder("x"), "--map", folder("x")]).exitCode == 2)
                #expect(
                    try attempt([ovafs, "extract", image.path, "-o", folder("x"), "--map", folder("m")])
                        .exitCode == 2)
                try folder.write("mine", to: "x.map")
                #expect(try attempt(zero + [folder("x")]).exitCode == 2)
                #expect(!FileManager.default.fileExists(atPath: folder("x")))
                #expect(try run(["cat", folder("x.map")]).text == "mine")
                let stream = try attempt(zero + ["-", "--map", folder("m")])
                #expect(stream.exitCode == 1)
                #expect(try stream.standardOutput == Data(contentsOf: URL(fileURLWithPath: filled)))
                #expect(
                    try run(["ddrescuelog", "--list-blocks=-", folder("m")]).lines.count == DamagedImage
                        .damaged.count / 512)
            }
        }

        @Test(
            "X8: a map is not written over its disk, whatever its name is and wherever its partial file is",
            arguments: [[], ["--force"]])
        func mapOverDisk(options: [String]) throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                try shell("mkdir out; ln -s out link", in: folder.url)
                for (output, map) in [
                    ("out/d.raw", "out/d.raw"), ("out/d.raw", "out/d.raw.partial"),
                    ("out/d.raw", "link/d.raw.partial"), ("link/d.raw", "out/./d.raw"),
                    ("out/d.raw", "link/../out//d.raw.partial"), ("out/m.partial", "out/m"),
                    ("new/", "new/damaged.raw.partial"), ("new/", "link/../new/damaged.raw"),
                    ("out", "out/damaged.raw.partial"),
                ] {
                    let result = try attempt(
                        [
                            try Ovafs.path(), "extract", image.path, "--damaged=zero", "-o", output, "--map",
                            map,
                        ] + options, in: folder.url)
                    #expect(result.exitCode == 2, "\(output) \(map): \(result.standardError)")
                    #expect(result.standardError.contains("choose another name"))
                    #expect(try run(["ls", "-A", "out"], in: folder.url).text.isEmpty)
                    #expect(!FileManager.default.fileExists(atPath: folder("new")))
                }
                for (output, map) in [("out/d", "out/d"), ("out/d.partial", "out/d"), ("out/d", "link/d")] {
                    let words = (["--damaged=zero", "--map", map] + options).joined(separator: " ")
                    let result = try attempt(
                        [
                            "bash", "-c", "$1 extract $2 -o - \(words) > \(output)", "bash", try Ovafs.path(),
                            image.path,
                        ], in: folder.url)
                    #expect(result.exitCode == 2, "\(output) \(map): \(result.standardError)")
                    let left = try run(["ls", "-A", "out"], in: folder.url).lines
                    #expect(left == [String(output.dropFirst(4))])
                    try run(["rm", folder(output)])
                }
            }
        }

        @Test("X10: the exit code says what has failed")
        func exitCodes() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                let cases: [(arguments: [String], exitCode: Int32)] = [
                    ([image.reference, "-o", folder("0")], 0), ([image.path, "-o", folder("1")], 1),
                    ([image.path, "-o", folder("1"), "--keep-going"], 1),
                    ([image.path, "-o", folder("1"), "--damaged=zero"], 1),
                    ([image.reference, "-o", folder("absent/1")], 2), ([image.reference, "-o", ""], 2),
                    ([image.reference], 2), ([image.reference, "-o", folder("2"), "--damaged=maybe"], 2),
                    ([image.reference, "none", "-o", folder("2")], 2),
                    ([image.reference, "-o", folder("0")], 2),
                    ([folder("absent"), "-o", folder("3")], 3),
                ]
                for (arguments, exitCode) in cases {
                    let result = try attempt([try Ovafs.path(), "extract"] + arguments)
                    #expect(result.exitCode == exitCode, "\(arguments): \(result.standardError)")
                    #expect(result.standardError.split(separator: "\n").count == (exitCode == 0 ? 0 : 1))
                }
            }
        }
    }
}
