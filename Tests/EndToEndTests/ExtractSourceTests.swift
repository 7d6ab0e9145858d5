// `ovafs extract` onto what it reads from: SEMANTICS, "Copies of disks".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ExtractSourceTests {
        @Test("X2: no file that a disk is read from is replaced, whichever of its names is given")
        func ownSources() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let members = package.members
                try shell(
                    """
                    cd "$1"; mkdir store; mv appliance-disk1.vmdk store/one; ln -s store/one appliance-disk1.vmdk
                    ln appliance-disk2.vmdk other-name; cp store/one store/x.img.partial
                    """, members)
                let before = try Self.digests(in: members)
                let outputs = [
                    "store/one", "appliance-disk2.vmdk", "other-name", "appliance.ovf", "appliance.mf",
                ]
                for source in [members, members + "/appliance.ovf"] {
                    for output in outputs {
                        let result = try Ovafs.attempt(
                            "extract", "--links-inside", "--force", source, "vmdisk1", "-o",
                            members + "/" + output)
                        #expect(result.exitCode == 2, "\(output): \(result.standardError)")
                        #expect(result.standardError.contains("what the disk is read from"))
                    }
                }
                let partial = try Ovafs.attempt(
                    "extract", "--force", members + "/store/x.img.partial", "-o", members + "/store/x.img")
                #expect(partial.exitCode == 2, "\(partial.standardError)")
                let map = try Ovafs.attempt(
                    "extract", "--links-inside", "--force", members, "vmdisk1", "-o", folder("new.raw"),
                    "--damaged=zero", "--map", members + "/appliance.ovf")
                #expect(map.exitCode == 2, "\(map.standardError)")
                #expect(try Self.digests(in: members) == before)
            }
        }

        @Test(
            "X2: no device that stands on what a disk is read from is overwritten, nor what such a device stands on",
            .enabled(if: EndToEnd.isRoot, "loop devices need root"))
        func ownDevices() throws {
            try withTestFolder { folder in
                let image = folder("disk.img")
                try Fixtures.rawDisk(image, byteCount: 4 << 20, data: [0..<4 << 20])
                let point = try folder.makeFolder("point")
                try run(["ln", image, folder("other-name")])
                var devices: [String] = []
                defer {
                    _ = try? run(["umount", point])
                    for device in devices { _ = try? run(["losetup", "--detach", device]) }
                }
                for _ in 0..<2 { devices.append(try run(["losetup", "--find", "--show", image]).text) }
                var before = try Fixtures.digest(image)
                func attemptAll(_ pairs: [(source: String, output: String)]) throws {
                    for (source, output) in pairs {
                        let result = try Ovafs.attempt("extract", "--force", source, "-o", output)
                        #expect(result.exitCode == 2, "\(source) to \(output): \(result.standardError)")
                        #expect(result.standardError.contains("what the disk is read from"))
                        #expect(try Fixtures.digest(image) == before)
                    }
                }
                try attemptAll([
                    (image, devices[0]), (folder("other-name"), devices[1]), (devices[0], image),
                    (devices[0], devices[1]), (devices[0], devices[0]),
                ])
                let stream = try attempt([
                    "bash", "-c", "\"$1\" extract \"$2\" -o - > \"$3\"", "bash", try Ovafs.path(), image,
                    devices[0],
                ])
                #expect(stream.exitCode == 2, "\(stream.standardError)")
                #expect(try Fixtures.digest(image) == before)
                // A file on a file system that is in what is read.
                try run(["mkfs.ext4", "-q", "-F", devices[0]])
                try run(["mount", "-o", "ro,noload", devices[0], point])
                before = try Fixtures.digest(image)
                try attemptAll([(image, point + "/x.raw"), (devices[1], point + "/x.raw")])
                #expect(!FileManager.default.fileExists(atPath: point + "/x.raw"))
            }
        }

        @Test(
            "X2: nothing is written to standard output or standard error where that is what is read",
            arguments: [">> $SOURCE", "1<> $SOURCE", "2>> $SOURCE", "2<> $SOURCE", "2>> $SOURCE >&2"])
        func standardDescriptors(redirection: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try folder.makeFolder("mnt")
                for (source, written) in [
                    (package.path, package.path),
                    (package.members, package.members + "/appliance-disk1.vmdk"),
                ] {
                    let before = try Fixtures.digest(written)
                    for command in [
                        "info $1", "verify --deep $1", "extract $1 vmdisk1 -o -",
                        "extract $1 vmdisk1 -o out.raw --force", "mount $1 mnt",
                    ] {
                        let result = try attempt(
                            [
                                "bash", "-c", "SOURCE=$2; $3 \(command) \(redirection)", "bash", source,
                                written, try Ovafs.path(),
                            ], in: folder.url)
                        #expect(result.exitCode == 2, "\(command): \(result.standardError)")
                        #expect(
                            redirection.hasPrefix("2")
                                || result.standardError.contains("standard output is what"))
                        #expect(try Fixtures.digest(written) == before)
                        #expect(!FileManager.default.fileExists(atPath: folder("out.raw")))
                        #expect(folder.mountPoints().isEmpty)
                    }
                }
            }
        }

        private static func digests(in folder: String) throws -> String {
            try shell("cd \"$1\"; find . -type f | sort | xargs sha256sum", folder).text
        }
    }
}
