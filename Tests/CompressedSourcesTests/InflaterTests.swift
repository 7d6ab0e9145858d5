// Tests of the inflater's own memory.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs
import Testing

@Suite("An inflater")
struct InflaterTests {
    @Test("one that zlib refuses gives its memory back once")
    func refused() {
        // A window that zlib does not know fails where missing memory does; memory freed twice ends the process.
        for _ in 0..<100 {
            #expect(throws: ReadError.self) { _ = try Inflater(windowBits: -99) }
        }
    }
}
