// Tests of what an answer to a request for a range may do: the table, row by row.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RemoteSources

@Suite("Answers to requests for ranges")
struct RangeAnswerTests {
    typealias Fields = [(name: String, value: String)]

    private static let tagged = ObjectVersion(byteCount: 1_000, validator: .entityTag("\"a\""))
    private static let dated = ObjectVersion(byteCount: 1_000, validator: .lastModified("Sun"))
    private static let bare = ObjectVersion(byteCount: 1_000, validator: nil)
    private static let image = ObjectVersion(
        byteCount: 1_000, validator: .image(digest: "d", updatedAt: "u"))

    private static func verdict(
        _ status: Int, _ fields: Fields, known: ObjectVersion? = tagged, isFirst: Bool = false,
        asked: Range<UInt64> = 100..<200
    ) -> RangeAnswer.Verdict {
        RangeAnswer(
            status: status, headers: HTTPHeaders(fields), asked: asked, known: known, isFirst: isFirst
        ).verdict(at: 784_111_770)
    }

    private static func isAgain(_ verdict: RangeAnswer.Verdict) -> Bool {
        if case .again = verdict { true } else { false }
    }

    private static func isStale(_ verdict: RangeAnswer.Verdict) -> Bool {
        if case .stale = verdict { true } else { false }
    }

    private static let good: Fields = [("Content-Range", "bytes 100-199/1000"), ("ETag", "\"a\"")]

    @Test("an answer that is what was asked for counts, and one with fewer bytes, too")
    func believed() {
        #expect(Self.verdict(206, Self.good) == .bytes(100..<200, Self.tagged))
        #expect(Self.verdict(206, Self.good + [("Content-Length", "100")]) == .bytes(100..<200, Self.tagged))
        #expect(
            Self.verdict(206, [("content-range", "Bytes 100-100/1000"), ("etag", "\"a\"")])
                == .bytes(100..<101, Self.tagged))
        #expect(
            Self.verdict(206, Self.good + [("Transfer-Encoding", "chunked"), ("Content-Length", "7")])
                == .bytes(100..<200, Self.tagged))
        #expect(Self.verdict(206, [Self.good[0]], known: Self.image) == .bytes(100..<200, Self.image))
        #expect(Self.verdict(206, [Self.good[0]], known: Self.bare) == .bytes(100..<200, Self.bare))
    }

    @Test("the first answer tells length and validator")
    func first() {
        let range: Fields = [("Content-Range", "bytes 0-9/10"), ("Last-Modified", "Sun")]
        let asked: Range<UInt64> = 0..<1_048_576
        #expect(
            Self.verdict(206, range, known: nil, isFirst: true, asked: asked)
                == .bytes(0..<10, ObjectVersion(byteCount: 10, validator: .lastModified("Sun"))))
        #expect(
            Self.verdict(206, range + [("ETag", "\"x\"")], known: nil, isFirst: true, asked: asked)
                == .bytes(0..<10, ObjectVersion(byteCount: 10, validator: .entityTag("\"x\""))))
        #expect(
            Self.verdict(206, range + [("ETag", "W/\"x\"")], known: nil, isFirst: true, asked: asked)
                == .bytes(0..<10, ObjectVersion(byteCount: 10, validator: .lastModified("Sun"))))
        #expect(
            Self.verdict(206, [range[0]], known: nil, isFirst: true, asked: asked)
                == .bytes(0..<10, ObjectVersion(byteCount: 10, validator: nil)))
        for status in [200, 400, 416, 501] {
            #expect(Self.verdict(status, [], known: nil, isFirst: true) == .withoutRanges)
        }
        for status in [402, 405, 406, 451] {
            guard case .never = Self.verdict(status, [], known: nil, isFirst: true) else {
                Issue.record("\(status) is tried again")
                continue
            }
        }
        #expect(
            Self.verdict(404, [], known: nil, isFirst: true)
                == .gone("the server answers 404: there is nothing at this address"))
    }

    @Test(
        "other ranges, and ranges that make no sense, are not believed",
        arguments: [
            "bytes 99-198/1000", "bytes 101-199/1000", "bytes 100-200/1000", "bytes 0-99/1000",
            "bytes 100-99/1000",
            "bytes 100-199/*", "bytes */1000", "bytes 100-199", "100-199/1000", "items 100-199/1000", "bytes",
            "bytes 100-1000/1000", "bytes -100-199/1000", "bytes +100-199/1000", "bytes 100-199/1000/1000",
            "",
            "bytes 0x64-199/1000", "bytes 18446744073709551715-18446744073709551814/1000",
            "bytes 100-18446744073709551615/18446744073709551615", "bytes 100-199/99999999999999999999999",
            "bytes 100-199/1000, bytes 0-9/1000", "bytes=100-199/1000",
        ])
    func otherRanges(text: String) {
        #expect(Self.isAgain(Self.verdict(206, [("Content-Range", text), ("ETag", "\"a\"")])))
        #expect(Self.isAgain(Self.verdict(206, [("Content-Range", text)], known: nil, isFirst: true)))
    }

    @Test("the largest numbers do not trap")
    func largest() {
        let last = UInt64.max - 1
        // What no file has would overflow where places are reckoned.
        for total in [.max, .max - 1, .max - 262_143, 1 << 63] as [UInt64] {
            #expect(ContentRange("bytes 0-1048575/\(total)") == nil)
            #expect(ContentRange("bytes \(last)-\(last)/\(total)") == nil)
            #expect(ContentRange("bytes \(total - 1)-\(total - 1)/*") == nil)
        }
        let longest = UInt64(Int64.max)
        #expect(
            ContentRange("bytes \(longest - 1)-\(longest - 1)/\(longest)")?.range == longest - 1..<longest)
        #expect(ContentRange("bytes 0-\(UInt64.max)/*") == nil)
    }

    @Test(
        "forms that were not asked for are not believed",
        arguments: [
            [("Content-Encoding", "gzip")], [("Transfer-Encoding", "gzip, chunked")],
            [("Content-Type", "multipart/byteranges; boundary=x")], [("Content-Length", "99")],
            [("Content-Length", "x")], [("Content-Length", "100"), ("Content-Length", "101")],
            [("Content-Range", "bytes 0-99/1000")], [("ETag", "\"b\"")],
        ] as [Fields])
    func forms(fields: Fields) {
        #expect(Self.isAgain(Self.verdict(206, Self.good + fields)))
    }

    @Test("an answer without a range is not believed")
    func withoutRange() {
        #expect(Self.isAgain(Self.verdict(206, [("ETag", "\"a\"")])))
        #expect(Self.isAgain(Self.verdict(204, [("ETag", "\"a\"")])))
        #expect(Self.isAgain(Self.verdict(202, [])))
        #expect(Self.isAgain(Self.verdict(204, [], known: nil, isFirst: true)))
        #expect(Self.isAgain(Self.verdict(304, [])))
    }

    @Test("another validator is another version, for good; one that is missing is not believed")
    func validators() {
        let range = Self.good[0]
        #expect(Self.isStale(Self.verdict(206, [range, ("ETag", "\"b\"")])))
        #expect(Self.isAgain(Self.verdict(206, [range])))
        #expect(Self.isAgain(Self.verdict(206, [range, ("ETag", "W/\"a\"")])))
        #expect(Self.isStale(Self.verdict(206, [range, ("Last-Modified", "Mon")], known: Self.dated)))
        #expect(Self.isAgain(Self.verdict(206, [range], known: Self.dated)))
        #expect(Self.isStale(Self.verdict(200, [("ETag", "\"b\"")])))
        #expect(Self.isStale(Self.verdict(412, [])))
        #expect(Self.isAgain(Self.verdict(200, Self.good)))
        #expect(Self.isAgain(Self.verdict(200, [("Content-Length", "17"), ("Content-Type", "text/html")])))
    }

    @Test(
        "another length is another version where nothing else tells, and an error of the server where something does"
    )
    func lengths() {
        let other = (name: "Content-Range", value: "bytes 100-199/1001")
        #expect(Self.isAgain(Self.verdict(206, [other, ("ETag", "\"a\"")])))
        #expect(Self.isAgain(Self.verdict(206, [other], known: Self.image)))
        #expect(Self.isStale(Self.verdict(206, [other], known: Self.bare)))
        #expect(Self.isStale(Self.verdict(416, [("Content-Range", "bytes */7")], known: Self.bare)))
        #expect(Self.isStale(Self.verdict(200, [("Content-Length", "7")], known: Self.bare)))
        #expect(Self.isAgain(Self.verdict(416, [("Content-Range", "bytes */1000")], known: Self.bare)))
    }

    @Test("what stands in the way of an answer is told apart")
    func refusals() {
        #expect(Self.verdict(401, []) == .denied(401))
        #expect(Self.verdict(403, [], known: nil, isFirst: true) == .denied(403))
        #expect(Self.verdict(302, [("Location", "/x")]) == .redirect("/x"))
        #expect(Self.isAgain(Self.verdict(302, [])))
        #expect(Self.isAgain(Self.verdict(302, [("Location", "/x"), ("Location", "/y")])))
        #expect(Self.verdict(503, [("Retry-After", "7")]) == .again("the server answers 503", delay: 7))
        #expect(
            Self.verdict(429, [("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")])
                == .again("the server answers 429", delay: 7))
        #expect(
            Self.verdict(503, [("Retry-After", "99999999999")])
                == .again("the server answers 503", delay: 3_600))
        #expect(Self.verdict(503, [("Retry-After", "soon")]) == .again("the server answers 503", delay: nil))
        for status in [400, 408, 416, 425, 500, 501, 599] { #expect(Self.isAgain(Self.verdict(status, []))) }
        #expect(Self.verdict(410, []) == .gone("the server answers 410: there is nothing at this address"))
    }

    @Test("a whole file is believed where its length can be known")
    func whole() {
        func verdict(
            _ fields: Fields, known: ObjectVersion? = nil, status: Int = 200
        ) -> RangeAnswer.Verdict {
            WholeAnswer(
                status: status, headers: HTTPHeaders(fields), byteLimit: 5_000, known: known,
                isFirst: known == nil
            ).verdict(at: 0)
        }
        #expect(verdict([("Content-Length", "1000")]) == .bytes(0..<1_000, Self.bare))
        #expect(verdict([("Content-Length", "1000"), ("ETag", "\"a\"")]) == .bytes(0..<1_000, Self.tagged))
        #expect(
            verdict([("Transfer-Encoding", "chunked")])
                == .bytes(0..<UInt64.max, ObjectVersion(byteCount: .max, validator: nil)))
        #expect(verdict([], known: Self.image) == .bytes(0..<1_000, Self.image))
        #expect(verdict([], known: Self.bare, status: 200) == .bytes(0..<1_000, Self.bare))
        guard case .never = verdict([]) else { return #expect(Bool(false), "a length is made up") }
        guard case .never = verdict([("Content-Length", "5001")]) else {
            return #expect(Bool(false), "no limit")
        }
        let compressed = [("Content-Length", "1000"), ("Content-Encoding", "gzip")]
        guard case .never = verdict(compressed) else {
            return #expect(Bool(false), "a coding is tried again")
        }
        #expect(Self.isAgain(verdict(compressed, known: Self.bare)))
        #expect(Self.isAgain(verdict([("Content-Length", "-1")])))
        #expect(Self.isAgain(verdict([("Content-Length", "1000")], status: 206)))
        #expect(Self.isAgain(verdict([], status: 204)))
        #expect(Self.isStale(verdict([("Content-Length", "1000"), ("ETag", "\"b\"")], known: Self.tagged)))
        #expect(Self.isStale(verdict([("Content-Length", "999")], known: Self.bare)))
        #expect(Self.isAgain(verdict([("Content-Length", "999")], known: Self.image)))
        #expect(verdict([], status: 401) == .denied(401))
    }
}
