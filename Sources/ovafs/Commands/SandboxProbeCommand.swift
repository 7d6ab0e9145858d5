// `ovafs sandbox-probe`: enters the sandbox of a mount, and tries what it forbids; for tests.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import ByteSources
import Glibc
import Synchronization

struct SandboxProbeCommand: ParsableCommand {
    static let name = "sandbox-probe"

    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Enter the sandbox that a mount of the source has, and try what it forbids.",
        shouldDisplay: false)

    @Argument
    var source: String

    @Option(name: .short, parsing: .singleValue)
    var o: [String] = []

    /// Layers, where not all of them are to be entered.
    @Option
    var layer: [String] = []

    @Option
    var read: [String] = []

    @Option
    var make: [String] = []

    @Option
    var connect: [UInt16] = []

    @Option
    var abstract: [String] = []

    func run() throws {
        let options = try MountOptions(o.map(RawArguments.bytes))
        let remote = RemoteSession(options.remoteSources)
        let entrance = try SandboxEntrance(
            for: source, cacheFolder: options.cacheFolder, user: options.user, through: remote)
        let chosen = layer.isEmpty ? SandboxLayer.allCases : layer.compactMap(SandboxLayer.init)
        var probe = SandboxProbe()
        probe.read = try read.map(RawArguments.path)
        probe.make = try make.map(RawArguments.path)
        probe.ports = connect
        probe.abstractNames = abstract
        let sandbox = try Sandbox.enter(entrance.plan, options.sandbox, only: Set(chosen))
        // A thread is in the sandbox that it was started in.
        let outcome = Outcome()
        let thread = try WorkerThread { [probe] in
            let lines = probe.lines()
            outcome.lines.withLock { $0 = lines }
        }
        thread.join()
        let text = outcome.lines.withLock { $0.joined(separator: "\n") }
        try StandardOutput.write(JSONText.encode(sandbox) + Array("\n\(text)\n".utf8))
    }
}

private final class Outcome: Sendable {
    let lines = Mutex<[String]>([])
}
