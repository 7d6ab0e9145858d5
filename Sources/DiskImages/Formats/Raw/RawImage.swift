// A disk that is stored as the guest reads it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Any bytes, read as a disk. The disk is a whole number of sectors long: what the file lacks of the last
/// one is zeros, as in qemu.
struct RawImage: DiskImage {
    let format = DiskFormat.raw
    let virtualByteCount: UInt64
    let clusterByteCount = 0
    let warnings: [String]
    /// Exact for a file with few holes; of one with more only the first are left out.
    let allocatedByteCount: UInt64

    private static let sectorByteCount: UInt64 = 512
    /// How many stretches of data are counted one by one.
    private static let maximumCountedStretches = 256

    private let source: any ByteSource

    init(_ source: any ByteSource, named name: String) throws(ReadError) {
        self.source = source
        let byteCount = source.byteCount
        virtualByteCount = try byteCount.roundedUp(toMultipleOf: Self.sectorByteCount, in: name, at: 0)
        allocatedByteCount = try Self.dataByteCount(of: source)
        warnings =
            virtualByteCount == byteCount
            ? [] : ["the file ends inside a sector; \(virtualByteCount - byteCount) zeros are added"]
    }

    func extent(containing offset: UInt64) throws(ReadError) -> Extent {
        guard offset < source.byteCount else {
            guard offset < virtualByteCount else {
                throw .corrupt(
                    record: "raw disk", offset: offset,
                    reason: "the guest disk ends at its byte \(virtualByteCount)")
            }
            let end = source.byteCount
            return Extent(guestOffset: end, byteCount: virtualByteCount - end, storage: .zeros)
        }
        let rest = offset..<source.byteCount
        let data = try source.firstOffset(of: .data, in: rest) ?? source.byteCount
        guard data <= offset else {
            return Extent(guestOffset: offset, byteCount: data - offset, storage: .zeros)
        }
        let hole = try source.firstOffset(of: .hole, in: rest) ?? source.byteCount
        guard hole > offset else {
            // The file changed between the two questions: the read that follows finds that out.
            return Extent(guestOffset: offset, byteCount: 1, storage: .stored(at: offset))
        }
        return Extent(guestOffset: offset, byteCount: hole - offset, storage: .stored(at: offset))
    }

    private static func dataByteCount(of source: any ByteSource) throws(ReadError) -> UInt64 {
        var sum: UInt64 = 0
        var position: UInt64 = 0
        for _ in 0..<maximumCountedStretches {
            guard let data = try source.firstOffset(of: .data, in: position..<source.byteCount) else {
                return sum
            }
            position = try source.firstOffset(of: .hole, in: data..<source.byteCount) ?? source.byteCount
            sum += position - data
        }
        return sum + (source.byteCount - position)
    }
}
