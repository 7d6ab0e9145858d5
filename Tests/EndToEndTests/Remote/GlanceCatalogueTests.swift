// All images of a cloud as folders: SEMANTICS G14 to G17.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.GlanceTests {
    private static let options = "os_cloud=demo,timeout=60"

    /// The names in a directory.
    private func names(_ path: String) throws -> [String] {
        try run(["ls", "-A", path]).lines
    }

    @Test(
        "G14 G15: a folder an image, with what a mount of the image has; names that repeat or are none end with the id"
    )
    func catalogue() throws {
        try server.ensure()
        try withTestFolder { folder in
            let package = try StandardPackage(in: folder)
            let reference = folder("reference.raw")
            try Fixtures.rawDisk(reference, byteCount: 8 << 20, data: [0..<300_000, 5 << 20..<6 << 20])
            let image = folder("d.qcow2")
            try run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", reference, image])
            let other = try disk(in: folder, "other.raw", mebibytes: 1)
            try server.upload(
                package.path, named: "shelf-ova", container: "ova", disk: "vmdk",
                members: #""vmware_adaptertype": "paraVirtual""#)
            let disk = try server.upload(image, named: "shelf-disk", disk: "qcow2")
            let twice = try [reference, other].map { try server.upload($0, named: "shelf-twice") }
            let slash = try server.upload(other, named: "shelf/slash")
            try server.upload(nil, named: "shelf-queued")
            let mount = try Mount("glance:", in: folder, options: Self.options)
            let listed = try names(mount.point).filter { $0.hasPrefix("shelf") }
            #expect(
                Set(listed)
                    == [
                        "shelf-ova", "shelf-disk", "shelf-twice~\(twice[0])", "shelf-twice~\(twice[1])",
                        "shelf_slash~\(slash)",
                    ])
            #expect(try names(mount.point).count == Set(try names(mount.point)).count)
            #expect(
                try run(["findmnt", "--noheadings", "--output", "SOURCE", mount.point]).text == "glance:")
            func attribute(_ name: String, _ path: String) throws -> String {
                try run(["getfattr", "--only-values", "-n", "user.ova.\(name)", mount(path)]).text
            }
            #expect(try attribute("image-id", "shelf-disk") == disk)
            #expect(try attribute("disk-format", "shelf-disk") == "qcow2")
            #expect(try attribute("status", "shelf-disk") == "active")
            let size = try run(["stat", "--format=%s", image]).text
            #expect(try run(["stat", "--format=%s", mount("shelf-disk")]).text == size)
            // Nothing was opened so far.
            #expect(try Statistics(of: mount).sourceReads == 0)
            for (name, reference) in package.references {
                try run(["cmp", mount("shelf-ova/\(name)"), reference])
            }
            #expect(try attribute("adapter", "shelf-ova/\(StandardPackage.first)") == "paraVirtual")
            try run(
                ["sha256sum", "--check", "--quiet", "../checksums.sha256"],
                in: URL(fileURLWithPath: mount("shelf-ova/.ova/stored")))
            try run(["cmp", mount("shelf-disk/shelf-disk.raw"), reference])
            try run(["cmp", mount("\(disk)/shelf-disk.raw"), reference])
            try run(["cmp", mount("shelf-twice~\(twice[0])/shelf-twice.raw"), reference])
            try run(["cmp", mount("shelf-twice~\(twice[1])/shelf-twice.raw"), other])
            try run(["cmp", mount("shelf_slash~\(slash)/shelfslash.raw"), other])
            #expect(try Statistics(of: mount).sourceReads > 0)
            #expect(try attempt(["ls", mount("shelf-queued")]).exitCode == 2)
            #expect(try attempt(["touch", mount("new")]).exitCode == 1)
            for command in ["info", "verify", "extract"] {
                let output = command == "extract" ? ["-o", folder("x/")] : []
                let result = try attempt([try Ovafs.path(), command, "glance:"] + output)
                #expect(result.exitCode == 2 && result.standardError.contains("ovafs images"))
                #expect(result.standardError.split(separator: "\n").count == 1)
            }
            try run([try Ovafs.path(), "unmount", "glance:"])
            try mount.waitForEnd()
        }
    }

    @Test("G16: a deleted image leaves the list, and what is open of it is stale; a new one appears")
    func listedAnew() throws {
        try server.ensure()
        try withTestFolder { folder in
            let disk = try disk(in: folder)
            let id = try server.upload(disk, named: "tide-goes")
            try server.upload(disk, named: "tide-stays")
            let mount = try Mount(
                "glance:", in: folder, options: "os_cloud=demo,timeout=15,cache=none",
                arguments: ["--list-lifetime=1"])
            do {
                let file = try PosixFile(mount("tide-goes/tide-goes.raw"))
                #expect(try file.read(4096, at: 0).count == 4096)
                try server.delete(id)
                try server.upload(disk, named: "tide-comes")
                try EndToEndTests.wait(for: "the new list") {
                    let names = try names(mount.point)
                    return names.contains("tide-comes") && !names.contains("tide-goes")
                }
                #expect(throws: SystemCallError(call: "pread", errno: ESTALE)) {
                    _ = try file.read(4096, at: 0)
                }
                try run(["cmp", mount("tide-comes/tide-comes.raw"), disk])
                try run(["cmp", mount("tide-stays/tide-stays.raw"), disk])
            }
            // While the service is away, what is known stays.
            try server.stop()
            sleep(2)
            #expect(try names(mount.point).contains("tide-stays"))
            try server.ensure()
            try mount.unmount()
        }
    }

    @Test(
        "G17: an image that is slow or cannot be opened is an error with a line in the log, holds up no other, and may do later"
    )
    func slowImage() throws {
        try server.ensure()
        try withTestFolder { folder in
            let disk = try disk(in: folder, mebibytes: 2)
            let slow = try server.upload(disk, named: "pace-slow")
            try server.upload(disk, named: "pace-quick")
            let lost = try server.upload(disk, named: "pace-lost")
            let log = folder("log")
            // The service promises as many bytes as there were, and sends what there is.
            try run(["truncate", "--size=1000", server.storedFile(slow)])
            try run(["rm", server.storedFile(lost)])
            let mount = try Mount(
                "glance:", in: folder, options: "os_cloud=demo,timeout=12,log=\(log)")
            let reader = try ChildProcess(["/usr/bin/ls", mount("pace-slow")])
            defer {
                reader.send(SIGKILL)
                #expect(ChildProcess.remaining([reader], after: 20) == 0)
            }
            try run(["cmp", mount("pace-quick/pace-quick.raw"), disk])
            #expect(try names(mount.point).contains("pace-slow"))
            #expect(ChildProcess.remaining([reader], after: 0) == 1)
            for _ in 0..<2 {
                let result = try attempt(["ls", mount("pace-lost")])
                #expect(result.exitCode == 2 && result.standardError.contains("Input/output error"))
            }
            let result = try attempt(["ls", mount("pace-slow")])
            #expect(result.exitCode == 2 && result.standardError.contains("Input/output error"))
            let lines = try run(["cat", log]).lines
            #expect(lines.count { $0.contains("pace-lost") && $0.contains("no data behind it") } == 1)
            #expect(lines.count { $0.contains("pace-slow") && $0.contains("not opened within 12 s") } >= 1)
            try run(["cp", disk, server.storedFile(slow)])
            // For a moment the failure is the answer to those who come next.
            sleep(2)
            try run(["cmp", mount("pace-slow/pace-slow.raw"), disk])
            // One that opens when the mount ends holds up nothing.
            try run(["cp", disk, server.storedFile(lost)])
            try run(["truncate", "--size=1000", server.storedFile(lost)])
            let last = try ChildProcess(["/usr/bin/ls", mount("pace-lost")])
            try EndToEndTests.wait(for: "the opening") { try Statistics(of: mount).waitingReads > 0 }
            kill(mount.server, SIGTERM)
            #expect(ChildProcess.remaining([last], after: 20) == 0)
            try mount.waitForEnd()
        }
    }
}
