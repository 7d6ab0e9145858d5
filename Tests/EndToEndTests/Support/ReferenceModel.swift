// A slow and obvious reader of a disk, and what may be asked of it and of a mount alike.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport

/// A disk as it has to be: all of its bytes in memory.
struct ReferenceDisk {
    let bytes: [UInt8]
    /// Nothing smaller than this is stored by itself, in bytes.
    let grain: Int

    func read(_ count: Int, at offset: Int) -> [UInt8] {
        guard offset < bytes.count else { return [] }
        return Array(bytes[offset..<min(bytes.count, offset + count)])
    }

    /// What lseek(2) says; nil is ENXIO. A grain is data unless all of it is zeros.
    func seek(_ offset: Int, _ whence: PosixFile.Whence) -> Int? {
        guard offset < bytes.count else { return nil }
        var position = offset
        while position < bytes.count {
            let start = position / grain * grain
            let end = min(bytes.count, start + grain)
            let isData = bytes[start..<end].contains { $0 != 0 }
            if isData == (whence == .data) { return position }
            position = end
        }
        return whence == .hole ? bytes.count : nil
    }
}

/// One thing that a program does with a file of a mount.
struct ModelOperation: CustomStringConvertible, Equatable {
    enum Kind: Equatable {
        case open(isDirect: Bool)
        case close
        case size
        case read(offset: Int, count: Int)
        /// Past the page cache: offset and count are multiples of a sector.
        case readDirectly(offset: Int, count: Int)
        case map(offset: Int, count: Int)
        case seek(offset: Int, PosixFile.Whence)
        /// From front to back, so that the server reads ahead.
        case readThrough(offset: Int, step: Int, steps: Int)
        /// Several at once, each from its own offset.
        case readAtOnce(offsets: [Int], count: Int)
        /// What the kernel keeps of the file is dropped.
        case dropCache
    }

    let mount: Int
    let disk: Int
    let kind: Kind

    var description: String { "mount \(mount), disk \(disk): \(kind)" }

    /// An operation that is drawn by lot.
    static func random(
        mounts: Int, sizes: [Int], using random: inout SeededRandom
    ) -> ModelOperation {
        let disk = Int.random(in: 0..<sizes.count, using: &random)
        let size = sizes[disk]
        func place() -> Int {
            switch Int.random(in: 0..<8, using: &random) {
            // Around the borders of grains and of the disk, where mistakes are.
            case 0...2:
                max(
                    0,
                    Int.random(in: 0...(size >> 16), using: &random) << 16
                        + .random(in: -3...3, using: &random))
            case 3: max(0, size + Int.random(in: -70_000...70_000, using: &random))
            default: Int.random(in: 0..<size, using: &random)
            }
        }
        func count() -> Int {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: Int.random(in: 0...16, using: &random)
            case 1: Int.random(in: 65_000...70_000, using: &random)
            case 2: Int.random(in: 1...(1 << 20), using: &random)
            default: Int.random(in: 1...20_000, using: &random)
            }
        }
        let kind: Kind
        switch Int.random(in: 0..<20, using: &random) {
        case 0: kind = .open(isDirect: Bool.random(using: &random))
        case 1: kind = .close
        case 2: kind = .size
        case 3...8: kind = .read(offset: place(), count: count())
        case 9...11: kind = .readDirectly(offset: place() / 512 * 512, count: (count() + 511) / 512 * 512)
        case 12: kind = .map(offset: place() / 4_096 * 4_096, count: count() + 1)
        case 13, 14: kind = .seek(offset: place(), Bool.random(using: &random) ? .data : .hole)
        case 15, 16:
            kind = .readThrough(
                offset: place(), step: 1 << Int.random(in: 12...17, using: &random),
                steps: Int.random(in: 2...12, using: &random))
        case 17, 18:
            kind = .readAtOnce(
                offsets: (0..<Int.random(in: 2...8, using: &random)).map { _ in place() }, count: count())
        default: kind = .dropCache
        }
        return ModelOperation(mount: Int.random(in: 0..<mounts, using: &random), disk: disk, kind: kind)
    }
}

/// The shortest list of operations that still fails, as far as leaving out some of them finds it.
func shortest(
    _ operations: [ModelOperation], attempts: Int, fails: ([ModelOperation]) throws -> Bool
) rethrows -> [ModelOperation] {
    var rest = operations
    var attemptsLeft = attempts
    var part = max(1, rest.count / 2)
    while attemptsLeft > 0 {
        var isShorter = false
        var start = 0
        while start < rest.count, rest.count > 1, attemptsLeft > 0 {
            var shorter = rest
            shorter.removeSubrange(start..<min(rest.count, start + part))
            attemptsLeft -= 1
            if !shorter.isEmpty, try fails(shorter) {
                rest = shorter
                isShorter = true
            } else {
                start += part
            }
        }
        if part == 1, !isShorter { break }
        part = max(1, part / 2)
    }
    return rest
}
