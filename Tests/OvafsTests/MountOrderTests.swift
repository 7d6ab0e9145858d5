// What a server has its broker do survives the broker's command line.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import SystemPackage
import Testing

@testable import ovafs

@Suite("What a broker is told")
struct MountOrderTests {
    @Test("comes out of its arguments as it went in", arguments: [false, true])
    func arguments(hasAll: Bool) throws {
        var order = MountOrder(directory: "-o", sourceName: Array("--=,x y".utf8))
        if hasAll {
            order.directory = "/mnt/a b"
            order.folderMode = 0o750
            order.unmountsWhenServerDies = true
            order.allowsOtherUsers = true
            order.permitsExecution = true
            order.announces = true
            order.recordFile = Array("-reads".utf8)
        }
        let words = order.arguments.map { String(decoding: $0, as: UTF8.self) }
        #expect(try WatchMountCommand.parse(words).order == order)
    }

    @Test("is bytes and at most one descriptor, until the other side has ended")
    func packets() throws {
        let kind = CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        var ends: [CInt] = [-1, -1]
        try #require(unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0)
        let file = try MemoryFile.holding([7, 8, 9])
        #expect(BrokerPacket(bytes: [1, 2], descriptor: file).send(to: ends[0]))
        close(file)
        let packet = try #require(BrokerPacket.receive(from: ends[1]))
        #expect(packet.bytes == [1, 2] && packet.descriptor > 2)
        #expect(try MemoryFile.contents(of: packet.descriptor, atMost: 3) == [7, 8, 9])
        #expect(throws: SystemError.self) { try MemoryFile.contents(of: packet.descriptor, atMost: 2) }
        close(packet.descriptor)
        #expect(BrokerPacket.done([5]).isDone && !BrokerPacket.refused("no").isDone)
        close(ends[0])
        #expect(BrokerPacket.receive(from: ends[1])?.bytes == nil)
        close(ends[1])
    }
}
