// A part of another source: a member of a tar, a partition, an extent.
// SPDX-License-Identifier: Apache-2.0

/// Bytes `start ..< start + byteCount` of another source, read as a source of their own.
package struct SubrangeSource: ByteSource {
    private let base: any ByteSource
    private let start: UInt64
    package let byteCount: UInt64
    /// What errors call this part, such as a member's name.
    private let name: String

    /// - Throws: `ReadError.corrupt` where the part is not inside `base`.
    package init(
        of base: any ByteSource, from start: UInt64, byteCount: UInt64, named name: String
    ) throws(ReadError) {
        guard start <= base.byteCount, byteCount <= base.byteCount - start else {
            throw .corrupt(
                record: name, offset: start,
                reason: "\(byteCount) bytes from here, and the source ends at byte \(base.byteCount)")
        }
        self.base = base
        self.start = start
        self.byteCount = byteCount
        self.name = name
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: name)
        try base.read(count, at: start + offset, into: &output)
    }

    package func nextOffset(of region: Region, atOrAfter offset: UInt64) throws(ReadError) -> UInt64? {
        guard offset < byteCount else { return nil }
        guard let found = try base.nextOffset(of: region, atOrAfter: start + offset) else { return nil }
        if found - start < byteCount { return found - start }
        return region == .hole ? byteCount : nil
    }

    package func validate() throws(ReadError) {
        try base.validate()
    }
}
