// Records of reads.
// SPDX-License-Identifier: Apache-2.0

import RemoteSources

enum RecordTarget {
    /// What is taken for a record is the same record when it is written and read again.
    static func run(_ bytes: [UInt8]) {
        guard let record = try? RecordedReads(parsing: bytes) else { return }
        let again = try? RecordedReads(parsing: Array(record.text.utf8))
        precondition(again == record, "a record reads otherwise when it was written again")
    }
}
