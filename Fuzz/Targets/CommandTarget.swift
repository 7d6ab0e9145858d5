// The commands: argument lists and mount options.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport

/// Takes the bytes as arguments with NULs between them and starts the program that was built beside this one. It has to end
/// by itself, with one of its exit codes. No mount comes about: the folder to mount on is not there.
enum CommandTarget {
    struct Finding: Error, CustomStringConvertible {
        let description: String
    }

    private static let commands = ["info", "verify", "extract", "mount", "help"]
    /// Seconds after which a command hangs.
    private static let patience: TimeInterval = 10

    static func run(_ bytes: [UInt8]) throws {
        let folder = try sources.get()
        var arguments = bytes.split(separator: 0, omittingEmptySubsequences: false).prefix(20).map {
            String(decoding: $0.prefix(4_000), as: UTF8.self)
        }
        let command = commands.contains(arguments.first ?? "") ? arguments.removeFirst() : "mount"
        // Nothing outside of the folder is named.
        arguments = arguments.map { $0.contains("/") || $0.contains("..") ? "x.ova" : $0 }
        if command == "mount" { arguments.append("none/mnt") }
        let status = try start([command] + arguments, in: folder.path)
        let signal = status & 0x7f
        guard signal == 0, 0...4 ~= (status >> 8) & 0xff else {
            let end = signal == 0 ? "exit code \((status >> 8) & 0xff)" : "signal \(signal)"
            throw Finding(description: "ends with \(end): \([command] + arguments)")
        }
    }

    /// Starts the program with nothing on its input and its outputs.
    /// - Returns: what waitpid(2) says of its end.
    private static func start(_ arguments: [String], in folder: String) throws -> CInt {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for descriptor: CInt in 0...2 {
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        let command = ["/usr/bin/env", "--chdir", folder, program] + arguments
        var strings = unsafe command.map { unsafe strdup($0) } + [nil]
        defer { unsafe strings.forEach { unsafe free($0) } }
        var child = pid_t()
        // SAFETY: the strings live until the call has returned; the list ends with nil.
        let result = unsafe posix_spawn(&child, command[0], &actions, nil, &strings, environ)
        guard result == 0 else { throw Finding(description: "\(command[0]) cannot be started: \(result)") }
        var status: CInt = 0
        let end = Date() + patience
        while unsafe waitpid(child, &status, WNOHANG) == 0 {
            guard Date() < end else {
                kill(child, SIGKILL)
                unsafe _ = waitpid(child, &status, 0)
                throw Finding(description: "hangs: \(arguments)")
            }
            usleep(1_000)
        }
        return status
    }

    /// The program that was built beside this one.
    static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("ovafs").path

    /// A folder with files to name, made once.
    private static let sources = Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ovafs-fuzz-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(Seeds.packages[0]).write(to: folder.appendingPathComponent("x.ova"))
        try Data(MonolithicSparseBuilder(GrainContent.mixed(6)).build().bytes).write(
            to: folder.appendingPathComponent("disk.vmdk"))
        return folder
    }

    /// Removes what the runs left.
    static func cleanUp() {
        if let folder = try? sources.get() { try? FileManager.default.removeItem(at: folder) }
    }
}
