// What the clusters of built qcow images hold, and how they are stored.
// SPDX-License-Identifier: Apache-2.0

/// A cluster as a test wants it stored.
package enum QCOWClusterContent: Sendable, Equatable {
    /// An entry of 0: never written.
    case absent
    /// The flag for zeros; `hasPlace` says whether a cluster of the file, full of other bytes, is kept for it.
    case zeros(hasPlace: Bool)
    case plain(GrainContent)
    case compressed(GrainContent)
    /// A bit for each of the 32 subclusters: those that are stored, and those that are zeros. Only where entries are
    /// extended. Where none is stored, there is no place.
    case subclusters(stored: UInt32, zeros: UInt32)

    /// Holes, runs and single clusters, of every kind that version 2 has.
    package static func mixed(_ count: Int) -> [QCOWClusterContent] {
        let pattern: [QCOWClusterContent] = [
            .plain(.text), .plain(.noise), .absent, .compressed(.text), .compressed(.prose), .plain(.text),
            .compressed(.text), .absent, .absent, .plain(.noise), .plain(.text), .compressed(.prose),
        ]
        return (0..<count).map { pattern[$0 % pattern.count] }
    }

    /// The same with clusters of zeros, as version 3 has them.
    package static func mixedWithZeros(_ count: Int) -> [QCOWClusterContent] {
        var clusters = mixed(count)
        for index in stride(from: 2, to: count, by: 12) { clusters[index] = .zeros(hasPlace: false) }
        for index in stride(from: 7, to: count, by: 12) { clusters[index] = .zeros(hasPlace: true) }
        return clusters
    }

    /// The same with subclusters, as extended entries have them.
    package static func mixedWithSubclusters(_ count: Int) -> [QCOWClusterContent] {
        var clusters = mixed(count)
        let odd: [(stored: UInt32, zeros: UInt32)] = [
            (0x0000_00ff, 0), (0x5555_5555, 0xaaaa_aaaa), (0x8000_0001, 0x0ff0), (0, 0x0000_ffff), (0, .max),
            (0xffff_0000, 0x0000_ffff),
        ]
        for (number, index) in stride(from: 1, to: count, by: 3).enumerated() {
            let part = odd[number % odd.count]
            clusters[index] = .subclusters(stored: part.stored, zeros: part.zeros)
        }
        return clusters
    }
}
