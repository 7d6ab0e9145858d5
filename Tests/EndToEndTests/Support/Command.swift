// Runs other programs, each with a time limit, and keeps what they printed.
// SPDX-License-Identifier: Apache-2.0

import Foundation
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
    let outputs = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("out-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: outputs, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: outputs) }
    let standardOutput = outputs.appendingPathComponent("1")
    let standardError = outputs.appendingPathComponent("2")
    for file in [standardOutput, standardError] { try Data().write(to: file) }

    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["--kill-after=5", "\(limit)"] + command
    process.currentDirectoryURL = folder
    var environment = ProcessInfo.processInfo.environment
    environment["LC_ALL"] = "C.UTF-8"
    environment["PATH"] = (environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: standardOutput)
    process.standardError = try FileHandle(forWritingTo: standardError)
    try process.run()
    process.waitUntilExit()

    let signalled = process.terminationReason == .uncaughtSignal
    return CommandResult(
        command: command.joined(separator: " "),
        exitCode: process.terminationStatus + (signalled ? 128 : 0),
        standardOutput: try Data(contentsOf: standardOutput),
        standardError: String(decoding: try Data(contentsOf: standardError), as: UTF8.self))
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
