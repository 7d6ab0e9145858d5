// The two headers of a VHDX, and which of them counts.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What a VHDX says of its state.
/// Spec: [MS-VHDX], 2.2.2.
struct VHDXHeader: Sendable {
    let sequenceNumber: UInt64
    /// Changes with the guest's bytes; sixteen bytes, as stored.
    let dataWriteIdentifier: [UInt8]
    /// Entries of the log with another one are old.
    let logIdentifier: [UInt8]
    let logVersion: UInt16
    /// In bytes of the file.
    let logOffset: UInt64
    let logByteCount: UInt64

    static let byteCount = 4_096
    private static let offsets: [UInt64] = [64 << 10, 128 << 10]

    /// Whether the log has to be replayed.
    var hasLog: Bool { logIdentifier != VHDXIdentifier.none }

    /// Where the log is in the file; nil where there is none, or its place makes no sense.
    var logRange: Range<UInt64>? {
        let (end, overflow) = logOffset.addingReportingOverflow(logByteCount)
        return overflow || logByteCount == 0 ? nil : logOffset..<end
    }

    /// - Throws: `ReadError.corrupt` where the record is no header or its checksum is wrong, `ReadError.unsupported` for
    ///   other versions.
    init(parsing record: OnDiskRecord) throws(ReadError) {
        try record.checkVHDXChecksum(signature: "head")
        let version = try record.littleEndian(UInt16.self, at: 66)
        guard version == 1 else {
            throw .unsupported(feature: "\(record.name) has version \(version); version 1 is read")
        }
        sequenceNumber = try record.littleEndian(UInt64.self, at: 8)
        dataWriteIdentifier = Array(try record.slice(16, at: 32))
        logIdentifier = Array(try record.slice(16, at: 48))
        logVersion = try record.littleEndian(UInt16.self, at: 64)
        logByteCount = UInt64(try record.littleEndian(UInt32.self, at: 68))
        logOffset = try record.littleEndian(UInt64.self, at: 72)
    }

    /// The valid header with the higher sequence number.
    /// - Throws: `ReadError` where none is valid, or two different ones have the same number.
    static func current(
        of reader: OpeningReader, _ warnings: inout [String]
    ) throws(ReadError) -> VHDXHeader {
        var valid: [(header: VHDXHeader, bytes: [UInt8])] = []
        var refusal: ReadError?
        for (index, offset) in offsets.enumerated() {
            do throws(ReadError) {
                let record = try reader.record("VHDX header \(index + 1)", byteCount: byteCount, at: offset)
                valid.append((try VHDXHeader(parsing: record), record.bytes))
            } catch {
                guard error.isAboutTheFormat else { throw error }
                if refusal == nil { refusal = error }
            }
        }
        if let refusal {
            guard let only = valid.first else { throw refusal }
            warnings.append("one of the two headers is not used: \(refusal)")
            return only.header
        }
        let (first, second) = (valid[0], valid[1])
        // Some programs write the same header twice.
        guard first.header.sequenceNumber != second.header.sequenceNumber || first.bytes == second.bytes
        else {
            throw .corrupt(
                record: "VHDX header 2 of \(reader.imageName)", offset: offsets[1],
                reason: "it has the sequence number of the first one, and says something else")
        }
        return first.header.sequenceNumber >= second.header.sequenceNumber ? first.header : second.header
    }
}

extension OnDiskRecord {
    /// - Throws: `ReadError.corrupt` where the record does not start with `signature` and its own right CRC-32C.
    func checkVHDXChecksum(signature: String) throws(ReadError) {
        guard try slice(4, at: 0).elementsEqual(signature.utf8) else {
            throw corrupt(at: 0, "no \(signature)")
        }
        let stored = try littleEndian(UInt32.self, at: 4)
        guard CyclicRedundancyCheck.castagnoli.checksum(of: bytes, blank: 4..<8) == stored else {
            throw corrupt(at: 4, "its checksum is wrong")
        }
    }
}

extension ReadError {
    /// Whether the bytes were read and are not what the format wants, so that a copy may be better.
    var isAboutTheFormat: Bool {
        switch self {
        case .corrupt, .unsupported: true
        case .system, .refused, .stale, .remote, .overBudget: false
        }
    }
}
