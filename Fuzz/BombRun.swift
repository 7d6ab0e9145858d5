// The bombs at full size, and what the program takes for them.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport

/// Opens each bomb with `ovafs info` within the limits that docs/SECURITY.md promises for a package of less than 64 MiB, and
/// prints the numbers.
enum BombRun {
    /// Processor time, in seconds.
    private static let longestTime = 2.0
    /// The memory for opening, and what the program and its parsers have beside it, in MiB of resident memory.
    private static let mostMemory = 256 + 128
    /// A bomb's own size, in bytes.
    private static let longestBomb = 64 << 20

    /// - Throws: where a bomb takes more than it may, or the program does not end as it should.
    static func run() throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("ovafs-bomb-\(getpid()).ova").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var problems: [String] = []
        for (number, bomb) in Bomb.all.enumerated() {
            // Another process makes it: what a child may take at most is counted from what its parent has.
            let maker = try CommandTarget.usage(of: ["bombs", "--round", "\(number)", path], isMaker: true)
            guard maker.exitCode == 0 else { throw CommandTarget.Finding(description: "\(bomb) is not made") }
            let byteCount = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            let usage = try CommandTarget.usage(of: ["info", "--json", path])
            print(
                String(
                    format: "%6.2f s %5d MiB  exit %d  %7.1f KiB  ", usage.seconds, usage.mebibytes,
                    usage.exitCode, Double(byteCount) / 1_024) + bomb.name)
            if usage.seconds > longestTime || usage.mebibytes > mostMemory || usage.exitCode > 1
                || byteCount > longestBomb
            {
                problems.append(bomb.name)
            }
        }
        guard problems.isEmpty else {
            throw CommandTarget.Finding(description: "bombs that take too much: \(problems)")
        }
    }

    /// Writes bomb `number` to `path`.
    static func make(_ number: UInt64, at path: String) throws {
        guard let index = Int(exactly: number), Bomb.all.indices.contains(index) else {
            throw CommandTarget.Finding(description: "there are \(Bomb.all.count) bombs")
        }
        try Data(Bomb.all[index].bytes).write(to: URL(fileURLWithPath: path))
    }
}

extension CommandTarget {
    /// What a run of the program took.
    struct Usage {
        /// Of processor time.
        let seconds: Double
        /// The most resident memory.
        let mebibytes: Int
        /// 128 and the number of the signal that ended it.
        let exitCode: CInt
    }

    /// Runs the program, or this one where it `isMaker`.
    static func usage(of arguments: [String], isMaker: Bool = false) throws -> Usage {
        // Core files would take longer than all else.
        let limits = ["/usr/bin/prlimit", "--core=0", "--cpu=60"]
        let child = try ChildProcess(limits + [isMaker ? "\(program)-fuzz" : program] + arguments)
        var status: CInt = 0
        var usage = rusage()
        guard unsafe wait4(child.process, &status, 0, &usage) == child.process else {
            throw Finding(description: "the program cannot be waited for: \(errno)")
        }
        let time = [usage.ru_utime, usage.ru_stime].reduce(0) {
            $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6
        }
        let signal = status & 0x7f
        return Usage(
            seconds: time, mebibytes: usage.ru_maxrss / 1_024,
            exitCode: signal == 0 ? (status >> 8) & 0xff : 128 + signal)
    }
}
