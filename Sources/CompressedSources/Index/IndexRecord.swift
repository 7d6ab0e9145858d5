// The bytes of an index file: whose it is, what is in it, and a checksum.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// Layout, in numbers of 64 bits, lowest byte first: mark, version, number of words of the key, those words, length of the
/// payload, the payload, CRC-64 of all before.
enum IndexRecord {
    /// "OVAFSIDX".
    private static let mark: UInt64 = 0x5844_4953_4641_564f
    /// Raised with every change of any payload: an older index is as good as none.
    private static let version: UInt64 = 2

    static func bytes(_ payload: [UInt8], for key: IndexKey) -> [UInt8] {
        var bytes = IndexBytes()
        bytes.append(mark)
        bytes.append(version)
        bytes.append(UInt64(key.words.count))
        for word in key.words { bytes.append(word) }
        bytes.append(UInt64(payload.count))
        bytes.append(payload)
        bytes.append(CRC64.checksum(of: bytes.bytes))
        return bytes.bytes
    }

    /// What is in an index file of `key`; nil where it is of another key or version, or damaged.
    static func payload(of bytes: [UInt8], for key: IndexKey) -> [UInt8]? {
        guard bytes.count > 8 else { return nil }
        let record = OnDiskRecord(Array(bytes.dropLast(8)), named: "index")
        let trailer = OnDiskRecord(Array(bytes.suffix(8)), named: "index")
        guard let checksum = try? trailer.littleEndian(UInt64.self, at: 0),
            checksum == CRC64.checksum(of: record.bytes)
        else { return nil }
        var reader = IndexReader(record)
        guard reader.word() == mark, reader.word() == version, reader.word() == UInt64(key.words.count)
        else { return nil }
        for word in key.words { guard reader.word() == word else { return nil } }
        guard let count = reader.word() else { return nil }
        return reader.rest(of: count)
    }
}

/// Numbers and bytes, one after the other.
struct IndexBytes {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ word: UInt64) {
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * shift))) }
    }

    mutating func append(_ more: [UInt8]) { bytes += more }
}

/// Takes numbers and bytes in the order in which they were put; nil behind the end.
struct IndexReader {
    private let record: OnDiskRecord
    private var offset = 0

    init(_ record: OnDiskRecord) {
        self.record = record
    }

    mutating func word() -> UInt64? {
        guard let word = try? record.littleEndian(UInt64.self, at: offset) else { return nil }
        offset += 8
        return word
    }

    mutating func bytes(_ count: UInt64) -> [UInt8]? {
        guard let length = Int(exactly: count), let slice = try? record.slice(length, at: offset) else {
            return nil
        }
        offset += length
        return Array(slice)
    }

    /// What is left, where that is `count` bytes.
    mutating func rest(of count: UInt64) -> [UInt8]? {
        guard count == UInt64(record.bytes.count - offset) else { return nil }
        return bytes(count)
    }
}
