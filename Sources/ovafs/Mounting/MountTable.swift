// What is mounted where, as the kernel lists it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import SystemPackage

/// One line of /proc/self/mountinfo.
struct MountTableEntry: Equatable {
    let mountPoint: String
    /// The type of the file system, such as `fuse.ova`.
    let type: String
    let source: String

    /// The type that every mount of this program has.
    static let ownType = "fuse.ova"

    /// The line's fields; nil where it has not the form that proc(5) describes.
    init?(line: Substring) {
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        // Any number of optional fields stands before the dash.
        guard let dash = fields.dropFirst(6).firstIndex(of: "-"), fields.indices.contains(dash + 2) else {
            return nil
        }
        mountPoint = Self.plain(fields[4])
        type = Self.plain(fields[dash + 1])
        source = Self.plain(fields[dash + 2])
    }

    /// A field with its octal escapes (`\040` for a space) as what they stand for.
    private static func plain(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = field.utf8
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            guard byte == UInt8(ascii: "\\"), digits.count == 3,
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(code)
            rest = rest.dropFirst(3)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

enum MountTable {
    /// All that is mounted, in the order in which it was.
    static func entries() -> [MountTableEntry] {
        guard
            let file = try? FileDescriptor.open(
                FilePath("/proc/self/mountinfo"), .readOnly, options: .closeOnExec)
        else { return [] }
        defer { try? file.close() }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while let count = unsafe try? buffer.withUnsafeMutableBytes({ try unsafe file.read(into: $0) }),
            count > 0
        {
            bytes += buffer.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap {
            MountTableEntry(line: $0)
        }
    }

    /// What is mounted at `point`, topmost.
    static func topmost(at point: String) -> MountTableEntry? {
        entries().last { $0.mountPoint == point }
    }
}
