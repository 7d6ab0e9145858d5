// How many processors there are to decode on.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import SystemPackage

enum ProcessorCount {
    /// The processors that this process may run on, and no more than its control group gives it time for; at least 1.
    static var current: Int {
        var count = text(of: "/proc/self/status").flatMap { permitted(inStatus: $0) }
        count = count ?? Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        if let groups = text(of: "/proc/self/cgroup"),
            let quota = quota(ofGroups: groups, in: "/sys/fs/cgroup")
        {
            count = min(count ?? quota, quota)
        }
        return max(1, count ?? 1)
    }

    /// The processors that the scheduler may choose from: a machine may have more online, and a container often has.
    /// `text` is that of `/proc/self/status`, which has them as a mask in hexadecimal digits; nil where it does not.
    static func permitted(inStatus text: String) -> Int? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
        guard let mask = line?.dropFirst("Cpus_allowed:".count).filter({ $0 != "," && !$0.isWhitespace })
        else {
            return nil
        }
        var count = 0
        for character in mask {
            guard let digit = character.hexDigitValue else { return nil }
            count += digit.nonzeroBitCount
        }
        return count > 0 ? count : nil
    }

    /// How many processors' time the control group of this process and those around it leave it, rounded up; nil where
    /// none of them bounds it. `groups` is the text of `/proc/self/cgroup`, `root` where the groups are mounted.
    static func quota(ofGroups groups: String, in root: String) -> Int? {
        let root = FilePath(root)
        var least: Int?
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",")
            guard controllers.isEmpty || controllers.contains("cpu") else { continue }
            // Version 2 has one hierarchy, version 1 one for each controller.
            let hierarchy = controllers.isEmpty ? root : root.appending("cpu")
            var group = FilePath(String(fields[2])).components
            while true {
                var folder = hierarchy
                folder.append(group)
                let found = controllers.isEmpty ? quotaOfVersion2(folder) : quotaOfVersion1(folder)
                if let found { least = min(least ?? .max, found) }
                guard !group.isEmpty else { break }
                group.removeLast()
            }
        }
        return least
    }

    /// `cpu.max`: microseconds of time in a period of so many, or `max`.
    private static func quotaOfVersion2(_ folder: FilePath) -> Int? {
        let words = text(of: folder.appending("cpu.max"))?.split(whereSeparator: \.isWhitespace) ?? []
        return words.count == 2 ? processors(time: Int(words[0]), period: Int(words[1])) : nil
    }

    private static func quotaOfVersion1(_ folder: FilePath) -> Int? {
        func number(_ name: String) -> Int? {
            text(of: folder.appending(name))?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
        }
        return processors(time: number("cpu.cfs_quota_us"), period: number("cpu.cfs_period_us"))
    }

    private static func processors(time: Int?, period: Int?) -> Int? {
        guard let time, let period, time > 0, period > 0 else { return nil }
        return time / period + (time % period > 0 ? 1 : 0)
    }

    /// A text file of the kernel's, of 64 KiB at most; nil where it cannot be read.
    private static func text(of path: FilePath) -> String? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec]) else {
            return nil
        }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        // SAFETY: the buffer is the array's own.
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            var filled = 0
            while filled < buffer.count,
                let step = unsafe try? file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])),
                step > 0
            {
                filled += step
            }
            return filled
        }
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
