// Tests of when something is tried again, and of what is asked for next.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteSources

@Suite("Trying again, and planning")
struct RetryPolicyTests {
    @Test("the wait doubles from 0.1 s to 10 s, and chance takes a part of it")
    func backOff() {
        var policy = RetryPolicy()
        var limits: [Double] = []
        for _ in 0..<9 {
            policy.noteFailure(at: 100, random: 1)
            limits.append((policy.wait(at: 100) * 10).rounded() / 10)
        }
        #expect(limits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])
        policy.noteSuccess()
        #expect(policy.wait(at: 100) == 0)
        policy.noteFailure(at: 100, random: 0)
        #expect(policy.wait(at: 100) == 0)
        for _ in 0..<200 { policy.noteFailure(at: 100, random: 0.5) }
        #expect(policy.wait(at: 100) == 5)
    }

    @Test("what the server asks for is obeyed, and not shortened by the next failure")
    func retryAfter() {
        var policy = RetryPolicy()
        policy.noteFailure(at: 100, delay: 7, random: 1)
        #expect(policy.wait(at: 100) == 7)
        policy.noteFailure(at: 101, random: 1)
        #expect(policy.wait(at: 101) == 6)
        #expect(policy.wait(at: 120) == 0)
    }

    @Test("who was not there when it failed asks at once, but for what the server asked for")
    func newcomer() {
        var policy = RetryPolicy()
        for _ in 0..<12 { policy.noteFailure(at: 100, random: 1) }
        #expect(policy.wait(at: 100) == 10)
        policy.noteNewcomer()
        #expect(policy.wait(at: 100) == 0)
        // One at a time still finds out, and its own pauses are short at first.
        #expect(policy.isProbing)
        policy.noteFailure(at: 100, random: 1)
        #expect((policy.wait(at: 100) * 10).rounded() / 10 == 0.4)
        policy.noteFailure(at: 100, delay: 7, random: 0)
        policy.noteNewcomer()
        #expect(policy.wait(at: 100) == 7)
    }

    @Test("one failure holds up no one else; two in a row let one at a time find out")
    func probing() {
        var policy = RetryPolicy()
        policy.noteFailure(at: 0, random: 0)
        #expect(!policy.isProbing)
        policy.noteFailure(at: 0, random: 0)
        #expect(policy.isProbing)
        policy.noteSuccess()
        #expect(!policy.isProbing)
    }

    private static func plan(
        demanded: [UInt64], ahead: [UInt64], begun: Set<UInt64> = [], mayGoAhead: Bool = true
    ) -> RequestPlan? {
        let wanted = Set(demanded + ahead)
        return RequestPlan(
            demanded: demanded, ahead: ahead, mayGoAhead: mayGoAhead, isWanted: { wanted.contains($0) },
            isBegun: { begun.contains($0) })
    }

    @Test("neighbours become one request of 8 MiB at most, those that someone waits for first")
    func plans() {
        #expect(Self.plan(demanded: [], ahead: []) == nil)
        #expect(Self.plan(demanded: [7, 2], ahead: [0, 1, 8, 9])?.blocks == 7..<10)
        #expect(Self.plan(demanded: [7, 2], ahead: [0, 1, 8, 9])?.isDemanded == true)
        #expect(Self.plan(demanded: [], ahead: [3, 4, 6])?.blocks == 3..<5)
        #expect(Self.plan(demanded: [], ahead: [3, 4, 6])?.isDemanded == false)
        #expect(Self.plan(demanded: [], ahead: [3, 4, 6], mayGoAhead: false) == nil)
        #expect(Self.plan(demanded: [0], ahead: Array(1..<100))?.blocks == 0..<32)
        #expect(Self.plan(demanded: [0, 1, 2, 3], ahead: [], begun: [2])?.blocks == 0..<2)
    }

    @Test("who reads on gets more and more ahead, up to the limit; who jumps about gets nothing")
    func readingAhead() {
        let end: UInt64 = 1 << 30
        var readers = SequentialReaders(of: end, windowLimit: 32 << 20)
        var asked: UInt64 = 0
        var position: UInt64 = 0
        var largest: UInt64 = 0
        while position < 200 << 20 {
            if let range = readers.note(position..<(position + 65_536)) {
                #expect(range.lowerBound >= asked, "the same is asked for twice")
                asked = range.upperBound
                largest = max(largest, asked - (position + 65_536))
            }
            position += 65_536
        }
        #expect(largest <= 32 << 20)
        #expect(largest >= 31 << 20)
        #expect(asked >= position + 23 << 20)

        var jumping = SequentialReaders(of: end, windowLimit: 32 << 20)
        for number in UInt64(0)..<100 {
            let start = (number * 7_919 % 100) * (10 << 20)
            let asked = jumping.note(start..<(start + 4_096))
            #expect(asked == nil)
        }
        var last = SequentialReaders(of: 3 << 20, windowLimit: 32 << 20)
        let answers = (UInt64(0)..<3).map { last.note(($0 << 20)..<(($0 + 1) << 20)) }
        #expect(answers == [nil, (2 << 20)..<(3 << 20), nil])
    }
}
