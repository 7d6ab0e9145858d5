// An entry of a VHDX's log.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The log as it lies in memory: a ring of sectors of 4 KiB, in which an entry may go around the end.
struct VHDXLogRing {
    static let sectorByteCount = 4_096

    let bytes: [UInt8]
    /// Where the log starts, in bytes of the file.
    let fileOffset: UInt64

    var sectorCount: Int { bytes.count / Self.sectorByteCount }

    /// Sector `index` of what starts with sector `start`.
    func sector(_ index: Int, from start: Int) -> Int { (start + index) % sectorCount }

    func fileOffset(ofSector sector: Int) -> UInt64 { fileOffset + UInt64(sector * Self.sectorByteCount) }

    /// The number at byte `offset` of sector `sector`, inside of it.
    func number<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, at offset: Int, ofSector sector: Int
    ) -> Value {
        // SAFETY: bytes have no padding.
        unsafe bytes.span.bytes.littleEndian(type, at: sector * Self.sectorByteCount + offset)
    }

    /// `count` sectors from `start` on, one behind the other.
    func copy(_ count: Int, from start: Int) -> [UInt8] {
        let first = min(count, sectorCount - start)
        let unit = Self.sectorByteCount
        return Array(bytes[start * unit..<(start + first) * unit]) + Array(bytes[..<((count - first) * unit)])
    }
}

/// An entry that is whole: its checksum is right, and so is all that is in it.
/// Spec: [MS-VHDX], 2.3.1.
struct VHDXLogEntry {
    /// Its first sector.
    let sector: Int
    let sectorCount: Int
    let sequenceNumber: UInt64
    /// The first sector of the oldest entry that has to be replayed with this one.
    let tail: Int
    let descriptorCount: Int
    /// How long the file was, in bytes.
    let flushedFileByteCount: UInt64
    /// How long the file has to be, in bytes.
    let lastFileByteCount: UInt64

    private static let headerByteCount = 64
    private static let descriptorByteCount = 32

    private enum Signature {
        static let entry: UInt32 = 0x6567_6f6c
        static let data: UInt32 = 0x6174_6164
        static let dataDescriptor: UInt32 = 0x6373_6564
        static let zeroDescriptor: UInt32 = 0x6f72_657a
    }

    /// Something that an entry writes into the file.
    enum Change {
        /// Zeros.
        case zeros(Range<UInt64>)
        /// Sector `data`, with its first 8 and last 4 bytes from the descriptor at byte `position` of sector `descriptor`.
        case page(at: UInt64, data: Int, descriptor: Int, position: Int)
    }

    /// The entry of `identifier` at `sector` of the log; nil where there is none that is whole.
    ///
    /// Only the first sector of an entry looks like one, so that no sector of the log is gone through twice.
    init?(at sector: Int, of ring: VHDXLogRing, identifier: [UInt8]) {
        guard ring.number(UInt32.self, at: 0, ofSector: sector) == Signature.entry else { return nil }
        let byteCount = Int(ring.number(UInt32.self, at: 8, ofSector: sector))
        let tail = Int(ring.number(UInt32.self, at: 12, ofSector: sector))
        let unit = VHDXLogRing.sectorByteCount
        guard byteCount >= unit, byteCount % unit == 0, byteCount <= ring.bytes.count, tail % unit == 0,
            tail < ring.bytes.count
        else { return nil }
        self.sector = sector
        sectorCount = byteCount / unit
        self.tail = tail / unit
        sequenceNumber = ring.number(UInt64.self, at: 16, ofSector: sector)
        descriptorCount = Int(ring.number(UInt32.self, at: 24, ofSector: sector))
        flushedFileByteCount = ring.number(UInt64.self, at: 48, ofSector: sector)
        lastFileByteCount = ring.number(UInt64.self, at: 56, ofSector: sector)
        guard sequenceNumber > 0, descriptorSectorCount <= sectorCount,
            ring.bytes[sector * unit + 32..<sector * unit + 48].elementsEqual(identifier),
            isInOrder(ring), isChecksumRight(ring)
        else { return nil }
    }

    /// The sectors that header and descriptors take.
    private var descriptorSectorCount: Int {
        (Self.headerByteCount + descriptorCount * Self.descriptorByteCount - 1) / VHDXLogRing.sectorByteCount
            + 1
    }

    /// Whether descriptors and data are what they should be, and nothing in the entry is another one's start.
    private func isInOrder(_ ring: VHDXLogRing) -> Bool {
        var dataSectorCount = 0
        for index in 0..<descriptorCount {
            guard let change = change(index, dataSectorsBefore: dataSectorCount, ring) else { return false }
            if case .page = change { dataSectorCount += 1 }
        }
        let used = descriptorSectorCount + dataSectorCount
        guard used <= sectorCount else { return false }
        for index in descriptorSectorCount..<used {
            let sector = ring.sector(index, from: sector)
            guard ring.number(UInt32.self, at: 0, ofSector: sector) == Signature.data,
                ring.number(UInt32.self, at: 4, ofSector: sector) == UInt32(sequenceNumber >> 32),
                ring.number(UInt32.self, at: 4_092, ofSector: sector)
                    == UInt32(truncatingIfNeeded: sequenceNumber)
            else { return false }
        }
        return (used..<sectorCount).allSatisfy {
            ring.number(UInt32.self, at: 0, ofSector: ring.sector($0, from: sector)) != Signature.entry
        }
    }

    private func isChecksumRight(_ ring: VHDXLogRing) -> Bool {
        let bytes = ring.copy(sectorCount, from: sector)
        return CyclicRedundancyCheck.castagnoli.checksum(of: bytes, blank: 4..<8)
            == ring.number(UInt32.self, at: 4, ofSector: sector)
    }

    /// What descriptor `index` says; nil where it is none. `count` sectors of data belong to those before it.
    func change(_ index: Int, dataSectorsBefore count: Int, _ ring: VHDXLogRing) -> Change? {
        let position = Self.headerByteCount + index * Self.descriptorByteCount
        let sector = ring.sector(position / VHDXLogRing.sectorByteCount, from: self.sector)
        let inSector = position % VHDXLogRing.sectorByteCount
        let unit = UInt64(VHDXLogRing.sectorByteCount)
        let start = ring.number(UInt64.self, at: inSector + 16, ofSector: sector)
        guard ring.number(UInt64.self, at: inSector + 24, ofSector: sector) == sequenceNumber,
            start % unit == 0
        else { return nil }
        switch ring.number(UInt32.self, at: inSector, ofSector: sector) {
        case Signature.zeroDescriptor:
            let byteCount = ring.number(UInt64.self, at: inSector + 8, ofSector: sector)
            let (end, overflow) = start.addingReportingOverflow(byteCount)
            return overflow || byteCount % unit != 0 ? nil : .zeros(start..<end)
        case Signature.dataDescriptor:
            guard !start.addingReportingOverflow(unit).overflow else { return nil }
            let data = ring.sector(descriptorSectorCount + count, from: self.sector)
            return .page(at: start, data: data, descriptor: sector, position: inSector)
        default:
            return nil
        }
    }
}
