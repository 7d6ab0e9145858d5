// Writes the log of a VHDX.
// SPDX-License-Identifier: Apache-2.0

/// A log, entry by entry; each is put behind the one before, around the end of the ring where it comes there.
package struct VHDXLogWriter: Sendable {
    package enum Change: Sendable {
        /// 4 KiB for byte `at` of the file.
        case page(at: UInt64, [UInt8])
        case zeros(at: UInt64, UInt64)
    }

    /// The log as it is stored.
    package private(set) var bytes: [UInt8]
    /// Where the next entry starts, in bytes of the log.
    package var position = 0
    /// The number of the next entry.
    package var sequenceNumber: UInt64 = 5
    package var identifier = [UInt8](repeating: 0x77, count: 16)
    package var flushedFileByteCount: UInt64 = 0
    package var lastFileByteCount: UInt64 = 0

    package init(byteCount: Int = VHDXBuilder.logByteCount) {
        bytes = [UInt8](repeating: 0, count: byteCount)
    }

    /// Appends an entry that says to start with the one at byte `tail`, itself where that is not given; where it is.
    @discardableResult
    package mutating func append(
        _ changes: [Change], tail: Int? = nil, extraSectorCount: Int = 0,
        edit: (inout [UInt8]) -> Void = { _ in }
    ) -> Int {
        let start = position
        let descriptorSectors = (64 + 32 * changes.count + 4_095) / 4_096
        var entry = [UInt8](repeating: 0, count: descriptorSectors * 4_096)
        for (index, change) in changes.enumerated() {
            let place = 64 + 32 * index
            entry.put(sequenceNumber, at: place + 24)
            switch change {
            case .zeros(let offset, let count):
                entry.put("zero".utf8, at: place)
                entry.put(count, at: place + 8)
                entry.put(offset, at: place + 16)
            case .page(let offset, let page):
                entry.put("desc".utf8, at: place)
                entry.put(page[4_092...], at: place + 4)
                entry.put(page[..<8], at: place + 8)
                entry.put(offset, at: place + 16)
                var sector = page
                sector.put("data".utf8, at: 0)
                sector.put(UInt32(sequenceNumber >> 32), at: 4)
                sector.put(UInt32(truncatingIfNeeded: sequenceNumber), at: 4_092)
                entry += sector
            }
        }
        entry += [UInt8](repeating: 0, count: extraSectorCount * 4_096)
        entry.put("loge".utf8, at: 0)
        entry.put(UInt32(entry.count), at: 8)
        entry.put(UInt32(tail ?? start), at: 12)
        entry.put(sequenceNumber, at: 16)
        entry.put(UInt32(changes.count), at: 24)
        entry.put(identifier, at: 32)
        entry.put(flushedFileByteCount, at: 48)
        entry.put(lastFileByteCount, at: 56)
        edit(&entry)
        entry.putVHDXChecksum()
        let first = min(entry.count, bytes.count - start)
        bytes.put(entry[..<first], at: start)
        bytes.put(entry[first...], at: 0)
        position = (start + entry.count) % bytes.count
        sequenceNumber += 1
        return start
    }
}

extension BuiltDisk {
    /// The pages of 4 KiB at these bytes of the file, as changes of a log; in the file, something else is put in their place.
    package mutating func takePages(_ offsets: [Int]) -> [VHDXLogWriter.Change] {
        offsets.map { offset in
            let page = Array(bytes[offset..<(offset + 4_096)])
            bytes.put([UInt8](repeating: 0xee, count: 4_096), at: offset)
            return .page(at: UInt64(offset), page)
        }
    }

    /// Puts the log into a VHDX and has the headers say that it is to be replayed.
    package mutating func setLog(_ log: VHDXLogWriter) {
        bytes.put(log.bytes, at: VHDXBuilder.logOffset)
        editVHDXHeaders { $0.put(log.identifier, at: 48) }
    }
}
