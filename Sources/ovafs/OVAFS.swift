// The program: its commands, and how it ends.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

@main
struct OVAFS: ParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "ovafs",
        abstract: "Mount a virtual appliance (OVA) or a disk image as a read-only directory.",
        discussion: """
            The descriptor and the manifest are shown as stored, every disk as a raw file that is decoded \
            when it is read.

            Exit codes: 0 done; 1 the source is damaged, or of a kind that ovafs does not read, a check failed, or \
            an output cannot be written; 2 wrong usage, a file that is there already, or a log that cannot be \
            written; 3 the source cannot be read; 4 cannot mount, or cannot unmount. Manual: ovafs(1).

            Example: ovafs mount appliance.ova vm; ls vm; ovafs unmount vm
            """,
        version: "ovafs \(version)",
        subcommands: [
            MountCommand.self, UnmountCommand.self, InfoCommand.self, VerifyCommand.self, ExtractCommand.self,
            ImagesCommand.self, UploadCommand.self, WatchMountCommand.self,
            SandboxProbeCommand.self,
        ])

    static func main() {
        StandardDescriptors.reserve()
        ProcessSettings.apply()
        do {
            if let script = BashCompletion.script(for: Array(CommandLine.arguments.dropFirst())) {
                return try StandardOutput.write(Array(script.utf8))
            }
            if let problem = UsageError.misread(CommandLine.arguments) {
                throw CommandFailure(status: .wrongUsage, message: problem)
            }
            var command = try parseAsRoot(JoinedOptions.separated(CommandLine.arguments))
            if let problem = RepeatedOptions.problem(in: CommandLine.arguments) {
                throw CommandFailure(status: .wrongUsage, message: problem)
            }
            defer { RemoteSession.settle() }
            try command.run()
        } catch let failure as CommandFailure {
            StandardError.write(failure.message)
            Glibc.exit(failure.status.rawValue)
        } catch {
            end(with: error)
        }
    }

    /// Ends after an error of the argument parser, which also stands for `--help` and `--version`.
    private static func end(with error: any Error) -> Never {
        guard exitCode(for: error) != .success else { end(printing: fullMessage(for: error)) }
        StandardError.write(UsageError.text(message(for: error), arguments: CommandLine.arguments))
        Glibc.exit(ExitStatus.wrongUsage.rawValue)
    }

    /// Ends after what was asked for was printed, or could not be.
    private static func end(printing text: String) -> Never {
        do {
            if !text.isEmpty { try StandardOutput.write(Array("\(text)\n".utf8)) }
        } catch {
            StandardError.write((error as? CommandFailure)?.message ?? "\(error)")
            Glibc.exit(ExitStatus.damaged.rawValue)
        }
        Glibc.exit(ExitStatus.done.rawValue)
    }
}
