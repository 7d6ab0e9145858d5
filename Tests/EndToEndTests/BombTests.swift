// Packages that are small and ask for much: memory and time of the real program.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct BombTests {
        /// What a command gets of what a package of full size is promised: each count and length is a fourth of that size, and
        /// the memory a sixteenth, as is what two of them multiply to. `make fuzz` opens all of them at full size.
        private static let divisor = 4
        /// The memory for opening, in bytes.
        private static let openMemory = (256 << 20) / (divisor * divisor)
        /// The address space, in bytes: the memory for opening, the program itself with some fifty shared libraries, and
        /// what a parser has beside what it keeps.
        private static let addressSpace = openMemory + (256 << 20)
        /// The processor time, in seconds: a program built for debugging takes up to thirty times the two
        /// seconds that a release may take.
        private static let processorSeconds = 60 / divisor

        /// Runs `ovafs` within these limits.
        private func limited(_ arguments: String...) throws -> CommandResult {
            try attempt(
                [
                    "prlimit", "--core=0", "--as=\(Self.addressSpace)", "--cpu=\(Self.processorSeconds)",
                    try Ovafs.path(),
                ] + arguments, limit: 120)
        }

        /// How many tests share the bombs: each has five minutes.
        private static let partCount = 6

        @Test("C20: a bomb is opened or refused within its memory and time", arguments: 0..<partCount)
        func bombs(part: Int) {
            let bombs = Bomb.all.indices.filter { $0 % Self.partCount == part }.map { Bomb.all[$0] }
            #expect(problems(with: bombs) { try problem(with: $0) } == [])
        }

        /// What the program does wrong with a bomb; nil where it does nothing wrong.
        private func problem(with bomb: Bomb) throws -> String? {
            var problem: String?
            try withTestFolder { folder in
                let bytes = bomb.bytes(dividedBy: Self.divisor)
                guard bytes.count < (64 << 20) / Self.divisor else {
                    problem = "it has \(bytes.count) bytes"
                    return
                }
                let path = folder("x.ova")
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                let result = try limited("info", "--json", "--open-memory", "\(Self.openMemory)", path)
                let message = result.standardError
                let isRight =
                    switch result.exitCode {
                    case 0: true
                    case 1: message.split(separator: "\n").count == 1 && message.utf8.count < 2_000
                    default: false
                    }
                if !isRight { problem = "\(result.exitCode): \(message.prefix(2_000))" }
            }
            return problem
        }

        @Test("O20: what asks for too much is named, and so is the option that allows it")
        func budgetIsNamed() throws {
            try withTestFolder { folder in
                try folder.makeFolder("mnt")
                let disks = (0..<2_000).map { ListedDisk(id: "d\($0)", capacity: "\"512\"") }
                try folder.makeFolder("members")
                try folder.write(descriptor(files: [], disks: disks), to: "members/x.ovf")
                try Fixtures.tar(["x.ovf"], in: folder("members"), to: folder("x.ova"))
                let program = try Ovafs.path()
                for command in [["info"], ["verify"], ["extract", "-o", folder("out")]] {
                    let refused = try attempt([program] + command + ["--open-memory", "4M", folder("x.ova")])
                    #expect(refused.exitCode == 1)
                    #expect(refused.standardError.contains("of the descriptor needs"))
                    #expect(refused.standardError.contains("--open-memory SIZE"))
                }
                let mount = try attempt(
                    [program, "mount", "-o", "open_memory=4M", folder("x.ova"), folder("mnt")])
                #expect(mount.exitCode == 1)
                #expect(mount.standardError.contains("-o open_memory=SIZE"))
                #expect(
                    try attempt([program, "info", "--open-memory", "64M", folder("x.ova")]).exitCode == 0)
                for wrong in ["", "0", "x", "-1", "4Q", "99999999T"] {
                    let result = try attempt([program, "info", "--open-memory=\(wrong)", folder("x.ova")])
                    #expect(result.exitCode == 2)
                    let options = try attempt(
                        [program, "mount", "-o", "open_memory=\(wrong)", folder("x.ova"), folder("mnt")])
                    #expect(options.exitCode == 2)
                }
            }
        }

        @Test("C20: where the process may have less memory than opening, that is an error and no trap")
        func memoryLimit() throws {
            try withTestFolder { folder in
                let path = folder("x.ova")
                let bomb = try #require(Bomb.all.first { $0.name.contains("disks with a capacity") })
                try Data(bomb.bytes).write(to: URL(fileURLWithPath: path))
                let program = try Ovafs.path()
                // Where the program itself does not start there is nothing to learn: the limit grows from there.
                let least = try #require(
                    (4..<40).map { UInt64($0) << 24 }.first { limit in
                        (try? attempt(["prlimit", "--as=\(limit)", program, "--version"]))?.exitCode == 0
                    })
                let result = try attempt(
                    [
                        "prlimit", "--core=0", "--as=\(least + 96 << 20)", program, "info", path,
                    ])
                #expect(result.exitCode == 3, "\(result.exitCode): \(result.standardError)")
                #expect(result.standardError.contains("Cannot allocate memory"))
            }
        }

        @Test(
            "C21: a signal ends a command that opens something slow at once, and leaves nothing",
            arguments: ["info", "verify", "extract", "mount"], ["INT", "TERM"])
        func signals(command: String, signal: String) throws {
            try withTestFolder { folder in
                let point = try folder.makeFolder("mnt")
                let path = folder("x.img.gz")
                // Members of zeros: minutes of decoding.
                try shell(
                    """
                    head -c 64M /dev/zero | gzip -1 > "$1.part"
                    for i in $(seq 300); do echo "$1.part"; done | xargs cat > "$1" && rm "$1.part"
                    """, path)
                let arguments: [String] =
                    switch command {
                    case "extract": ["extract", path, "-o", folder("out")]
                    case "mount": ["mount", path, point]
                    default: [command, path]
                    }
                let before = try FileManager.default.contentsOfDirectory(atPath: folder.path)
                // A shell that is not interactive gives what it puts into the background no SIGINT: env does.
                let script = """
                    env --default-signal=INT "$@" 2>err & child=$!
                    sleep 1; kill -0 $child || { cat err; exit 90; }
                    start=$(date +%s%N); kill -\(signal) $child; wait $child && exit 91
                    [ $(( ($(date +%s%N) - start) / 1000000 )) -lt 1000 ] || exit 92
                    """
                let work = try folder.makeFolder("work")
                try run(
                    ["bash", "-c", script, "bash", try Ovafs.path()] + arguments,
                    in: URL(fileURLWithPath: work))
                try wait(for: "the end of all processes") { folder.processes().isEmpty }
                let after = try FileManager.default.contentsOfDirectory(atPath: folder.path)
                #expect(Set(after) == Set(before + ["work"]))
                #expect(folder.mountPoints().isEmpty)
            }
        }

        @Test("C10 C20: a hole of an exabyte is not hashed: the check fails and says why")
        func hugeHole() throws {
            try withTestFolder { folder in
                var tar = TarBuilder()
                tar.add(
                    "x.ovf",
                    Array(descriptor(files: [], disks: [ListedDisk(id: "d", capacity: "\"512\"")]).utf8))
                tar.add("x.mf", Array("SHA256(hole)= \(String(repeating: "0", count: 64))\n".utf8))
                tar.addPax([
                    ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"),
                    ("GNU.sparse.realsize", "1152921504606846976"),
                ])
                tar.add("hole", Array("1\n0\n512\n".utf8) + [UInt8](repeating: 0, count: 504 + 512))
                tar.finish()
                let path = folder("x.ova")
                try Data(tar.bytes).write(to: URL(fileURLWithPath: path))
                let result = try limited("verify", path)
                #expect(result.exitCode == 1, "\(result.exitCode): \(result.standardError)")
                #expect((result.text + result.standardError).contains("too long to compute"))
            }
        }
    }
}
