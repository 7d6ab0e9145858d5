// The program under test: where it is, mounting with it, and its end.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The `ovafs` executable that was built with these tests.
enum Ovafs {
    /// Its path: beside the test bundle.
    ///
    /// - Throws: when it is not there.
    static func path() throws -> String {
        // The running program is either the bundle itself or inside of it.
        var folder = URL(
            fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        for _ in 0..<4 {
            folder.deleteLastPathComponent()
            let candidate = folder.appendingPathComponent("ovafs").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        }
        throw MissingExecutable(lookedIn: folder.path)
    }

    struct MissingExecutable: Error { let lookedIn: String }

    /// Runs it, whatever its exit code.
    ///
    /// - Throws: when it is not there or cannot be started.
    @discardableResult
    static func attempt(_ arguments: String..., limit: Int = 60) throws -> CommandResult {
        try EndToEndTests.attempt([try path()] + arguments, limit: limit)
    }

    /// The root of the source tree.
    static let sourceTree = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
}

/// A mounted package.
struct Mount {
    let point: String
    /// What the command printed while mounting.
    let messages: String
    /// The server's process.
    let server: pid_t

    /// The path of a file in the mount.
    func callAsFunction(_ name: String) -> String { point + "/" + name }

    /// Mounts a source on a new folder.
    ///
    /// - Parameters:
    ///   - source: the SOURCE argument.
    ///   - folder: the test's folder.
    ///   - name: of the new folder.
    ///   - options: for `-o`, none when empty.
    ///   - arguments: others.
    /// - Throws: `CommandFailure` when the command's exit code is not 0.
    init(
        _ source: String, in folder: TestFolder, on name: String = "mnt", options: String = "",
        arguments: [String] = []
    ) throws {
        point = try folder.makeFolder(name)
        let before = Set(folder.servers())
        // Sanitizers write their reports to files, which a server in its sandbox could not.
        let options = [options, ProcessInfo.processInfo.environment["OVAFS_TEST_OPTIONS"] ?? ""]
            .filter { !$0.isEmpty }.joined(separator: ",")
        let result = try attempt(
            [try Ovafs.path(), "mount", source, point] + (options.isEmpty ? [] : ["-o", options])
                + arguments)
        guard result.exitCode == 0 else { throw CommandFailure(result: result) }
        messages = result.standardError
        let servers = folder.servers().filter { !before.contains($0) }
        #expect(servers.count == 1, "one server a mount")
        server = try #require(servers.first)
    }

    /// Unmounts and waits for the server's end.
    ///
    /// - Throws: when the mount stays or the server does not end within ten seconds.
    func unmount() throws {
        try EndToEndTests.unmount(point)
        try waitForEnd()
    }

    /// Waits until the server has ended and nothing is mounted.
    ///
    /// - Throws: when that takes more than ten seconds.
    func waitForEnd() throws {
        // A process that has ended has no command line, even before it was waited for.
        try wait(for: "the server's end") {
            (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(server)/cmdline")))?.isEmpty ?? true
        }
        let table = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        #expect(!table.contains(" \(point) "), "still mounted")
    }
}

/// Unmounts by umount(8), or by fusermount3 for those who are not root.
///
/// - Throws: `CommandFailure` when that is refused.
func unmount(_ point: String) throws {
    try run(EndToEnd.isRoot ? ["umount", point] : ["fusermount3", "-u", point])
}

struct TimeIsUp: Error { let waitingFor: String }

/// Waits for a condition, at most ten seconds.
///
/// - Throws: `TimeIsUp`.
func wait(for what: String, until isTrue: () throws -> Bool) throws {
    for _ in 0..<1000 {
        if try isTrue() { return }
        usleep(10_000)
    }
    throw TimeIsUp(waitingFor: what)
}

/// Mounts a source, runs the body, and unmounts; a body that throws leaves the unmounting to the test's folder.
func withMount(
    of source: String, in folder: TestFolder, options: String = "", _ body: (Mount) throws -> Void
) throws {
    let mount = try Mount(source, in: folder, options: options)
    try body(mount)
    try mount.unmount()
}
