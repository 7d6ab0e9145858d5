// Tests of many folders, of listing while folders change, and of ending while one is opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Foundation
import TestSupport
import Testing

@testable import FuseServer

@Suite("The life of a mounted catalogue", .serialized)
struct CatalogueLifeTests {
    @Test("of many folders that were entered few stay open, and those with open files, and all can be read")
    func many() throws {
        let names = (0..<60).map { "n\($0)" }
        let catalogue = TestCatalogue(names)
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue, { $0.cacheMode = .none }) { mount in
            let file = unsafe open(mount.path("n0/file"), O_RDONLY)
            defer { close(file) }
            for name in names {
                #expect(mount.read(name + "/sub/deep", 20) == .bytes(Array("deep \(name)".utf8)))
                #expect(CatalogueTests.list(mount.path(name)).names.count == 3)
            }
            // The kernel is asked to forget them, and tells when it has. The file of the last one may have been open then.
            #expect(CatalogueTests.wait { catalogue.liveCount <= OpenTrees.mostIdle + 2 })
            #expect(catalogue.attempts("n0") == 1)
            var bytes = [UInt8](repeating: 0, count: 2)
            #expect(unsafe pread(file, &bytes, 2, 0) == 2 && bytes == Array("n0".utf8))
            for name in names {
                #expect(mount.read(name + "/file", 20) == .bytes(Array(name.utf8)))
            }
            #expect(catalogue.attempts("n0") == 1 && catalogue.attempts("n1") == 2)
        }
        #expect(CatalogueTests.wait { catalogue.liveCount == 0 })
    }

    @Test("whoever lists the root while folders come and go meets each one that stays, once")
    func listingWhileItChanges() throws {
        let names = (0..<1_500).map { "folder-with-a-long-name-\($0)" }
        let catalogue = TestCatalogue(names, listLifetime: 0.1)
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue) { mount in
            guard let directory = unsafe opendir(mount.folder) else {
                Issue.record("the root cannot be listed")
                return
            }
            defer { unsafe closedir(directory) }
            var seen: [String] = []
            for _ in 0..<40 {
                if let name = unsafe CatalogueTests.next(directory) { seen.append(name) }
            }
            for number in stride(from: 0, to: 1_500, by: 3) { catalogue.remove(names[number]) }
            for number in 0..<50 { catalogue.add("new-\(number)") }
            usleep(150_000)
            // Another one's look brings the new list.
            #expect(CatalogueTests.list(mount.folder).names.count == 1_050)
            while let name = unsafe CatalogueTests.next(directory) { seen.append(name) }
            #expect(Set(seen).count == seen.count)
            for number in 0..<1_500 where !number.isMultiple(of: 3) {
                #expect(seen.contains(names[number]), "\(number)")
            }
            #expect(seen.contains("new-49"))
            unsafe rewinddir(directory)
            var again = 0
            while unsafe CatalogueTests.next(directory) != nil { again += 1 }
            #expect(again == 1_052)
        }
    }

    @Test(
        "look-ups of other names in a folder do not wait for each other, and those of one name fail together")
    func lookUps() throws {
        let gate = Gate()
        defer { gate.open() }
        let catalogue = TestCatalogue(["slow"]) { name, _ throws(FolderFailure) in
            PatientRead.blocking { gate.wait() }
            throw FolderFailure(.unreadable, "no one answers")
        }
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue) { mount in
            var readers: [ChildProcess] = []
            defer {
                gate.open()
                for reader in readers { reader.send(SIGKILL) }
                #expect(ChildProcess.remaining(readers, after: 20) == 0)
            }
            for number in 0..<10 {
                readers.append(try ChildProcess(["/usr/bin/stat", mount.path("slow/other\(number)")]))
                readers.append(try ChildProcess(["/usr/bin/stat", mount.path("slow/one")]))
            }
            #expect(CatalogueTests.wait { mount.statistics.waitingReads >= 11 })
            gate.open()
            #expect(ChildProcess.remaining(readers, after: 20) == 0)
            readers = []
            #expect(catalogue.attempts("slow") <= 5)
        }
    }

    @Test(
        "unmounting while folders are opened leaves no one waiting",
        arguments: [CInt(MNT_FORCE), CInt(MNT_DETACH)])
    func ending(flags: CInt) throws {
        let gate = Gate()
        defer { gate.open() }
        let catalogue = TestCatalogue((0..<20).map { "f\($0)" }) { name, _ throws(FolderFailure) in
            PatientRead.blocking { gate.wait() }
            return TestCatalogue.tree(name)
        }
        try LiveMount.with(TestCatalogue.root, catalogue: catalogue) { mount in
            let readers = try (0..<20).map { try ChildProcess(["/usr/bin/ls", mount.path("f\($0)")]) }
            #expect(CatalogueTests.wait { mount.statistics.waitingReads >= 36 })
            _ = unsafe umount2(mount.folder, flags)
            if flags == CInt(MNT_DETACH) { for reader in readers { reader.send(SIGKILL) } }
            #expect(ChildProcess.remaining(readers, after: 20) == 0)
            try mount.waitForEnd()
        }
        gate.open()
        #expect(CatalogueTests.wait { catalogue.liveCount == 0 })
    }
}
