// Tests of which sources the options `record=` and `replay=` are for.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import SystemPackage
import Testing

@testable import ovafs

@Suite("Records of reads")
struct RecordOptionTests {
    @Test(
        "W12: both count for an address and for an image of a cloud; for a file a warning says that they do not"
    )
    func sources() throws {
        var given = RemoteOptions()
        given.recordFile = Array("r".utf8)
        given.replayFile = Array("p".utf8)
        for source in ["http://h/x.ova", "https://h/x.ova", "glance:name", "glance:a b"] {
            var options = given
            #expect(try MountCommand.leaveOutRecords(of: &options, for: source) == [])
            #expect(options == given, "\(source)")
            // A session for it records.
            #expect(RemoteSession(options).recorder != nil)
        }
        for source in ["x.ova", "./glance:name", "glances:x"] {
            var options = given
            let notes = try MountCommand.leaveOutRecords(of: &options, for: source)
            #expect(
                notes.count == 2
                    && notes[0].hasPrefix("record= is for one source, at an address or in a cloud"))
            #expect(options.recordFile == nil && options.replayFile == nil)
            #expect(RemoteSession(options).recorder == nil)
        }
    }

    @Test("W12: what has the name of a record and is no file is refused and not read: a pipe keeps its bytes")
    func pipe() throws {
        let path = "/tmp/ovafs-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        let isMade = unsafe mkfifo(path, 0o600)
        #expect(isMade == 0)
        defer { unsafe unlink(path) }
        let pipe = try unsafe FileDescriptor.open(path, .readWrite, options: .nonBlocking)
        let line = Array("ovafs record of reads\n".utf8)
        #expect(try pipe.writeAll(line) == line.count)
        let failure = #expect(throws: CommandFailure.self) { try RecordFile(Array(path.utf8)) }
        #expect(failure?.status == .wrongUsage && failure?.message.contains("no record of reads") == true)
        var left = [UInt8](repeating: 0, count: 64)
        let count = try unsafe left.withUnsafeMutableBytes { try unsafe pipe.read(into: $0) }
        #expect(count == line.count && left.prefix(count).elementsEqual(line))
        try pipe.close()
    }

    @Test("W12: a name that ends with a slash is a folder's; an empty file holds nothing that could be lost")
    func names() throws {
        let path = "/tmp/ovafs-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        let failure = #expect(throws: CommandFailure.self) { try RecordFile(Array("\(path)/".utf8)) }
        #expect(failure?.status == .wrongUsage)
        let file = unsafe creat(path, 0o600)
        #expect(file >= 0)
        defer { unsafe unlink(path) }
        close(file)
        _ = try RecordFile(Array(path.utf8))
    }
}
