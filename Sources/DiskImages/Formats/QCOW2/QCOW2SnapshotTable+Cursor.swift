// Reading the table of snapshots from front to back, in few requests.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension QCOW2SnapshotTable {
    /// A place in the table, and the bytes that were read from there on.
    struct Cursor {
        private static let name = "table of snapshots"
        private static let windowByteCount: UInt64 = 64 << 10

        private let reader: OpeningReader
        /// In bytes of the file.
        private(set) var position: UInt64
        private let start: UInt64
        /// The first byte that is not read any more.
        private let end: UInt64
        private var window: OnDiskRecord?

        /// At byte `start` of the file, in a table of at most `byteCountLimit` bytes.
        init(_ reader: OpeningReader, at start: UInt64, atMost byteCountLimit: UInt64) {
            self.reader = reader
            self.start = start
            position = start
            let available = reader.byteCount - min(reader.byteCount, start)
            end = start + min(available, byteCountLimit)
        }

        /// The next `byteCount` bytes.
        /// - Throws: `ReadError.corrupt` where the table would be longer than it can be.
        mutating func next(_ byteCount: Int) throws(ReadError) -> OnDiskRecord {
            try check(UInt64(byteCount))
            defer { position += UInt64(byteCount) }
            if let window, position >= window.sourceOffset,
                position - window.sourceOffset <= UInt64(window.bytes.count)
            {
                let skipped = Int(position - window.sourceOffset)
                if byteCount <= window.bytes.count - skipped {
                    return OnDiskRecord(
                        Array(try window.slice(byteCount, at: skipped)), named: window.name, at: position)
                }
            }
            let read = min(end - position, max(Self.windowByteCount, UInt64(byteCount)))
            let record = try reader.record(Self.name, byteCount: Int(read), at: position)
            window = record
            return OnDiskRecord(Array(try record.slice(byteCount, at: 0)), named: record.name, at: position)
        }

        mutating func skip(_ byteCount: UInt64) throws(ReadError) {
            try check(byteCount)
            position += byteCount
        }

        /// Goes on to the next multiple of 8 bytes; the last entry may not be filled up to it.
        mutating func pad() {
            position += min(end - position, (0 &- (position - start)) & 7)
        }

        private func check(_ byteCount: UInt64) throws(ReadError) {
            guard byteCount <= end - position else {
                throw .corrupt(
                    record: "\(Self.name) of \(reader.imageName)", offset: position,
                    reason:
                        "\(byteCount) bytes are expected here, and the table cannot go on after byte \(end)")
            }
        }
    }
}
