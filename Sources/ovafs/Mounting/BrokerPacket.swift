// What a server and its broker say to each other.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// What a server asks of its broker, one packet each, which is answered by one; the broker does nothing else.
enum BrokerRequest: UInt8 {
    /// Make the mount. The answer has its device, and the source of a mount of ovafs that it covers.
    case mount = 0x4d
    /// Wait until the mount answers. The answer has the numbers of its device, `major:minor`.
    case waitUntilUsable = 0x57
    /// Take the mount away, whose device the server has closed.
    case unmount = 0x55
    /// The same of one whose connection was cut: it may have gone already.
    case unmountIfDead = 0x44
    /// Write the record that is in the memory file.
    case saveRecord = 0x53
    /// The end, without an answer: folders that were made for the mount stay.
    case end = 0x45
    /// The end, without an answer: they go.
    case endInVain = 0x56
}

/// One packet: bytes and at most one descriptor.
struct BrokerPacket {
    var bytes: [UInt8]
    /// The receiver's to close; -1 where there is none.
    var descriptor: CInt = -1

    /// No packet is longer, in bytes.
    static let byteLimit = 32 << 10

    /// Whether it says that what was asked for was done.
    var isDone: Bool { bytes.first == Self.done }
    /// What follows the first byte.
    var rest: [UInt8] { Array(bytes.dropFirst()) }

    private static let done = UInt8(ascii: "+")
    private static let refused = UInt8(ascii: "-")

    static func done(_ text: [UInt8] = [], descriptor: CInt = -1) -> Self {
        Self(bytes: [done] + text.prefix(byteLimit - 1), descriptor: descriptor)
    }

    static func refused(_ reason: String) -> Self {
        Self(bytes: [refused] + reason.utf8.prefix(byteLimit - 1))
    }

    /// - Returns: Whether the other side can have it.
    func send(to socket: CInt) -> Bool {
        while true {
            // SAFETY: the bytes are read for the time of the call.
            let count = unsafe bytes.withUnsafeBytes {
                unsafe ovafs_send_packet(socket, $0.baseAddress, $0.count, descriptor)
            }
            guard count < 0, errno == EINTR else { return count == bytes.count }
        }
    }

    /// The next one; nil where the other side has ended.
    static func receive(from socket: CInt) -> BrokerPacket? {
        var buffer = [UInt8](repeating: 0, count: byteLimit)
        while true {
            var descriptor: CInt = -1
            // SAFETY: no more is written than the array holds.
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe ovafs_receive_packet(socket, $0.baseAddress, $0.count, &descriptor)
            }
            if count > 0 { return BrokerPacket(bytes: Array(buffer.prefix(count)), descriptor: descriptor) }
            if descriptor >= 0 { close(descriptor) }
            guard count < 0, errno == EINTR else { return nil }
        }
    }
}
