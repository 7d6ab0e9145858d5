// How an image's metadata is read when it is opened: with few requests.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Glibc

/// Reads the records of an image file. What one of its windows holds already is not read again: the start and
/// the end of a file hold nearly all that opening needs, and a request may cross a network.
package struct OpeningReader: Sendable {
    /// Header, embedded descriptor and the directory of a small disk lie in it.
    static let headByteCount = 16 << 10
    /// Footer and directory of a stream lie in it.
    static let tailByteCount = 64 << 10

    package let source: any ByteSource
    /// What errors call the image.
    package let imageName: String
    /// Parts of the file that were read, by where they start.
    private var windows: [OnDiskRecord]

    package var byteCount: UInt64 { source.byteCount }

    /// Reads the first 16 KiB, or another number of bytes; the first 512 bytes where a bad sector is behind them.
    package init(
        _ source: any ByteSource, named imageName: String, headByteCount: Int? = nil
    ) throws(ReadError) {
        self.source = source
        self.imageName = imageName
        let count = Int(min(UInt64(headByteCount ?? Self.headByteCount), source.byteCount))
        let head: [UInt8]
        do throws(ReadError) {
            head = try source.bytes(count, at: 0)
        } catch {
            guard case .system(_, EIO) = error, count > 512 else { throw error }
            head = try source.bytes(512, at: 0)
        }
        windows = [OnDiskRecord(head, named: imageName)]
    }

    /// The first bytes of the file, 512 to 16 KiB where it has them, unless more were asked for.
    package var head: ArraySlice<UInt8> { windows[0].bytes[...] }

    /// Reads the last 64 KiB, where the file has more than its head.
    package mutating func readTail() throws(ReadError) {
        try hold(Self.tailByteCount, at: byteCount - min(UInt64(Self.tailByteCount), byteCount))
    }

    /// Reads up to `count` bytes at `offset`, as far as the file goes, for the records in them.
    package mutating func hold(_ count: Int, at offset: UInt64) throws(ReadError) {
        let count = Int(min(UInt64(count), byteCount - min(offset, byteCount)))
        guard count > 0, !isHeld(count, at: offset) else { return }
        windows.append(OnDiskRecord(try source.bytes(count, at: offset), named: imageName, at: offset))
    }

    /// The record of `byteCount` bytes at `offset`, called "`name` of the image" in errors.
    /// - Throws: `ReadError.corrupt` where it is not inside the file.
    package func record(_ name: String, byteCount: Int, at offset: UInt64) throws(ReadError) -> OnDiskRecord {
        let fullName = "\(name) of \(imageName)"
        try source.checkRange(byteCount, at: offset, named: fullName)
        for window in windows where window.holds(byteCount, at: offset) {
            let bytes = try window.slice(byteCount, at: Int(offset - window.sourceOffset))
            return OnDiskRecord(Array(bytes), named: fullName, at: offset)
        }
        return OnDiskRecord(try source.bytes(byteCount, at: offset), named: fullName, at: offset)
    }

    private func isHeld(_ count: Int, at offset: UInt64) -> Bool {
        windows.contains { $0.holds(count, at: offset) }
    }
}

extension OnDiskRecord {
    /// Whether bytes `offset ..< offset + count` of the source, which exist, are in this record.
    fileprivate func holds(_ count: Int, at offset: UInt64) -> Bool {
        offset >= sourceOffset && offset - sourceOffset <= UInt64(bytes.count)
            && count <= bytes.count - Int(offset - sourceOffset)
    }
}
