// A tar archive with many members, for measuring its index.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

enum TarArchive {
    private static let blockByteCount = 512

    /// A ustar archive: members of 1 KiB, a hundred in a folder.
    static func source(memberCount: Int) -> MemorySource {
        var bytes: [UInt8] = []
        bytes.reserveCapacity((memberCount * 3 + 2) * blockByteCount)
        for number in 0..<memberCount {
            bytes += header(
                named: "folder-\(number / 100)/member-\(number).bin", byteCount: 2 * blockByteCount)
            bytes += [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 2 * blockByteCount)
        }
        bytes += [UInt8](repeating: 0, count: 2 * blockByteCount)
        return MemorySource(bytes)
    }

    /// Spec: POSIX.1-2017, pax, "ustar Interchange Format".
    private static func header(named name: String, byteCount: Int) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: blockByteCount)
        put(name, at: 0, in: &block)
        put("0000644", at: 100, in: &block)  // mode
        put("0000000", at: 108, in: &block)  // user
        put("0000000", at: 116, in: &block)  // group
        put(octal(byteCount, digits: 11), at: 124, in: &block)
        put("14000000000", at: 136, in: &block)  // time
        put("        ", at: 148, in: &block)  // the checksum counts as spaces
        put("0", at: 156, in: &block)  // a regular file
        put("ustar\0" + "00", at: 257, in: &block)
        let checksum = block.reduce(0) { $0 + Int($1) }
        put(octal(checksum, digits: 6) + "\0 ", at: 148, in: &block)
        return block
    }

    private static func octal(_ value: Int, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    private static func put(_ text: String, at offset: Int, in block: inout [UInt8]) {
        for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
    }
}
