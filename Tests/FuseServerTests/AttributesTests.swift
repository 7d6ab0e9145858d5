// Tests of what the kernel is told of a file whose data is not counted yet.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import Foundation
import Synchronization
import Testing

@Suite("Attributes")
struct AttributesTests {
    @Test("a guess is never kept: the count may be there a moment after the guess was made")
    func guess() throws {
        let askedCount = Mutex(0)
        var builder = FileTreeBuilder(directoryTime: 0, budget: OpeningBudget())
        builder.add(
            .file(ZeroSource(byteCount: 1 << 20)), at: [Array("disk.raw".utf8)],
            attributes: Attributes(modificationTime: 0) { () throws(ReadError) in
                let number = askedCount.withLock { count in
                    count += 1
                    return count
                }
                guard number > 1 else { throw .wouldWait }
                return 4_096
            })
        try LiveMount.with(builder.build()) { mount in
            var status = stat()
            for _ in 0..<3 { unsafe stat(mount.path("disk.raw"), &status) }
            #expect(status.st_blocks == 8)
        }
        #expect(askedCount.withLock { $0 } > 1)
    }
}
