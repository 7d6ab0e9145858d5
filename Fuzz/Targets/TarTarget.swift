// Tar archives.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import OVFPackage

enum TarTarget {
    static func run(_ bytes: [UInt8]) {
        if let index = try? TarIndex(scanning: MemorySource(bytes), budget: OpeningBudget()) {
            read(index.members)
        }
    }

    /// Reads the head and the tail of each member.
    static func read(_ members: [PackageMember]) {
        for member in members {
            let count = min(member.source.byteCount, 4096)
            _ = try? member.source.bytes(Int(count), at: 0)
            _ = try? member.source.bytes(Int(count), at: member.source.byteCount - count)
        }
    }
}
