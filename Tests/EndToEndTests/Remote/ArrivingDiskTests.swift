// A disk that is read while it comes from a server without ranges: SEMANTICS W14.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct ArrivingDiskTests {
        /// 12 MiB, of which each fourth grain is a hole, with its directory at the end.
        private static func disk() -> BuiltImage {
            var builder = StreamOptimizedBuilder((0..<192).map { $0 % 4 == 3 ? .absent : .noise })
            builder.grainSizeInSectors = 128
            builder.entriesPerTable = 16
            return builder.build()
        }

        /// Serves `bytes` without ranges, and the second half of them when the gate is open.
        private static func server(_ bytes: [UInt8], _ gate: Gate) throws -> TestSupport.WebServer {
            let file = WebFile(bytes)
            return try TestSupport.WebServer { request, connection in
                guard request.headers["range"] == nil else { return connection.answer(400) }
                connection.sendHead(200, ["Content-Length: \(bytes.count)"] + file.headers)
                connection.send(bytes[..<(bytes.count / 2)])
                gate.wait()
                connection.send(bytes[(bytes.count / 2)...])
            }
        }

        /// Copies grain `index` past the page cache, so that no other grain is read for it.
        private static func copy(_ index: Int, of mount: Mount, to output: String) throws -> CommandResult {
            try attempt(
                [
                    "dd", "if=\(mount("d.raw"))", "of=\(output)", "bs=64K", "skip=\(index)", "count=1",
                    "iflag=direct", "status=none",
                ], limit: 120)
        }

        private static func guest(_ built: BuiltImage, _ index: Int) -> Data {
            let range = built.guestRange(ofGrain: index)
            return Data(built.guest[Int(range.lowerBound)..<Int(range.upperBound)])
        }

        @Test("W14: what has come of a streamOptimized disk is read while its directory has not")
        func halfway() throws {
            try withTestFolder { folder in
                let built = Self.disk()
                let gate = Gate()
                let server = try Self.server(built.bytes, gate)
                defer {
                    gate.open()
                    server.stop()
                }
                let mount = try Mount(server.url("/d.vmdk"), in: folder)
                // Data, and a hole whose table has come.
                for index in [0, 1, 3, 20, 35] {
                    let output = folder("early\(index)")
                    #expect(try Self.copy(index, of: mount, to: output).exitCode == 0)
                    #expect(FileManager.default.contents(atPath: output) == Self.guest(built, index))
                }
                let late = SleepingMutex<Int32?>(nil)
                let output = folder("late")
                let reader = try WorkerThread {
                    let result = try? Self.copy(190, of: mount, to: output)
                    late.withLock { $0 = result?.exitCode }
                }
                try wait(for: "the reader of a grain that has not come") {
                    try Statistics(of: mount).waitingReads > 0
                }
                #expect(try run(["ls", mount.point]).text == "d.raw")
                gate.open()
                reader.join()
                #expect(late.withLock { $0 } == 0)
                #expect(FileManager.default.contents(atPath: output) == Self.guest(built, 190))
                let reference = folder("reference.raw")
                try Data(built.guest).write(to: URL(fileURLWithPath: reference))
                #expect(try Fixtures.digest(mount("d.raw")) == Fixtures.digest(reference))
                let ranges = try PosixFile(mount("d.raw")).dataRanges()
                #expect(ranges.count == 48 && ranges.first == 0..<(3 * 65_536))
                try mount.unmount()

                let address = server.url("/d.vmdk")
                #expect(try Ovafs.attempt("verify", "--deep", address).exitCode == 0)
                try run([try Ovafs.path(), "extract", address, "-o", folder("copy.raw")])
                try run(["cmp", folder("copy.raw"), reference])
            }
        }

        @Test(
            "W14: a disk whose end turns out to be missing answers EIO from then on; commands say so at once")
        func cutShort() throws {
            try withTestFolder { folder in
                let built = Self.disk()
                let gate = Gate()
                let server = try Self.server(Array(built.bytes.dropLast(1_024)), gate)
                defer {
                    gate.open()
                    server.stop()
                }
                let mount = try Mount(server.url("/d.vmdk"), in: folder)
                let output = folder("copy")
                #expect(try Self.copy(0, of: mount, to: output).exitCode == 0)
                #expect(FileManager.default.contents(atPath: output) == Self.guest(built, 0))
                // As most programs read.
                try run(["head", "--bytes=65536", mount("d.raw")])
                gate.open()
                // Without a reader.
                try wait(for: "the end of the transfer") {
                    try run([
                        "getfattr", "--only-values", "--absolute-names", "-n", "user.ova.state",
                        mount("d.raw"),
                    ]).text.contains("damaged")
                }
                for read in [try Self.copy(0, of: mount, to: output), try attempt(["head", mount("d.raw")])] {
                    #expect(read.exitCode == 1 && read.standardError.contains("Input/output error"))
                }
                let late = try Self.copy(190, of: mount, to: output)
                #expect(late.exitCode == 1 && late.standardError.contains("Input/output error"))
                try mount.unmount()
                for command in [["info"], ["verify", "--deep"], ["extract", "-o", folder("out.raw")]] {
                    let result = try attempt([try Ovafs.path()] + command + [server.url("/d.vmdk")])
                    #expect(result.exitCode == 1 && result.standardError.contains("footer"), "\(command)")
                }
            }
        }
    }
}
