// Packages of a server without ranges, mounted while they come: SEMANTICS W15.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct ComingPackageTests {
        private static let first = StreamOptimizedBuilder(Array(repeating: .noise, count: 60)).build()
        private static let second = StreamOptimizedBuilder(GrainContent.mixed(100)).build()
        /// How much of the first disk has come when the package is mounted, in bytes.
        private static let startByteCount = 200_000

        /// An OVA with a descriptor, two disks and what stands behind them, and where the first disk begins.
        private static func archive(
            secondName: String = "second.vmdk"
        ) -> (bytes: [UInt8], descriptor: String, start: Int) {
            func disk(_ id: String, _ image: BuiltImage) -> (file: String, disk: String) {
                (
                    "<File ovf:id=\"f-\(id)\" ovf:href=\"\(id).vmdk\" ovf:size=\"\(image.bytes.count)\"/>",
                    "<Disk ovf:diskId=\"\(id)\" ovf:fileRef=\"f-\(id)\" ovf:capacity=\"\(image.guest.count)\"/>"
                )
            }
            let disks = [disk("first", first), disk("second", second)]
            let descriptor = """
                <?xml version="1.0"?>
                <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" \
                xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
                <References>\(disks.map(\.file).joined())</References>
                <DiskSection><Info/>\(disks.map(\.disk).joined())</DiskSection>
                <VirtualSystem ovf:id="vm"><Info/></VirtualSystem></Envelope>

                """
            var tar = TarBuilder()
            tar.add("vm.ovf", Array(descriptor.utf8))
            let start = tar.bytes.count
            tar.add("first.vmdk", first.bytes)
            tar.add(secondName, second.bytes)
            tar.add("vm.mf", Array("SHA256(vm.ovf)= 00\n".utf8))
            tar.finish()
            return (tar.bytes, descriptor, start)
        }

        /// Calls `body` with a mount of `bytes`, of which those before `held` have come; more comes when the gate is open.
        private static func withHeld(
            _ bytes: [UInt8], before held: Int, options: String = "",
            _ body: (TestFolder, Mount, Gate) throws -> Void
        ) throws {
            try withTestFolder { folder in
                let gate = Gate()
                let server = try TestSupport.WebServer { request, connection in
                    guard request.headers["range"] == nil else { return connection.answer(400) }
                    connection.sendHead(200, ["Content-Length: \(bytes.count)", "ETag: \"1\""])
                    connection.send(bytes[..<held])
                    gate.wait()
                    connection.send(bytes[held...])
                }
                defer {
                    gate.open()
                    server.stop()
                }
                let mount = try Mount(
                    server.url("/vm.ova"), in: folder,
                    options: "ctldir=visible,log=\(folder("log"))" + options)
                try body(folder, mount, gate)
                try mount.unmount()
            }
        }

        private static func state(_ path: String) throws -> String {
            try run(["getfattr", "--only-values", "--absolute-names", "-n", "user.ova.state", path]).text
        }

        @Test("W15: a package is mounted when its descriptor is there, and each disk is read as it comes")
        func coming() throws {
            let (bytes, descriptor, start) = Self.archive()
            try Self.withHeld(bytes, before: start + Self.startByteCount) { folder, mount, gate in
                let names = ["first.raw", "second.raw", "vm.ovf"]
                #expect(try run(["ls", mount.point]).lines == names)
                let sizes = try run(["stat", "--format=%s"] + names.map { mount($0) }).lines
                #expect(
                    sizes
                        == [Self.first.guest.count, Self.second.guest.count, descriptor.utf8.count].map(
                            String.init))
                #expect(try run(["cat", mount("vm.ovf")]).text + "\n" == descriptor)
                #expect(mount.messages.contains("not all of the archive had come"))
                #expect(mount.messages.contains("disk second: it had not come"))
                #expect(try Self.state(mount("second.raw")).contains("coming: 0 of"))
                // What has come of the first disk, past the page cache, so that nothing else is read for it.
                try run([
                    "dd", "if=\(mount("first.raw"))", "of=\(folder("early"))", "bs=8K", "count=4",
                    "iflag=direct", "status=none",
                ])
                #expect(
                    FileManager.default.contents(atPath: folder("early"))
                        == Data(Self.first.guest.prefix(32_768)))
                let reader = try ChildProcess(["/usr/bin/cat", mount("second.raw")])
                try wait(for: "the reader") { try Statistics(of: mount).waitingReads > 0 }
                // Neither the reader nor its end holds anything up.
                #expect(try run(["ls", mount.point]).lines == names)
                reader.send(SIGKILL)
                #expect(ChildProcess.remaining([reader], after: 20) == 0)
                let counters = try run(["cat", mount(".ova/stats.json")]).text
                #expect(counters.contains("\"transferBytes\" : \(bytes.count)"))
                #expect(!counters.contains("\"transferBytesHere\" : \(bytes.count)"))
                gate.open()
                for (name, image) in [("second", Self.second), ("first", Self.first)] {
                    try Data(image.guest).write(to: folder.url.appendingPathComponent(name))
                    try Data(image.bytes).write(to: folder.url.appendingPathComponent(name + ".vmdk"))
                    try run(["cmp", mount("\(name).raw"), folder(name)])
                    try run(["cmp", mount(".ova/stored/\(name).vmdk"), folder(name + ".vmdk")])
                    #expect(try Self.state(mount("\(name).raw")) == "ok")
                }
                try wait(for: "the log") {
                    try String(contentsOfFile: folder("log"), encoding: .utf8).contains("all of it has come")
                }
                let log = try String(contentsOfFile: folder("log"), encoding: .utf8)
                #expect(log.contains("% of") && log.contains("not all of the archive had come"))
            }
        }

        @Test("W15: a file that is not what the descriptor said answers EIO when it has come, and only it")
        func contradicted() throws {
            let (bytes, _, start) = Self.archive(secondName: "third.vmdk")
            try Self.withHeld(bytes, before: start + Self.startByteCount) { folder, mount, gate in
                gate.open()
                let result = try attempt(["cat", mount("second.raw")])
                #expect(result.exitCode == 1 && result.standardError.contains("Input/output error"))
                #expect(result.standardOutput.isEmpty)
                try Data(Self.first.guest).write(to: folder.url.appendingPathComponent("first"))
                try run(["cmp", mount("first.raw"), folder("first")])
                #expect(try Self.state(mount("second.raw")).contains("not as its descriptor says"))
                let log = try String(contentsOfFile: folder("log"), encoding: .utf8)
                #expect(log.contains("second.vmdk") && log.contains("not as its descriptor says"))
            }
        }

        @Test(
            "W15: what comes soon enough is mounted as a whole, its manifest, too; other commands wait for all"
        )
        func whole() throws {
            let (bytes, _, start) = Self.archive()
            let gate = Gate()
            let server = try TestSupport.WebServer { request, connection in
                guard request.headers["range"] == nil else { return connection.answer(400) }
                connection.sendHead(200, ["Content-Length: \(bytes.count)", "ETag: \"1\""])
                connection.send(bytes[..<(start + 1_000)])
                gate.wait()
                connection.send(bytes[(start + 1_000)...])
            }
            defer {
                gate.open()
                server.stop()
            }
            let command = try ChildProcess([
                try Ovafs.path(), "info", "--json", "--timeout=600", server.url("/vm.ova"),
            ])
            defer { command.send(SIGKILL) }
            #expect(ChildProcess.remaining([command], after: 8) == 1)
            gate.open()
            #expect(ChildProcess.remaining([command], after: 60) == 0)
            try withTestFolder { folder in
                try withMount(of: server.url("/vm.ova"), in: folder) { mount in
                    let names = try run(["ls", mount.point]).lines
                    #expect(names == ["first.raw", "second.raw", "vm.mf", "vm.ovf"])
                    #expect(!mount.messages.contains("had not come"))
                }
            }
        }
    }
}
