// Tests of several copies by one command.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Foundation
import Synchronization
import SystemPackage
import Testing

@testable import ovafs

@Suite("Extraction")
struct ExtractionTests {
    @Test(
        "two disks whose names are one file's, as where case does not count, are not written over each other")
    func oneFile() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        let names = folder.appending(path: "names")
        try FileManager.default.createDirectory(at: names, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Another name of the folder stands for a file system that takes two names for one.
        let otherNames = folder.appending(path: "other-names")
        try FileManager.default.createSymbolicLink(at: otherNames, withDestinationURL: names)

        let extraction = Extraction(source: "x.ova", threadCount: 1, overwrites: true, isDurable: false)
        let first = try Self.copy(filledWith: 1, to: names.appending(path: "x.raw"))
        #expect(try extraction.copy(first, label: "first")?.message == nil)
        let second = try Self.copy(filledWith: 2, to: otherNames.appending(path: "x.raw"))
        #expect(throws: CommandFailure.self) { try extraction.copy(second, label: "second") }
        #expect(try Data(contentsOf: names.appending(path: "x.raw")) == Data(repeating: 1, count: 4096))
        #expect(try FileManager.default.contentsOfDirectory(atPath: names.path) == ["x.raw"])
    }

    @Test("a map is not written over its disk's partial file, whatever name the file system has for that")
    func mapOverPartial() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        let names = folder.appending(path: "names")
        try FileManager.default.createDirectory(at: names, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let otherNames = folder.appending(path: "other-names")
        try FileManager.default.createSymbolicLink(at: otherNames, withDestinationURL: names)

        for map in ["x.raw", "x.raw.partial"] {
            let extraction = Extraction(source: "x.ova", threadCount: 1, overwrites: true, isDurable: false)
            let copy = try Self.copy(
                filledWith: 1, to: names.appending(path: "x.raw"), map: otherNames.appending(path: map))
            #expect(throws: CommandFailure.self) { try extraction.copy(copy, label: "") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: names.path) == [])
        }
    }

    @Test("the first byte is decoded before there is an output, so that no memory for that leaves none")
    func decodedFirst() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = FilePath(folder.appending(path: "x.raw").path)
        let source = WatchingSource(byteCount: 4_096, watching: folder.path)
        let appliance = try Appliance.open(
            .file(source, name: Array("x.img".utf8), modificationTime: 0), options: ApplianceOptions())
        let subject = CopySubject(appliance.disks[0])
        let copy = CopyPlan.Copy(
            subject: subject, bytes: try #require(subject.bytes),
            destination: .target(try OutputTarget(at: path, overwrites: false), path), map: nil)
        source.begin()
        let extraction = Extraction(source: "x.img", threadCount: 1, overwrites: false, isDurable: false)
        #expect(try extraction.copy(copy, label: "")?.message == nil)
        #expect(source.firstSeen == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.raw"])
    }

    @Test("no two files of a command have one name, complete or not, by any way to write it")
    func outputNames() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        let inner = folder.appending(path: "inner")
        try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createSymbolicLink(
            at: folder.appending(path: "link"), withDestinationURL: inner)
        func path(_ name: String) -> FilePath { FilePath(folder.path + "/" + name) }
        func areApart(_ first: String, _ second: String, together: Bool = true) -> Bool {
            var names = OutputNames()
            return (try? names.take(path(first))) != nil
                && (try? names.take(path(second), writtenWith: together ? path(first) : nil)) != nil
        }
        #expect(areApart("inner/a", "inner/b") && areApart("inner/a", "inner/a.map"))
        #expect(areApart("inner/a", "a") && areApart("inner/a", "new/a"))
        for other in ["inner/a", "link/a", "link/../inner/./a", "inner//a"] {
            #expect(!areApart("inner/a", other) && !areApart("inner/a", other, together: false))
            #expect(!areApart("inner/a", other + ".partial") && !areApart("inner/a.partial", other))
        }
        // A folder that is made later.
        #expect(!areApart("new/a", "link/../new/a.partial"))
        // Names that are cut for their partial files to have a name.
        let long = "inner/" + String(repeating: "x", count: 251)
        #expect(!areApart(long + "1.rw", long + "2.rw"))
        #expect(areApart(long + "1.rw", long + "2.rw", together: false))
        #expect(!areApart("inner/" + String(repeating: "x", count: 247) + ".partial", "a"))
    }

    @Test("a signal that comes while an output is being made finds it, and takes it back")
    func signalWhileMaking() throws {
        let interruption = Interruption(awaiting: [])
        let events = Mutex<[String]>([])
        let note: @Sendable (String) -> Void = { event in events.withLock { $0.append(event) } }
        let making: () throws -> WorkerThread = {
            let thread = try WorkerThread { interruption.takeBack { note("end") } }
            // Long enough for the other thread to be there first, were it let.
            usleep(100_000)
            note("made")
            return thread
        }
        let undo: @Sendable (WorkerThread) -> String? = { _ in
            note("undone")
            return nil
        }
        try interruption.guarding(making, undo: undo) { $0.join() }
        #expect(events.withLock { $0 } == ["made", "undone", "end"])
        // What is over is not taken back.
        interruption.takeBack { note("second end") }
        #expect(events.withLock { $0 } == ["made", "undone", "end", "second end"])
    }

    @Test("a disk whose map is taken back cannot get its name any more; one that has it keeps its map")
    func mapAndDisk() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func output(_ name: String) throws -> OutputFile {
            try OutputFile(
                path: FilePath(folder.appending(path: name).path), byteCount: 16, overwrites: false)
        }
        let (disk, map) = (try output("x.raw"), try output("x.raw.map"))
        try map.finish()
        #expect(Extraction.takeBack(disk, map) == nil)
        try? disk.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        let (finishedDisk, finishedMap) = (try output("y.raw"), try output("y.raw.map"))
        try finishedMap.finish()
        try finishedDisk.finish()
        #expect(Extraction.takeBack(finishedDisk, finishedMap) == nil)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.sorted() == ["y.raw", "y.raw.map"])
    }

    private static func copy(
        filledWith byte: UInt8, to url: URL, map: URL? = nil
    ) throws -> CopyPlan.Copy {
        let bytes = MemorySource([UInt8](repeating: byte, count: 4096))
        let appliance = try Appliance.open(
            .file(bytes, name: Array("x.img".utf8), modificationTime: 0), options: ApplianceOptions())
        let path = FilePath(url.path)
        let target = try OutputTarget(at: path, overwrites: true)
        return CopyPlan.Copy(
            subject: CopySubject(appliance.disks[0]), bytes: bytes, destination: .target(target, path),
            map: map.map { FilePath($0.path) })
    }
}

/// Bytes that remember what was in a folder when they were first read.
private final class WatchingSource: ByteSource {
    private let bytes: MemorySource
    private let folder: String
    private let state = Mutex((isWatching: false, seen: [String]?.none))

    var byteCount: UInt64 { bytes.byteCount }

    init(byteCount: Int, watching folder: String) {
        bytes = MemorySource([UInt8](repeating: 1, count: byteCount))
        self.folder = folder
    }

    /// From now on reads look.
    func begin() { state.withLock { $0.isWatching = true } }

    var firstSeen: [String]? { state.withLock { $0.seen } }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        state.withLock { state in
            guard state.isWatching, state.seen == nil else { return }
            state.seen = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        }
        try bytes.read(count, at: offset, into: &output)
    }
}
