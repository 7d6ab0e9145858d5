// A file as its log makes it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Another source with what its log writes into it; for reading what describes the image.
struct ReplayedFile: ByteSource {
    private let base: any ByteSource
    private let log: ReplayedLog

    var byteCount: UInt64 { log.byteCount }

    init(_ base: any ByteSource, as log: ReplayedLog) {
        self.base = base
        self.log = log
    }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: "file and its log")
        var position = offset
        let end = offset + UInt64(count)
        while position < end {
            let piece = log.piece(containing: position)
            let step = Int(min(piece.range.upperBound, end) - position)
            if let stored = piece.storedOffset {
                try base.read(step, at: stored + (position - piece.range.lowerBound), into: &output)
            } else {
                output.appendZeros(step)
            }
            position += UInt64(step)
        }
    }

    func validate() throws(ReadError) {
        try base.validate()
    }

    /// What is answered from the log is wherever that is.
    func validate(_ range: Range<UInt64>) throws(ReadError) {
        try base.validate()
    }

    var isNear: Bool { base.isNear }
}
