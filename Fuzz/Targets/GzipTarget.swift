// Gzip files.
// SPDX-License-Identifier: Apache-2.0

enum GzipTarget {
    /// What is not a gzip file by its first bytes is of no use here: `UnitTarget` has it.
    static func run(_ bytes: [UInt8]) {
        UnitTarget.run([0x1f, 0x8b, 8] + bytes.dropFirst(3))
    }
}
