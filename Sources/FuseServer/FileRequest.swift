// What a program asks of a file, kept for as long as it takes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A request that may have to wait for the source behind a file.
struct FileRequest: Sendable {
    enum Operation: Sendable {
        case open
        /// As many bytes as there are before the end of the file, at most these.
        case read(Int, at: UInt64)
        case seek(Region, from: UInt64)
        /// Nobody waits for it.
        case count(ByteCounting)
    }

    let inode: UInt64
    let source: any ByteSource
    let operation: Operation

    /// In whose turn the request is served.
    var turn: WaitingQueue.Turn {
        switch operation {
        case .open: .opens(of: inode)
        case .count: .counts
        case .read, .seek: .reads(of: inode)
        }
    }

    /// How many bytes it asks for.
    var byteCount: Int {
        switch operation {
        case .read(let count, _): count
        case .open, .seek, .count: 0
        }
    }

    /// Where in the file it is about, in bytes.
    var offset: UInt64 {
        switch operation {
        case .open, .count: 0
        case .read(_, let offset), .seek(_, let offset): offset
        }
    }
}
