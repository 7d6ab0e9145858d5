// What is mounted where, as the kernel lists it.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import SystemPackage

/// One line of /proc/self/mountinfo.
struct MountTableEntry: Equatable {
    /// The numbers of the file system's device, `major:minor`: each mount of the same one has the same.
    let device: String
    let mountPoint: FilePath
    /// The type of the file system, such as `fuse.ova`.
    let type: String
    let source: FilePath
    /// The user who has mounted it, where the file system tells.
    let userID: UInt32?

    /// The type that every mount of this program has.
    static let ownType = "fuse.ova"

    /// The line's fields; nil where it has not the form that proc(5) describes.
    init?(line: ArraySlice<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        // Any number of optional fields stands before the dash.
        guard let dash = fields.dropFirst(6).firstIndex(where: { $0.elementsEqual("-".utf8) }),
            fields.indices.contains(dash + 2)
        else {
            return nil
        }
        device = String(decoding: fields[2], as: UTF8.self)
        mountPoint = FilePath(bytes: Self.plain(fields[4]))
        type = String(decoding: Self.plain(fields[dash + 1]), as: UTF8.self)
        source = FilePath(bytes: Self.plain(fields[dash + 2]))
        let options = fields.dropFirst(dash + 3).first.map { String(decoding: $0, as: UTF8.self) } ?? ""
        userID = options.split(separator: ",").first { $0.hasPrefix("user_id=") }
            .flatMap { UInt32($0.dropFirst("user_id=".count)) }
    }

    /// A field with its octal escapes (`\040` for a space) as what they stand for.
    private static func plain(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = field
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
        return bytes
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
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { MountTableEntry(line: $0) }
    }

    /// What is mounted at `point`, topmost.
    static func topmost(at point: FilePath) -> MountTableEntry? {
        entries().last { $0.mountPoint == point }
    }
}
