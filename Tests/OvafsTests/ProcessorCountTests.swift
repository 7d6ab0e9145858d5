// Tests of how many processors a command takes there to be.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ovafs

@Suite("The number of processors")
struct ProcessorCountTests {
    /// Calls `body` with a folder that holds `files`, and removes it.
    private static func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try body(folder.path)
    }

    @Test(
        "a control group's time is rounded up to whole processors, and the least of all groups counts",
        arguments: [
            // Version 2.
            ("0::/a/b\n", ["a/b/cpu.max": "150000 100000\n"], 2),
            ("0::/a/b\n", ["a/b/cpu.max": "max 100000\n"], nil),
            ("0::/a/b\n", ["a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"], 3),
            ("0::/a/b\n", ["a/b/cpu.max": "500000 100000\n", "cpu.max": "100000 100000\n"], 1),
            ("0::/a/b\n", ["a/b/cpu.max": "1000 100000\n"], 1),
            ("0::/\n", ["cpu.max": "400000 100000\n"], 4),
            // In a container, the path is one of the host's.
            ("0::/system.slice/gone\n", ["cpu.max": "200000 100000\n"], 2),
            // Version 1.
            (
                "4:memory:/x\n3:cpu,cpuacct:/x\n",
                ["cpu/x/cpu.cfs_quota_us": "250000\n", "cpu/x/cpu.cfs_period_us": "100000\n"], 3
            ),
            ("3:cpu:/x\n", ["cpu/x/cpu.cfs_quota_us": "-1\n", "cpu/x/cpu.cfs_period_us": "100000\n"], nil),
            ("3:cpuset:/x\n", ["cpu/x/cpu.cfs_quota_us": "1\n", "cpu/x/cpu.cfs_period_us": "1\n"], nil),
            // What makes no sense says nothing.
            ("0::/a\n", ["a/cpu.max": ""], nil), ("0::/a\n", ["a/cpu.max": "0 0\n"], nil),
            ("0::/a\n", ["a/cpu.max": "99999999999999999999 1\n"], nil), ("", [:], nil),
            ("0:\n::\n", [:], nil),
        ] as [(String, [String: String], Int?)])
    func quota(groups: String, files: [String: String], expected: Int?) throws {
        try Self.withFolder(files) { #expect(ProcessorCount.quota(ofGroups: groups, in: $0) == expected) }
    }

    @Test(
        "the processors that a process may run on are counted, however many there are",
        arguments: [
            ("Name:\tx\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n", 2), ("Cpus_allowed:\t8\n", 1),
            ("Cpus_allowed:\tff,ffffffff,00000000,ffffffff\n", 72), ("Cpus_allowed:\t0\n", nil),
            ("Cpus_allowed:\tx\n", nil), ("Cpus_allowed:\n", nil), ("", nil),
        ] as [(String, Int?)])
    func permitted(status: String, expected: Int?) {
        #expect(ProcessorCount.permitted(inStatus: status) == expected)
    }

    @Test("this process is told no more than nproc(1) says")
    func current() throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/nproc")
        process.environment = [:]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let count = try #require(Int(text.filter(\.isNumber)))
        #expect(1...count ~= ProcessorCount.current)
    }
}
