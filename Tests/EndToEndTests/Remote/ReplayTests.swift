// What a mount read, brought first by the next one: SEMANTICS W12.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct ReplayTests {
        @Test("W12: what a mount read is written down, and the next mount gives the same bytes with it")
        func replay() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let server = try WebServer(in: folder)
                defer { server.end() }
                try run(["cp", package.path, folder("www/x.ova")])
                let record = folder("boot.reads")
                for (number, options) in [
                    "record=\(record)", "replay=\(record)", "replay=\(record),record=\(record)",
                ]
                .enumerated() {
                    let mount = try Mount(
                        server.address("x.ova"), in: folder, on: "mnt\(number)", options: options)
                    for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
                    try mount.unmount()
                    // The server writes when its mount has gone.
                    try shell(
                        #"for i in $(seq 500); do [ -s "$1" ] && exit 0; sleep 0.02; done; exit 1"#, record)
                    #expect(try run(["head", "-n", "1", record]).text.hasPrefix("ovafs record of reads"))
                }
                let text = try String(contentsOfFile: record, encoding: .utf8)
                #expect(!text.contains("127.0.0.1") && !text.contains("x.ova"))
                let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
                #expect(!left.contains { $0.hasPrefix(".boot.reads") })
            }
        }

        @Test(
            "W12: a record of another version changes nothing; what is no record is refused"
        )
        func refused() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let server = try WebServer(in: folder)
                defer { server.end() }
                try run(["cp", package.path, folder("www/x.ova")])
                let record = folder("boot.reads")
                try withMount(of: server.address("x.ova"), in: folder, options: "record=\(record)") { mount in
                    for (name, _) in package.references {
                        try run(["dd", "if=\(mount(name))", "of=/dev/null", "count=8"])
                    }
                }
                try shell(#"for i in $(seq 500); do [ -s "$1" ] && exit 0; sleep 0.02; done; exit 1"#, record)
                try run(["touch", "-d", "2020-01-01", folder("www/x.ova")])
                let mount = try Mount(
                    server.address("x.ova"), in: folder, on: "other", options: "replay=\(record)")
                for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
                try mount.unmount()

                try folder.write("no record\n", to: "none")
                try shell(
                    #"cd "$1"; mkfifo pipe; mknod device c 1 3; ln -s boot.reads link; ln -s nowhere dangling"#,
                    folder.path)
                let point = try folder.makeFolder("point")
                let address = server.address("x.ova")
                for (option, source, exitCode) in [
                    ("replay=\(folder("none"))", address, 2), ("replay=/dev/null", address, 2),
                    ("header=@/tmp", address, 2), ("record=\(point)/file", address, 2),
                    ("replay=\(folder("absent"))", address, 2),
                    ("replay=\(folder("absent")),record=\(folder("another"))", address, 2),
                    ("header=@\(folder("absent"))", address, 2),
                    ("record=\(folder("none"))", address, 2), ("record=\(folder("pipe"))", address, 2),
                    ("record=\(folder("device"))", address, 2), ("record=\(folder("link"))", address, 2),
                    ("record=\(folder("dangling"))", address, 2),
                    ("record=\(folder("absent/file"))", address, 2), ("record=\(folder("www"))", address, 2),
                ] as [(String, String, Int32)] {
                    let result = try Ovafs.attempt("mount", "-o", option, source, point)
                    #expect(result.exitCode == exitCode, "\(option)")
                    #expect(result.standardError.split(separator: "\n").count == 1)
                }
                try run(["test", "-c", folder("device")])
                #expect(try String(contentsOfFile: folder("none"), encoding: .utf8) == "no record\n")
            }
        }

        @Test("W12: both options with a file that is not there yet mount with a warning, and write it")
        func first() throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(reference, byteCount: 8 << 20, data: [0..<8 << 20])
                try run(["cp", reference, folder("www/d.raw")])
                let record = folder("boot.reads")
                var counts: [Int] = []
                for (number, reads) in [false, true, false].enumerated() {
                    let mount = try Mount(
                        server.address("d.raw"), in: folder, on: "mnt\(number)",
                        options: "replay=\(record),record=\(folder.path)/./boot.reads")
                    #expect(mount.messages.contains("no record yet") == (number == 0))
                    if reads { try run(["cmp", mount("d.raw"), reference]) }
                    try mount.unmount()
                    counts.append(try Self.blockCount(record))
                }
                // What a mount that no one read would have written is less, and is not kept.
                #expect(counts[1] > counts[0] && counts[2] == counts[1], "\(counts)")
                // A record of another version goes, whatever it has.
                try run(["touch", "-d", "2020-01-01", folder("www/d.raw")])
                let mount = try Mount(
                    server.address("d.raw"), in: folder, on: "other", options: "record=\(record)")
                try mount.unmount()
                #expect(try Self.blockCount(record) == counts[0])
            }
        }

        private static func blockCount(_ record: String) throws -> Int {
            try String(contentsOfFile: record, encoding: .utf8).split(separator: "\n").dropFirst(2)
                .compactMap { Int($0.split(separator: " ")[2]) }.reduce(0, +)
        }

        @Test("W5 W12: a source without ranges or without a version is said to be one at once")
        func without() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let server = try WebServer(in: folder)
                defer { server.end() }
                try run(["cp", package.path, folder("www/x.ova")])
                let record = folder("boot.reads")
                let mount = try Mount(
                    server.address("whole/x.ova"), in: folder, options: "record=\(record)")
                #expect(mount.messages.contains("MiB are brought to /var/tmp"))
                #expect(mount.messages.contains("record= does nothing"))
                try mount.unmount()
                let info = try Ovafs.attempt("info", server.address("whole/x.ova"))
                #expect(info.exitCode == 0 && info.standardError.contains("MiB are brought to /var/tmp"))
                #expect(try !Ovafs.attempt("info", server.address("x.ova")).standardError.contains("MiB"))
                let unversioned = try Mount(
                    server.address("unversioned/x.ova"), in: folder, on: "other", options: "record=\(record)")
                #expect(unversioned.messages.contains("record= writes nothing"))
                try unversioned.unmount()
                #expect(!FileManager.default.fileExists(atPath: record))
            }
        }
    }
}
