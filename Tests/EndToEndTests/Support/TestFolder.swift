// A temporary folder that takes everything with it when the test ends: mounts, loop devices, servers, files.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A test's own folder.
struct TestFolder {
    let url: URL

    var path: String { url.path }

    /// The path of a file or folder in it.
    func callAsFunction(_ name: String) -> String { url.appendingPathComponent(name).path }

    /// Makes an empty folder in it.
    ///
    /// - Throws: when it cannot be made.
    /// - Returns: its path.
    @discardableResult
    func makeFolder(_ name: String) throws -> String {
        let path = self(name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Writes a file in it.
    ///
    /// - Throws: when it cannot be written.
    /// - Returns: its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let path = self(name)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// The mount points beneath the folder, in the order in which they were mounted.
    func mountPoints() -> [String] {
        let table = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        return table.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 4 else { return nil }
            // The names that tests use for mount points need no octal escapes.
            let point = String(fields[4])
            return point.hasPrefix(path + "/") ? point : nil
        }
    }

    /// The processes that have a path beneath the folder among their arguments.
    func processes() -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let process = pid_t(name), process != getpid(),
                let line = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(name)/cmdline")),
                line.range(of: Data((path + "/").utf8)) != nil
            else { return nil }
            return process
        }
    }

    /// Those of them that serve a mount or wait for one, without their brokers, which make the mounts.
    func servers() -> [pid_t] {
        processes().filter { process in
            let line = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))) ?? Data()
            return line.range(of: Data("\0watch-mount\0".utf8)) == nil
        }
    }

    /// Takes away whatever is left, and says whether anything was.
    fileprivate func clean() -> [String] {
        var leftovers: [String] = []
        for point in mountPoints().reversed() {
            leftovers.append("mounted: \(point)")
            _ = try? attempt(["umount", "--lazy", point], limit: 10)
            _ = try? attempt(["fusermount3", "-u", "-z", point], limit: 10)
        }
        // A server ends a moment after its mount is gone; one that does not is left behind.
        for _ in 0..<100 where !processes().isEmpty { usleep(50_000) }
        let servers = processes()
        leftovers += servers.map { "running: process \($0)" }
        for server in servers { kill(server, SIGKILL) }
        _ = try? attempt(["rm", "-rf", "--one-file-system", path], limit: 30)
        return leftovers
    }
}

/// Runs a test in a folder of its own, and fails the test when it leaves a mount or a process behind.
func withTestFolder(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (TestFolder) throws -> Void
) throws {
    let name = "ovafs-test-\(UUID().uuidString.prefix(8))"
    // With links resolved, because the table of mounts has them resolved.
    let base = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath()
    let folder = TestFolder(url: base.appendingPathComponent(name))
    try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
    let outcome = Result { try body(folder) }
    let leftovers = folder.clean()
    try outcome.get()
    #expect(leftovers.isEmpty, "left behind", sourceLocation: sourceLocation)
}
