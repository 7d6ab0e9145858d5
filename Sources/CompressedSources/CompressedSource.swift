// Compressed files of every format, recognised by their first bytes.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// The one way to the decoded bytes of a compressed file.
package enum CompressedSource {
    /// What decoding shares with all else that is opened.
    package struct Context: Sendable {
        /// Whether what follows a sound file is left out instead of refused.
        package var isLenient = false
        /// Most that is decoded to know how long the content is, or to know that a unit which the cache cannot hold is
        /// right, in bytes.
        package var maximumByteCount: UInt64
        package let budget: OpeningBudget
        package let cache: StretchCache
        /// Threads that look through a file whose units say nothing of their lengths.
        package var threadCount = 1
        /// Told how far that is.
        package var progress: OpeningProgress?
        /// The threads that decode ahead of who reads from front to back; nil for none.
        package var workers: UnitWorkers?
        /// Where what is found out about a file is kept for the next time.
        package var store: IndexStore?
        /// Whether what is decoded belongs to opening still.
        package var phase = OpeningPhase()
        /// How long a unit that the medium could not read is not tried again, in seconds.
        package var failureSeconds = 5.0

        package init(
            maximumByteCount: UInt64 = CompressedSource.maximumByteCount(forCapacity: nil),
            budget: OpeningBudget, cache: StretchCache
        ) {
            self.maximumByteCount = maximumByteCount
            self.budget = budget
            self.cache = cache
        }
    }

    /// Most that is decoded at all to open a file, in bytes: what takes a minute or two, so that none can keep a mount
    /// from coming about for longer.
    private static let largestByteCount: UInt64 = 64 << 30

    /// The longest content that a compressed disk image of `capacity` bytes can have: a little more than the
    /// capacity, for the image's tables. The capacity is the file's own word, so there is a bound to it too.
    package static func maximumByteCount(forCapacity capacity: UInt64?) -> UInt64 {
        guard let capacity, capacity < largestByteCount else { return largestByteCount }
        return min(largestByteCount, capacity + capacity / 8 + (64 << 20))
    }

    /// Whether `source` is what `decoding` made.
    package static func decodes(_ source: any ByteSource) -> Bool { source is UnitSource }

    /// How many bytes at the end of the compressed file were left out, being no part of it; 0 where `source` is none.
    package static func leftOutByteCount(of source: any ByteSource) -> UInt64 {
        (source as? UnitSource)?.leftOutByteCount ?? 0
    }

    /// The decoded bytes of `base`; nil where it is no compressed file by its content.
    ///
    /// - Throws: `ReadError.corrupt` where it is damaged or cut short, `ReadError.refused` where bytes follow that are no part
    ///   of it, `ReadError.unsupported` where it decodes to more than the context allows or needs what is not decoded.
    package static func decoding(
        _ base: any ByteSource, named name: String, in context: Context
    ) throws(ReadError) -> (any ByteSource)? {
        let head = try base.bytes(Int(min(UInt64(CompressionFormat.headByteCount), base.byteCount)), at: 0)
        guard let format = CompressionFormat(firstBytes: head) else { return nil }
        let stored = try context.store?.place(of: base, named: name, format, budget: context.budget)
        return switch format {
        case .gzip: try GzipFormat.open(base, named: name, in: context, stored: stored)
        case .xz: try XZFormat.open(base, named: name, in: context, stored: stored)
        case .zstd: try ZstdFormat.open(base, named: name, in: context, stored: stored)
        case .bzip2: try Bzip2Format.open(base, named: name, in: context, stored: stored)
        }
    }
}

extension ReadError {
    static func tooLong(_ name: String, _ limit: UInt64) -> ReadError {
        .unsupported(
            feature: "\(name), which decodes to more than the \(limit) bytes that are decoded to open it")
    }
}
