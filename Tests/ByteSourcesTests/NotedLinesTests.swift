// Tests of which lines a log has already.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@Suite("Lines that were logged")
struct NotedLinesTests {
    @Test("a line counts once in an hour, and a thousand of them at most; then it begins anew")
    func hour() {
        let lines = NotedLines()
        #expect(lines.note("a", at: 10) == .isNew)
        #expect(lines.note("a", at: 20) == .isKnown)
        for number in 1..<NotedLines.most { #expect(lines.note("\(number)", at: 30) == .isNew) }
        #expect(lines.note("b", at: 40) == .isOneTooMany)
        #expect(lines.note("c", at: 50) == .isKnown)
        #expect(lines.note("a", at: 3_609) == .isKnown)
        #expect(lines.note("a", at: 3_611) == .isNew)
        #expect(lines.note("c", at: 3_612) == .isNew)
    }
}
