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
    private let check: @Sendable () throws(ReadError) -> Void

    /// An upload of `source`. `progress` is told how many bytes were taken so far: less than before where an upload begins
    /// anew. `check` is called when all were read, and before the last ones are sent.
    package init(
        _ source: any ByteSource, progress: @escaping @Sendable (_ byteCount: UInt64) -> Void = { _ in },
        check: @escaping @Sendable () throws(ReadError) -> Void = { () throws(ReadError) in }
    ) {
        self.source = source
        self.progress = progress
        self.check = check
    }

    package func stream() -> any HTTPBodyStream {
        Stream(self)
    }

    private final class Stream: HTTPBodyStream {
        private let upload: ByteSourceUpload
        private let position = SleepingMutex<UInt64>(0)

        init(_ upload: ByteSourceUpload) {
            self.upload = upload
        }

        var byteCount: UInt64 { upload.source.byteCount }

        func next(upTo limit: Int) throws(ReadError) -> [UInt8] {
            let start = position.withLock { $0 }
            let count = Int(min(UInt64(max(0, limit)), byteCount - min(start, byteCount)))
            guard count > 0 else { return [] }
            let bytes = try upload.source.bytes(count, at: start)
            let end = start + UInt64(count)
            if end == byteCount {
                try upload.source.validate()
                try upload.check()
            }
            position.withLock { $0 = end }
            upload.progress(end)
            return bytes
        }
    }
}
