// Compressed files of every format, recognised by their first bytes.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The one way to the decoded bytes of a compressed file.
package enum CompressedSource {
    /// A compressed format.
    package enum Format: UInt32, CaseIterable, Sendable {
        case gzip = 1
        case xz
        case zstd
        case bzip2

        /// Enough of a file's start to tell, in bytes.
        package static let headByteCount = 10

        /// The format of a file that starts with `bytes`; nil where it is none of them.
        package init?(firstBytes bytes: [UInt8]) {
            if GzipSource.isGzip(firstBytes: bytes) {
                self = .gzip
            } else if XZIndex.isXZ(firstBytes: bytes) {
                self = .xz
            } else if ZstdFrameHeader.isZstd(firstBytes: bytes) {
                self = .zstd
            } else if Bzip2Scan.isBzip2(firstBytes: bytes) {
                self = .bzip2
            } else {
                return nil
            }
        }
    }

    /// What decoding shares with all else that is opened.
    package struct Context: Sendable {
        /// Whether what follows a sound file is left out instead of refused.
        package var isLenient = false
        /// Most that is decoded to know how long the content is, in bytes.
        package var maximumByteCount: UInt64
        package let budget: OpeningBudget
        package let cache: StretchCache
        /// Threads that look through a file whose units say nothing of their lengths.
        package var threadCount = 1
        package var progress: OpeningProgress?
        /// Where what is found out about a file is kept for the next time.
        package var store: IndexStore?

        package init(
            maximumByteCount: UInt64 = GzipSource.maximumByteCount(forCapacity: nil), budget: OpeningBudget,
            cache: StretchCache
        ) {
            self.maximumByteCount = maximumByteCount
            self.budget = budget
            self.cache = cache
        }
    }

    /// Whether `source` is what `decoding` made.
    package static func decodes(_ source: any ByteSource) -> Bool {
        source is GzipSource || source is UnitSource
    }

    /// The decoded bytes of `base`; nil where it is no compressed file by its content.
    ///
    /// - Throws: `ReadError.corrupt` where it is damaged or cut short, `ReadError.refused` where bytes follow that are no part
    ///   of it, `ReadError.unsupported` where it decodes to more than the context allows or needs what is not decoded.
    package static func decoding(
        _ base: any ByteSource, named name: String, in context: Context
    ) throws(ReadError) -> (any ByteSource)? {
        let head = try base.bytes(Int(min(UInt64(Format.headByteCount), base.byteCount)), at: 0)
        guard let format = Format(firstBytes: head) else { return nil }
        let stored = try context.store?.place(of: base, format, budget: context.budget)
        switch format {
        case .gzip: return try GzipSource(decoding: base, named: name, in: context, stored: stored)
        case .xz: return try XZFormat.open(base, named: name, in: context, stored: stored)
        case .zstd: return try ZstdFormat.open(base, named: name, in: context, stored: stored)
        case .bzip2: return try Bzip2Format.open(base, named: name, in: context, stored: stored)
        }
    }
}
