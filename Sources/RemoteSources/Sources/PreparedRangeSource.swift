// A file behind a web server, for a reader that says itself what it will want.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The same object and the same blocks; what follows a read is not brought, unless it is prepared.
struct PreparedRangeSource: ByteSource {
    private let base: HTTPRangeSource

    init(_ base: HTTPRangeSource) {
        self.base = base
    }

    var byteCount: UInt64 { base.byteCount }

    func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try base.read(count, at: offset, into: &output, isAskingAhead: false)
    }

    func prepare(_ range: Range<UInt64>) { base.prepare(range) }

    func isAtHand(_ range: Range<UInt64>) -> Bool { base.isAtHand(range) }

    func validate() throws(ReadError) {
        try base.validate()
    }

    var isNear: Bool { base.isNear }

    var versionMark: VersionMark? { base.versionMark }
}
