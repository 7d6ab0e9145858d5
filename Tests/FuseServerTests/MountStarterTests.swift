// Tests of what is done once a mount answers: whose read-ahead is raised, and whose is not.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Foundation
import Logging
import Synchronization
import Testing

@testable import FuseServer

@Suite("Once a mount answers", .serialized)
struct MountStarterTests {
    private static let tree = FileTreeBuilder(directoryTime: 1_000, budget: OpeningBudget()).build()

    /// Whether this process may change what the kernel reads ahead.
    private static let mayChangeReadAhead: Bool = {
        var status = statvfs()
        guard unsafe statvfs("/sys/class/bdi", &status) == 0 else { return false }
        return geteuid() == 0 && status.f_flag & 1 == 0  // ST_RDONLY
    }()

    private static func answer(in folder: String) -> MountAnswer {
        MountAnswer(directory: Array(folder.utf8CString), log: Logger(label: "test"))
    }

    @Test("a folder where nothing is mounted has no device that could be changed, and is no mount to use")
    func goneMount() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let count = CallCount()
        let answer = Self.answer(in: folder)
        let starter = MountStarter(awaiting: { answer.wait() }) { count.value.add(1, ordering: .relaxed) }
        #expect(answer.deviceNumber() == nil)
        starter.start()
        starter.wait()
        #expect(count.value.load(ordering: .relaxed) == 0)
        // It may even be gone.
        try FileManager.default.removeItem(atPath: folder)
        #expect(answer.deviceNumber() == nil)
        #expect(Self.answer(in: folder).deviceNumber() == nil)
    }

    @Test("a FUSE file system that was there before is not taken for the mount")
    func otherMount() throws {
        try LiveMount.with(Self.tree) { mount in
            #expect(Self.answer(in: mount.folder).deviceNumber() == nil)
        }
    }

    @Test("the device is that of the mount which came to the folder")
    func ownMount() throws {
        try LiveMount.with(Self.tree) { mount in
            // Made before, it would have seen the file system below.
            let below = Self.answer(in: mount.folder + "/..")
            #expect(below.deviceNumber() == nil)
            let device = try Self.device(of: mount.folder)
            #expect(MountAnswer.number(of: device.raw) == device.text)
        }
    }

    @Test(
        "the kernel reads 1 MiB ahead of a mount that root makes",
        .enabled(if: mayChangeReadAhead, "needs root and a /sys that can be written"))
    func readAhead() throws {
        try LiveMount.with(Self.tree) { mount in
            let path = "/sys/class/bdi/\(try Self.device(of: mount.folder).text)/read_ahead_kb"
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "1024\n")
        }
    }

    /// The device of `folder`, as stat(2) and as stat(1) say it.
    private static func device(of folder: String) throws -> (raw: dev_t, text: String) {
        var status = stat()
        try #require(unsafe stat(folder, &status) == 0)
        let info = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        let line = try #require(info.split(separator: "\n").last { $0.contains(" \(folder) ") })
        return (status.st_dev, String(line.split(separator: " ")[2]))
    }

    private final class CallCount: Sendable {
        let value = Atomic<Int>(0)
    }
}
