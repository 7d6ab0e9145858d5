// What an image is made from.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Bytes that can be sent more than once: an upload that broke begins anew.
package protocol UploadSource: Sendable {
    /// A stream of all bytes, from the first one.
    func stream() throws(ReadError) -> any HTTPBodyStream
}

/// All bytes of a source.
package struct ByteSourceUpload: UploadSource {
    private let source: any ByteSource
    private let progress: @Sendable (_ byteCount: UInt64) -> Void

    /// An upload of `source`. `progress` is told how many bytes were taken so far: less than before where an upload begins
    /// anew.
    package init(
        _ source: any ByteSource, progress: @escaping @Sendable (_ byteCount: UInt64) -> Void = { _ in }
    ) {
        self.source = source
        self.progress = progress
    }

    package func stream() -> any HTTPBodyStream {
        Stream(source, progress)
    }

    private final class Stream: HTTPBodyStream {
        private let source: any ByteSource
        private let progress: @Sendable (_ byteCount: UInt64) -> Void
        private let position = SleepingMutex<UInt64>(0)

        init(_ source: any ByteSource, _ progress: @escaping @Sendable (_ byteCount: UInt64) -> Void) {
            self.source = source
            self.progress = progress
        }

        var byteCount: UInt64? { source.byteCount }

        func next(upTo limit: Int) throws(ReadError) -> [UInt8] {
            let start = position.withLock { $0 }
            let count = Int(min(UInt64(max(0, limit)), source.byteCount - min(start, source.byteCount)))
            guard count > 0 else { return [] }
            let bytes = try source.bytes(count, at: start)
            let end = position.withLock { position in
                position = start + UInt64(count)
                return position
            }
            progress(end)
            return bytes
        }
    }
}
