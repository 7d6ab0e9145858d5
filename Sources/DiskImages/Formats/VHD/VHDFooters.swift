// Which of a VHD's footers is right: the one at the end, or its copy in front.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The footer at the end of a file, which is the original, and the one at its start.
struct VHDFooters {
    /// A footer, or what is wrong with it.
    struct Found {
        let footer: Result<VHDFooter, ReadError>
        /// Where it starts, in bytes.
        let offset: UInt64
    }

    /// Nil where the file does not end with one, not even with one that is wrong.
    private let atEnd: Found?
    /// Nil where the file does not start with one.
    private let atStart: Found?
    private let imageName: String
    private let fileByteCount: UInt64

    init(_ reader: OpeningReader) throws(ReadError) {
        imageName = reader.imageName
        fileByteCount = reader.byteCount
        atEnd = try Self.atEnd(of: reader.source, named: reader.imageName)
        guard reader.head.starts(with: VHDFooter.cookie), reader.byteCount >= UInt64(VHDFooter.byteCount)
        else {
            atStart = nil
            return
        }
        let record = try reader.record("copy of the VHD footer", byteCount: VHDFooter.byteCount, at: 0)
        atStart = Found(footer: Self.parsed(record), offset: 0)
    }

    /// Where the guest's bytes end at the latest, in bytes of the file.
    var dataEnd: UInt64 { atEnd?.offset ?? fileByteCount }

    /// The footer that counts.
    /// - Throws: `ReadError` where neither is right.
    func used() throws(ReadError) -> VHDFooter {
        if case .success(let footer)? = atEnd?.footer { return footer }
        if case .success(let footer)? = atStart?.footer { return footer }
        if case .failure(let error)? = atEnd?.footer { throw error }
        if case .failure(let error)? = atStart?.footer { throw error }
        throw .corrupt(record: "VHD footer of \(imageName)", offset: 0, reason: "the file ends inside it")
    }

    /// What is to be said about the footer of a disk that grows, which has two.
    var warnings: [String] {
        var warnings: [String] = []
        switch (atEnd?.footer, atStart?.footer) {
        case (nil, _):
            warnings.append("the file does not end with a footer: its copy at the start is used")
        case (.failure(let error), _):
            warnings.append("the footer is not used, but its copy at the start: \(error)")
        case (.success, .failure(let error)): warnings.append("the copy of the footer is not used: \(error)")
        case (.success(let footer), .success(let copy)) where footer != copy:
            warnings.append("the copy of the footer at the start is another one, and is not used")
        case (.success, _): break
        }
        return warnings
    }

    /// What `source` ends with: a footer of 512 bytes, or of 511, as old programs wrote it.
    static func atEnd(of source: any ByteSource, named name: String) throws(ReadError) -> Found? {
        let byteCount = VHDFooter.byteCount
        guard source.byteCount > UInt64(byteCount) else { return nil }
        let start = source.byteCount - UInt64(byteCount)
        let tail = try source.bytes(byteCount, at: start)
        for skipped in 0...1 where tail[skipped...].starts(with: VHDFooter.cookie) {
            let bytes = Array(tail[skipped...]) + [UInt8](repeating: 0, count: skipped)
            let offset = start + UInt64(skipped)
            let record = OnDiskRecord(bytes, named: "VHD footer of \(name)", at: offset)
            return Found(footer: parsed(record), offset: offset)
        }
        return nil
    }

    private static func parsed(_ record: OnDiskRecord) -> Result<VHDFooter, ReadError> {
        do throws(ReadError) { return .success(try VHDFooter(parsing: record)) } catch {
            return .failure(error)
        }
    }
}
