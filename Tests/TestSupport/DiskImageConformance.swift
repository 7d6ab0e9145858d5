// What every disk format has to do, whatever its files look like.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
package import DiskImages
import Synchronization

/// Reads a disk in many ways and compares with what it should hold. It returns what is wrong rather than stopping
/// at the first thing, as texts that a test expects to be none.
package struct DiskImageConformance: Sendable {
    private let image: any DiskImage
    private let disk: GuestDisk
    private let imageByteCount: Int
    private let expected: [UInt8]
    private let damaged: [Range<UInt64>]
    private let clusterByteCount: Int
    private let seed: UInt64

    /// In bytes: long enough for several clusters of the usual sizes.
    private static let longestRandomRange = 256 << 10

    /// - Parameters:
    ///   - disk: The disk, opened.
    ///   - expected: The whole guest disk.
    ///   - damaged: Guest bytes whose reads must fail.
    ///   - clusterByteCount: Where boundaries are looked at, in guest bytes.
    ///   - seed: Where random ranges start from.
    package init(
        _ disk: GuestDisk, expected: [UInt8], damaged: [Range<UInt64>] = [], clusterByteCount: Int,
        seed: UInt64 = 20_261_121
    ) {
        self.disk = disk
        image = disk.image
        imageByteCount = expected.count
        // A disk is whole sectors long.
        self.expected = expected + [UInt8](repeating: 0, count: (512 - expected.count % 512) % 512)
        self.damaged = damaged
        self.clusterByteCount = clusterByteCount
        self.seed = seed
    }

    /// Everything that is wrong; none for a format that conforms.
    package func violations() -> [String] {
        guard image.virtualByteCount == UInt64(imageByteCount), disk.byteCount == UInt64(expected.count)
        else {
            return ["the disk has \(image.virtualByteCount) bytes, expected \(imageByteCount)"]
        }
        return coverage() + wholeReads() + boundaries() + randomRanges() + regions() + parallelReaders()
            + allocation()
    }

    /// Extents follow each other without gap or overlap, hold the offset that was asked for, and are the same
    /// wherever inside them one asks.
    private func coverage() -> [String] {
        var problems: [String] = []
        var position: UInt64 = 0
        do throws(ReadError) {
            while position < image.virtualByteCount {
                let extent = try image.extent(containing: position)
                guard extent.guestOffset == position, extent.byteCount > 0,
                    extent.guestEnd <= image.virtualByteCount
                else {
                    return problems + [
                        "extent \(extent.guestOffset)+\(extent.byteCount) for byte \(position)"
                    ]
                }
                let last = try image.extent(containing: extent.guestEnd - 1)
                if last.guestOffset > extent.guestEnd - 1 || last.guestEnd != extent.guestEnd {
                    problems.append("the extents at \(position) and \(extent.guestEnd - 1) disagree")
                }
                if case .compressed(let cluster) = extent.storage,
                    cluster.decodedByteCount > image.clusterByteCount
                        || extent.byteCount > UInt64(cluster.decodedByteCount)
                {
                    problems.append("the cluster at \(position) is larger than the image says")
                }
                position = extent.guestEnd
            }
        } catch {
            problems.append("extent at \(position): \(error)")
        }
        return problems
    }

    private func wholeReads() -> [String] {
        var problems = check(0..<expected.count)
        for start in stride(from: 0, to: expected.count, by: clusterByteCount) {
            problems += check(start..<min(start + clusterByteCount, expected.count))
        }
        return problems
    }

    private func boundaries() -> [String] {
        var problems: [String] = []
        for boundary in stride(from: 0, through: expected.count, by: clusterByteCount) {
            for start in [boundary - 1, boundary, boundary + 1] where (0..<expected.count).contains(start) {
                problems += check(start..<min(start + 1, expected.count))
                problems += check(start..<min(start + 2, expected.count))
            }
        }
        return problems
    }

    private func randomRanges() -> [String] {
        var random = SeededRandom(seed: seed)
        return (0..<100).flatMap { _ in check(randomRange(&random)).map { "\($0) (seed \(seed))" } }
    }

    private func randomRange(_ random: inout SeededRandom) -> Range<Int> {
        let start = Int.random(in: 0..<max(1, expected.count), using: &random)
        let longest = min(expected.count - start, 3 * clusterByteCount, Self.longestRandomRange)
        return start..<(start + Int.random(in: 0...max(0, longest), using: &random))
    }

    /// Every hole is zeros, data and holes alternate, and nothing that is not zero lies outside data.
    private func regions() -> [String] {
        var problems: [String] = []
        do throws(ReadError) {
            var position: UInt64 = 0
            while position < disk.byteCount {
                let data = try disk.firstOffset(of: .data, in: position..<disk.byteCount) ?? disk.byteCount
                if data < position { return problems + ["data at \(data) is before \(position)"] }
                if !isZero(Int(position)..<Int(data)) {
                    problems.append("the hole \(position)..<\(data) is not zeros")
                }
                guard data < disk.byteCount else { break }
                let hole = try disk.firstOffset(of: .hole, in: data..<disk.byteCount) ?? disk.byteCount
                if hole <= data { return problems + ["data at \(data) has no length"] }
                position = hole
            }
            if try disk.firstOffset(of: .data, in: disk.byteCount..<disk.byteCount) != nil {
                problems.append("there is data after the end")
            }
        } catch {
            problems.append("regions: \(error)")
        }
        return problems
    }

    private func parallelReaders() -> [String] {
        let problems = Mutex<[String]>([])
        WorkerThread.concurrently(4) { worker in
            var random = SeededRandom(seed: seed + UInt64(worker))
            for _ in 0..<50 {
                let found = check(randomRange(&random))
                if !found.isEmpty { problems.withLock { $0 += found.map { "in parallel: \($0)" } } }
            }
        }
        return problems.withLock { $0 }
    }

    /// What is called stored has room on the disk, and is something where the disk is.
    private func allocation() -> [String] {
        let count = image.allocatedByteCount
        if count > image.virtualByteCount {
            return ["\(count) of \(image.virtualByteCount) bytes are called stored"]
        }
        if count == 0, !isZero(0..<expected.count) {
            return ["nothing is called stored, and the disk has data"]
        }
        return []
    }

    private func isZero(_ range: Range<Int>) -> Bool {
        expected.holds([UInt8](repeating: 0, count: range.count), at: range.lowerBound)
    }

    /// What is wrong about a read of `range`, copied and gathered.
    private func check(_ range: Range<Int>) -> [String] {
        let offset = UInt64(range.lowerBound)
        return check(range, "read") { () throws(ReadError) in try disk.bytes(range.count, at: offset) }
            + check(range, "gathered") { () throws(ReadError) in
                try disk.gatheredBytes(range.count, at: offset)
            }
    }

    private func check(
        _ range: Range<Int>, _ way: String, _ read: () throws(ReadError) -> [UInt8]
    ) -> [String] {
        let guestRange = UInt64(range.lowerBound)..<UInt64(range.upperBound)
        let mustFail = damaged.contains { $0.overlaps(guestRange) }
        do throws(ReadError) {
            let bytes = try read()
            if mustFail { return ["\(range) is damaged and was \(way)"] }
            return expected.holds(bytes, at: range.lowerBound) ? [] : ["\(range) has wrong bytes, \(way)"]
        } catch {
            return mustFail ? [] : ["\(range), \(way): \(error)"]
        }
    }
}
