// Tests of a root whose folders come and go, on real mounts: entering, waiting, failing, vanishing.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Foundation
import TestSupport
import Testing

@testable import FuseServer

@Suite("A mounted catalogue", .serialized)
struct CatalogueTests {
    static func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status : nil
    }

    /// What the directory has but `.` and `..`, and the error number of what fails, or 0.
    static func list(_ path: String) -> (names: [String], errno: CInt) {
        guard let directory = unsafe opendir(path) else { return ([], errno) }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        errno = 0
        while let name = unsafe next(directory) {
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        return (names.sorted(), errno)
    }

    static func next(_ directory: OpaquePointer) -> String? {
        guard let entry = unsafe readdir(directory) else { return nil }
        // SAFETY: the system ends the name with a NUL.
        return unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
            unsafe String(cString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
        }
    }

    /// Waits for a condition, for as long as a machine that is busy may take.
    static func wait(_ isTrue: () -> Bool) -> Bool {
        for _ in 0..<3_000 {
            if isTrue() { return true }
            usleep(10_000)
        }
        return isTrue()
    }

    @Test("a listing opens nothing and tells what is known; entering opens one folder, once")
    func entering() throws {
        let catalogue = TestCatalogue(["a", "b"])
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue) { mount in
            #expect(Self.list(mount.folder).names == ["a", "b"])
            let folder = try #require(Self.status(mount.path("a")))
            #expect(folder.st_mode == S_IFDIR | 0o555 && folder.st_size == 12_345 && folder.st_blocks == 0)
            #expect(folder.st_mtim.tv_sec == 1_000 && folder.st_nlink == 1)
            #expect(Self.status(mount.folder)?.st_nlink == 5)
            #expect(
                ExtendedAttributeCalls()?.value(of: "user.ova.image-id", at: mount.path("a"), room: 64).length
                    == 4)
            #expect(catalogue.attempts("a") == 0)
            #expect(mount.read(".ova/stats.json", 10) == .bytes(Array("{}".utf8)))

            #expect(Self.list(mount.path("a")).names == ["file", "link", "sub"])
            #expect(mount.read("a/file", 10) == .bytes(Array("a".utf8)))
            #expect(mount.read("a/link", 10) == .bytes(Array("deep a".utf8)))
            #expect(mount.read("b/sub/deep", 10) == .bytes(Array("deep b".utf8)))
            #expect(mount.read("a/absent", 10) == .failure(ENOENT))
            #expect(mount.read("absent/file", 10) == .failure(ENOENT))
            #expect(catalogue.attempts("a") == 1 && catalogue.attempts("b") == 1)
            let names = ["", "a", "b", "a/file", "b/file", "a/sub", "b/sub", "a/sub/deep", ".ova"]
            #expect(Set(names.compactMap { Self.status(mount.path($0))?.st_ino }).count == names.count)
            #expect(Self.status(mount.path("a/sub/.."))?.st_ino == folder.st_ino)
            #expect(Self.status(mount.path("a/.."))?.st_ino == Self.status(mount.folder)?.st_ino)
            #expect(Self.status(mount.path("id-a"))?.st_ino == folder.st_ino)
            #expect(mount.read("id-b/file", 10) == .bytes(Array("b".utf8)))
        }
        #expect(Self.wait { catalogue.liveCount == 0 })
    }

    @Test("a folder that is slow to open holds up its own readers only, and they can be killed")
    func slow() throws {
        let gate = Gate()
        defer { gate.open() }
        let catalogue = TestCatalogue(["quick", "slow"]) { name, _ throws(FolderFailure) in
            if name == "slow" { PatientRead.blocking { gate.wait() } }
            return TestCatalogue.tree(name)
        }
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue) { mount in
            var readers: [ChildProcess] = []
            defer {
                gate.open()
                for reader in readers { reader.send(SIGKILL) }
                #expect(ChildProcess.remaining(readers, after: 20) == 0)
            }
            for number in 0..<80 {
                readers.append(
                    number.isMultiple(of: 2)
                        ? try ChildProcess(["/usr/bin/cat", mount.path("slow/file")])
                        : try ChildProcess(["/usr/bin/ls", mount.path("slow")]))
            }
            #expect(Self.wait { mount.statistics.waitingReads >= 40 })
            #expect(Self.list(mount.folder).names == ["quick", "slow"])
            #expect(Self.status(mount.path("slow")) != nil)
            #expect(mount.read("quick/file", 10) == .bytes(Array("quick".utf8)))
            #expect(catalogue.attempts("slow") == 1)
            for reader in readers { reader.send(SIGKILL) }
            #expect(ChildProcess.remaining(readers, after: 20) == 0)
            readers = []
            // Nobody waits any more; what was opened is there for the next.
            gate.open()
            #expect(mount.read("slow/file", 10) == .bytes(Array("slow".utf8)))
            #expect(catalogue.attempts("slow") == 1)
        }
    }

    @Test("a folder that cannot be opened says why by its number, and is tried anew")
    func failing() throws {
        let failures: [(FolderFailure.Kind, CInt)] = [
            (.unreadable, EIO), (.refused, EACCES), (.tooManyOpenFiles, EMFILE), (.overBudget, EIO),
        ]
        // Opening one that lacks memory is tried twice at once.
        let catalogue = TestCatalogue(failures.indices.map { "f\($0)" }) {
            name, attempt throws(FolderFailure) in
            let kind = failures[Int(name.dropFirst()) ?? 0].0
            guard attempt > (kind == .overBudget ? 2 : 1) else { throw FolderFailure(kind, "no") }
            return TestCatalogue.tree(name)
        }
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue) { mount in
            for (index, (_, errno)) in failures.enumerated() {
                #expect(Self.list(mount.path("f\(index)")).errno == errno)
                // Whoever comes at once has the same answer, without another attempt.
                #expect(mount.read("f\(index)/file", 10) == .failure(errno))
                usleep(UInt32(ServedCatalogue.failureValidity * 1_100_000))
                #expect(mount.read("f\(index)/file", 10) == .bytes(Array("f\(index)".utf8)))
                #expect(Self.list(mount.path("f\(index)")).names.count == 3)
            }
        }
    }

    @Test("a folder that has gone is no longer found, and what is open of it is stale; a new one appears")
    func changes() throws {
        let catalogue = TestCatalogue(["goes", "stays"], listLifetime: 0.2)
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue, { $0.cacheMode = .none }) { mount in
            let file = unsafe open(mount.path("goes/file"), O_RDONLY)
            let folder = unsafe open(mount.path("goes"), O_RDONLY | O_DIRECTORY)
            defer {
                close(file)
                close(folder)
            }
            var byte: UInt8 = 0
            #expect(unsafe pread(file, &byte, 1, 0) == 1)
            #expect(mount.read("stays/file", 10) == .bytes(Array("stays".utf8)))
            catalogue.remove("goes")
            catalogue.add("new")
            // A name that is not known asks for a list that is not too old.
            usleep(300_000)
            #expect(mount.read("new/file", 10) == .bytes(Array("new".utf8)))
            #expect(unsafe pread(file, &byte, 1, 0) == -1 && errno == ESTALE)
            #expect(unsafe openat(folder, "file", O_RDONLY) == -1 && errno == ESTALE)
            #expect(Self.wait { Self.status(mount.path("goes")) == nil })
            #expect(Self.list(mount.folder).names == ["new", "stays"])
            #expect(Self.wait { catalogue.liveCount == 2 })
            // One that comes back is another one.
            catalogue.add("goes")
            usleep(300_000)
            #expect(mount.read("goes/file", 10) == .bytes(Array("goes".utf8)))
            #expect(unsafe pread(file, &byte, 1, 0) == -1 && errno == ESTALE)
            #expect(catalogue.attempts("stays") == 1 && catalogue.attempts("goes") == 2)
        }
    }

    @Test("while lists cannot be had, or do not come, what was listed before is there")
    func failedLists() throws {
        let gate = Gate()
        defer { gate.open() }
        let catalogue = TestCatalogue(["a"], listLifetime: 0.1, listGate: gate)
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue) { mount in
            usleep(150_000)
            let listing = try ChildProcess(["/usr/bin/ls", mount.folder])
            #expect(Self.wait { mount.statistics.waitingReads >= 1 })
            // Known names wait for no list.
            #expect(mount.read("a/file", 10) == .bytes(Array("a".utf8)))
            #expect(ChildProcess.remaining([listing], after: 0.2) == 1)
            catalogue.fail(FolderFailure(.unreadable, "away"))
            gate.open()
            #expect(ChildProcess.remaining([listing], after: 20) == 0)
            for _ in 0..<3 {
                usleep(120_000)
                #expect(Self.list(mount.folder).names == ["a"])
                #expect(mount.read("absent", 1) == .failure(ENOENT))
            }
            gate.close()
            // Nobody waits while the last attempt has failed.
            usleep(120_000)
            #expect(Self.list(mount.folder).names == ["a"])
            catalogue.fail(nil)
            catalogue.add("b")
            gate.open()
            #expect(Self.wait { Self.status(mount.path("b")) != nil })
        }
    }
}
