// `ovafs-fuzz`: feeds a parser with a file, or with damaged copies of sample files.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Glibc

@main
struct FuzzCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ovafs-fuzz",
        abstract: "Bytes in, no trap out.",
        discussion: """
            Without --seconds and --round, each sample is parsed once as it is; - is standard input. With --seconds, \
            damaged copies of the samples are parsed. Whatever traps is repeated with --round and the same samples. \
            A round that takes more than two seconds of processor time is a finding, too. For bombs, the packages are \
            those of Tests/TestSupport/Bombs at full size, and what the program takes for each is printed; with \
            --round and a file, one of them is written there.
            """)

    @Argument(help: "What is fed; not with --list.")
    var target: FuzzTarget?

    @Argument(help: "Samples.")
    var files: [String] = []

    @Flag(help: "Start from inputs that are built for the target, too.")
    var constructed = false

    @Flag(help: "Name the targets, a line each.")
    var list = false

    @Option(help: "How long to go on.")
    var seconds: Double?

    @Option(help: "Decides the damage, together with the round.")
    var seed: UInt64 = 1

    @Option(help: "Run this round only.")
    var round: UInt64?

    @Option(help: "A file that has the number of the round, to be read after a trap.")
    var progress: String?

    func run() throws {
        if list {
            for target in FuzzTarget.allCases { print(target.rawValue) }
            return
        }
        guard let target else { throw ValidationError("name a target; --list names them all") }
        guard target != .bombs else {
            guard let round, let path = files.first else { return try BombRun.run() }
            return try BombRun.make(round, at: path)
        }
        var samples = try files.map { name in
            [UInt8](
                try name == "-"
                    ? FileHandle.standardInput.readToEnd() ?? Data()
                    : Data(contentsOf: URL(fileURLWithPath: name)))
        }
        if constructed { samples += Seeds.all(for: target) }
        guard !samples.isEmpty else { throw ValidationError("name samples, or give --constructed") }
        defer { if target == .commands { CommandTarget.cleanUp() } }
        if let round {
            try parse(input(of: round, from: samples, for: target), as: target)
        } else if let seconds {
            try runRounds(of: samples, for: target, until: Date() + seconds)
        } else {
            for sample in samples { try parse(sample, as: target) }
        }
    }

    private func runRounds(of samples: [[UInt8]], for target: FuzzTarget, until end: Date) throws {
        let record = try progress.map { path in
            try Data().write(to: URL(fileURLWithPath: path))
            return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        }
        var round: UInt64 = 0
        while Date() < end {
            if let record {
                try record.seek(toOffset: 0)
                try record.write(contentsOf: Data("\(round)\n".utf8))
            }
            try parse(input(of: round, from: samples, for: target), as: target)
            round += 1
        }
        print("\(target.rawValue): \(round) rounds, seed \(seed)")
    }

    /// Processor time that one input may take, in seconds.
    private static let longestTime = 2.0

    private func parse(_ bytes: [UInt8], as target: FuzzTarget) throws {
        let start = clock()
        try target.parse(bytes)
        let time = Double(clock() - start) / Double(CLOCKS_PER_SEC)
        guard !target.isTimed || time < Self.longestTime else {
            throw CommandTarget.Finding(description: "one input took \(time) seconds of processor time")
        }
    }

    /// The damaged bytes of a round: the same for the same seed, round and samples.
    private func input(of round: UInt64, from samples: [[UInt8]], for target: FuzzTarget) -> [UInt8] {
        let seed = seed &+ round &* 0x9e37_79b9
        var mutator = Mutator(seed: seed)
        guard target.isArchive, !round.isMultiple(of: 3) else {
            return mutator.damaged(samples, repairsTar: target.isArchive)
        }
        // Parts of packages, so that what is behind checksums and digests is reached more often.
        var packages = PackageMutator(seed: seed, byteLimit: Mutator.mostBytes)
        let sample = samples[Int(truncatingIfNeeded: (seed >> 8) % UInt64(samples.count))]
        return packages.changed(sample) { bytes, limit in
            Array(mutator.damaged([bytes], repairsTar: false).prefix(limit))
        }
    }
}
