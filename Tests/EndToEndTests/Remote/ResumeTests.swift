// A copy from a web server that broke, and goes on where it stopped: SEMANTICS X13.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct ResumeTests {
        private static let byteCount = 96 << 20

        /// Blocks of 256 KiB that are kept in `cache`.
        private static func keptCount(_ cache: String) -> Int {
            let folder = cache + "/1"
            let objects = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return objects.map { name in
                let digests = FileManager.default.contents(atPath: "\(folder)/\(name)/digests") ?? Data()
                return stride(from: 0, to: digests.count, by: 32).count {
                    digests[$0..<min($0 + 32, digests.count)].contains { $0 != 0 }
                }
            }.reduce(0, +)
        }

        private static func sentByteCount(_ server: WebServer, from first: Int) throws -> Int {
            try server.requests().dropFirst(first).compactMap { Int($0.split(separator: " ")[2]) }.reduce(
                0, +)
        }

        @Test("X13: a copy that was killed goes on where it stopped, and one of another version begins anew")
        func killed() throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(reference, byteCount: Self.byteCount, data: [0..<Self.byteCount])
                try run(["cp", reference, folder("www/d.raw")])
                let cache = try folder.makeFolder("cache")
                try run(["chmod", "700", cache])
                let output = folder("copy.raw")
                let arguments = [
                    try Ovafs.path(), "extract", "--cache-dir", cache, server.address("paced/d.raw"), "-o",
                    output,
                ]
                let copy = try ChildProcess(arguments)
                defer { copy.send(SIGKILL) }
                try wait(for: "the first blocks") { Self.keptCount(cache) >= 64 }
                copy.send(SIGKILL)
                #expect(ChildProcess.remaining([copy], after: 20) == 0)
                let kept = Self.keptCount(cache)
                #expect(kept < Self.byteCount >> 18, "it was done already")
                // What was under way is written when it has ended.
                usleep(500_000)
                let first = try server.requests().count
                try run(arguments)
                try run(["cmp", output, reference])
                // Beside what is missing: the first request, and what a reader did not wait for in a slow transfer.
                let missing = Double(Self.byteCount - kept << 18)
                let sent = try Self.sentByteCount(server, from: first)
                #expect(Double(sent) <= 1.3 * missing + 4e6, "\(kept) blocks were kept")

                try shell(#"printf changed | dd of="$1" conv=notrunc status=none"#, folder("www/d.raw"))
                try run(["touch", "-d", "2020-01-01", folder("www/d.raw")])
                try run(arguments + ["--force"])
                try run(["cmp", output, folder("www/d.raw")])
            }
        }
    }
}
