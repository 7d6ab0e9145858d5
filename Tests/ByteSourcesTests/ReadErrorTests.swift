// Tests of what errors mean for the bytes and for who reads them, and of who reads on.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import ByteSources

@Suite("Errors of reads")
struct ReadErrorTests {
    private struct Meaning: Equatable {
        var isCorruption = false
        var isOfTheBytes = false
        var isDamage = false
        var isAboutTheReader = false

        init(_ words: [String]) {
            isCorruption = words.contains("corruption")
            isOfTheBytes = words.contains("bytes")
            isDamage = words.contains("damage")
            isAboutTheReader = words.contains("reader")
        }

        init(of error: ReadError) {
            isCorruption = error.isCorruption
            isOfTheBytes = error.isOfTheBytes
            isDamage = error.isDamage
            isAboutTheReader = error.isAboutTheReader
        }
    }

    private static let meanings: [(ReadError, [String])] = [
        (.system(call: "read", errno: EIO), ["bytes", "damage"]),
        (.system(call: "read", errno: EACCES), []),
        (.system(call: "read", errno: ENOENT), []),
        (.wouldWait, ["reader"]),
        (.interrupted, ["reader"]),
        (.corrupt(record: "r", offset: 0, reason: "x"), ["corruption", "bytes", "damage"]),
        (
            .refused(record: "r", offset: nil, reason: "x", remedy: .lenient),
            ["corruption", "bytes", "damage"]
        ),
        (.unsupported(feature: "f"), ["damage"]),
        (.stale(source: "s"), []),
        (.remote(source: "s", reason: "x"), ["reader"]),
        (.overBudget(purpose: "p", byteCount: 1, byteLimit: 0), []),
    ]

    @Test("each error is damage, of the bytes, about the reader, or none of these", arguments: meanings)
    func meaning(error: ReadError, words: [String]) {
        #expect(Meaning(of: error) == Meaning(words))
    }

    @Test("a read near where a reader stopped goes on for it, at any place")
    func slack() {
        let scaled = ReaderSlack(atMost: 1_000)
        #expect(scaled.isContinued(at: 500, by: 580..<590))
        #expect(!scaled.isContinued(at: 500, by: 581..<591))
        #expect(scaled.isContinued(at: 500, by: 420..<430))
        #expect(!scaled.isContinued(at: 500, by: 419..<429))
        #expect(scaled.isContinued(at: 5_000, by: 6_000..<16_000))
        #expect(!scaled.isContinued(at: 5_000, by: 6_001..<16_000))
        #expect(ReaderSlack(byteCount: 100).isContinued(at: 500, by: 600..<601))
        #expect(!ReaderSlack(byteCount: 100).isContinued(at: 500, by: 601..<900))
        for slack in [scaled, ReaderSlack(byteCount: .max)] {
            #expect(slack.isContinued(at: 0, by: 0..<(.max)))
            #expect(slack.isContinued(at: .max, by: (.max - 1)..<(.max)))
        }
        #expect(ReaderSlack.distance(from: 10, to: 4..<20) == 6)
        #expect(ReaderSlack.distance(from: 4, to: 10..<20) == 6)
    }

    @Test("who sleeps until a time does not wake before it, and not at all for one that is past")
    func sleep() {
        let time = MonotonicClock.now + 0.02
        MonotonicClock.sleep(until: time)
        #expect(MonotonicClock.now >= time)
        MonotonicClock.sleep(until: -1)
    }
}
