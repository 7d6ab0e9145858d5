// What the parts of a descriptor take of the memory for opening.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Costs in bytes, measured and rounded up. They cover what follows from a part, too: a disk is a file with attributes
/// and links in the tree and an entry of `info`, an item is a drive with a link. Text counts apart from them.
package enum EnvelopeCost {
    static let file: UInt64 = 512
    static let disk: UInt64 = 6 << 10
    static let system: UInt64 = 3 << 10
    static let item: UInt64 = 2 << 10
    static let property: UInt64 = 256

    /// The text of one descriptor that is said again and again: what belongs to the package is said for each system,
    /// the name of a collection for each system in it, and the id of a disk for each drive that has it.
    /// - Returns: its length in bytes.
    package static func repeatedByteCount(of envelope: Envelope, _ layouts: [StorageLayout]) -> UInt64 {
        let shared = byteCount(of: envelope.descriptions)
        let idByteCounts = envelope.disks.map { UInt64($0.id.utf8.count) }
        let longestID = idByteCounts.max() ?? 0
        var names: [UInt64] = []
        for collection in envelope.collections {
            // A collection stands behind the one that holds it.
            let above = collection.parentIndex.map { names[$0] } ?? 0
            names.append(above &+ 16 &+ UInt64(max(collection.name.utf8.count, collection.id.utf8.count)))
        }
        var sum: UInt64 = 0
        for (system, layout) in zip(envelope.systems, layouts) {
            sum &+= shared &+ 2 &* longestID &+ (system.collectionIndex.map { names[$0] } ?? 0)
            for drive in layout.drives {
                if case .disk(let index) = drive.backing { sum &+= idByteCounts[index] }
            }
        }
        return sum
    }

    private static func byteCount(of sections: DescriptiveSections) -> UInt64 {
        let products = sections.products.reduce(UInt64(0)) {
            $0 &+ 512
                &+ UInt64(
                    $1.name.utf8.count + $1.vendor.utf8.count
                        + max($1.version.utf8.count, $1.fullVersion.utf8.count))
        }
        return (sections.annotations + sections.licenses).reduce(products) {
            $0 &+ 64 &+ UInt64($1.utf8.count)
        }
    }
}

extension EnvelopeParser {
    /// Takes the cost of an element from the budget.
    func take(_ byteCount: UInt64, for what: @autoclosure () -> String, line: Int) throws(DescriptorError) {
        do throws(ReadError) {
            try budget.take(byteCount, for: "\(what()) in line \(line) of the descriptor")
        } catch {
            throw DescriptorError(error)
        }
    }
}
