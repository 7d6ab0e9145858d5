// Runs other programs, each with a time limit, and keeps what they printed.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization
import Testing

/// What a program that has ended left behind.
struct CommandResult {
    /// The command as one line, for messages.
    let command: String
    /// The exit code; 128 + the signal's number when it was ended by one.
    let exitCode: Int32
    let standardOutput: Data
    let standardError: String

    /// Standard output as text, without its last line end.
    var text: String {
        let text = String(decoding: standardOutput, as: UTF8.self)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    /// Standard output, a line an element.
    var lines: [String] { text.isEmpty ? [] : text.components(separatedBy: "\n") }
}

/// A command that had to succeed and did not.
struct CommandFailure: Error, CustomStringConvertible {
    let result: CommandResult
    var description: String {
        "`\(result.command)` ended with \(result.exitCode): \(result.standardError) \(result.text.prefix(500))"
    }
}

/// Variables that programs get beside those of the tests.
let additionalVariables = Mutex<[String: String]>([:])

/// Runs a program found in PATH and waits for its end.
///
/// - Parameters:
///   - command: the program and its arguments.
///   - folder: its working folder.
///   - limit: seconds after which it is ended, with its exit code 124 or 137.
/// - Throws: when the program cannot be started or the outputs cannot be read.
/// - Returns: what it printed and how it ended.
@discardableResult
func attempt(_ command: [String], in folder: URL? = nil, limit: Int = 60) throws -> CommandResult {
    // Outputs go to files: a server that goes on in the background keeps them open, and a pipe would never end.
    let outputs = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent(
        "out-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: outputs, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: outputs) }
    let standardOutput = outputs.appendingPathComponent("1")
    let standardError = outputs.appendingPathComponent("2")
    let exitCode = try spawn(
        ["/usr/bin/env", "--chdir", folder?.path ?? outputs.path, "timeout", "--kill-after=5", "\(limit)"]
            + command,
        standardOutput: standardOutput.path, standardError: standardError.path)
    return CommandResult(
        command: command.joined(separator: " "),
        exitCode: exitCode,
        standardOutput: try Data(contentsOf: standardOutput),
        standardError: String(decoding: try Data(contentsOf: standardError), as: UTF8.self))
}

/// Starts a program and waits for its end.
///
/// Not by Foundation's `Process`, whose waiting needs a run loop and was seen to miss the end of a child.
///
/// - Throws: `SystemCallError` when the program cannot be started.
/// - Returns: its exit code; 128 + the signal's number when it was ended by one.
private func spawn(
    _ command: [String], standardOutput: String, standardError: String
) throws -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, standardOutput, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, standardError, O_WRONLY | O_CREAT | O_TRUNC, 0o600)

    // Threads of the test's run block all signals; a program must not begin like that.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    unsafe sigemptyset(&noSignals)
    unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var environment = ProcessInfo.processInfo.environment
    environment["LC_ALL"] = "C.UTF-8"
    environment.merge(additionalVariables.withLock { $0 }) { $1 }
    environment["PATH"] = (environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    // SAFETY: the lists end with nil, and their strings live until the child was started.
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    var variables = unsafe environment.map { unsafe strdup("\($0)=\($1)") } + [nil]
    defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
    var child = pid_t()
    let result = unsafe posix_spawn(&child, command[0], &actions, &attributes, &arguments, &variables)
    guard result == 0 else { throw SystemCallError(call: "posix_spawn", errno: result) }

    var status: CInt = 0
    while unsafe waitpid(child, &status, 0) < 0 {
        guard errno == EINTR else { throw SystemCallError(call: "waitpid", errno: errno) }
    }
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
}

/// Runs a program that has to succeed.
///
/// - Parameters:
///   - command: the program and its arguments.
///   - folder: its working folder.
///   - limit: seconds after which it is ended.
/// - Throws: `CommandFailure` when its exit code is not 0.
/// - Returns: what it printed.
@discardableResult
func run(_ command: [String], in folder: URL? = nil, limit: Int = 60) throws -> CommandResult {
    let result = try attempt(command, in: folder, limit: limit)
    guard result.exitCode == 0 else { throw CommandFailure(result: result) }
    return result
}

/// Runs a line of shell that has to succeed; `$1`, `$2` … are the arguments.
///
/// - Parameters:
///   - script: the line.
///   - arguments: paths and values, so that none is quoted by hand.
///   - folder: its working folder.
///   - limit: seconds after which it is ended.
/// - Throws: `CommandFailure` when its exit code is not 0.
/// - Returns: what it printed.
@discardableResult
func shell(
    _ script: String, _ arguments: String..., in folder: URL? = nil, limit: Int = 60
) throws -> CommandResult {
    try run(["bash", "-euo", "pipefail", "-c", script, "bash"] + arguments, in: folder, limit: limit)
}
