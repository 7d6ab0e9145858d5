// The one place that decides whether an answer to a request for a range may be believed.
// SPDX-License-Identifier: Apache-2.0

/// The head of an answer to `Range: bytes=…`, judged before a byte of its body counts.
struct RangeAnswer {
    enum Verdict: Equatable, Sendable {
        /// The body is these bytes of that version: as many as were asked for, or fewer.
        case bytes(Range<UInt64>, ObjectVersion)
        /// It is somewhere else.
        case redirect(String)
        /// The server has no ranges.
        case withoutRanges
        /// It is another version; for good.
        case stale(String)
        /// There is nothing (any more), at this address.
        case gone(String)
        /// Credentials are missing, or no longer good.
        case denied(Int)
        /// Not this time. `delay` in seconds, where the server named one.
        case again(String, delay: Double?)
        /// The server will not answer this request, whenever it is made.
        case never(String)
    }

    let status: Int
    let headers: HTTPHeaders
    /// What was asked for; not empty.
    let asked: Range<UInt64>
    /// What is known of the object.
    let known: ObjectVersion?
    /// Whether the server has never answered with a range.
    let isFirst: Bool

    /// What to make of it. `date` is now, in seconds since 1970, against which a date in Retry-After is held.
    func verdict(at date: Double) -> Verdict {
        do throws(HTTPHeaders.Contradiction) {
            return try judged(at: date)
        } catch {
            return .again("the answer has the header \(error.name) twice, with different values", delay: nil)
        }
    }

    private func judged(at date: Double) throws(HTTPHeaders.Contradiction) -> Verdict {
        switch status {
        case 206: return try partial()
        case 200: return try whole()
        case 301, 302, 303, 307, 308:
            guard let place = try headers.only("location") else {
                return .again("the answer \(status) does not say where to", delay: nil)
            }
            return .redirect(place)
        case 401, 403: return .denied(status)
        case 404, 410: return .gone("the server answers \(status): there is nothing at this address")
        case 412: return isFirst ? .never("the server answers 412") : .stale("the server answers 412")
        case 416 where !isFirst:
            // Who names another length has another file.
            if let text = try headers.only("content-range"), let total = ContentRange(text)?.total, let known,
                known.validator == nil, total != known.byteCount
            {
                return .stale("its length is \(total) bytes, and was \(known.byteCount)")
            }
            return .again("the server answers 416 to a range that is inside", delay: nil)
        case 400, 416, 501:
            return isFirst ? .withoutRanges : again(at: date)
        case 408, 425, 429, 500...599: return again(at: date)
        case 402..<500 where isFirst: return .never("the server answers \(status)")
        default: return again(at: date)
        }
    }

    private func again(at date: Double) -> Verdict {
        .again("the server answers \(status)", delay: RetryAfter.seconds(headers, at: date))
    }

    private func partial() throws(HTTPHeaders.Contradiction) -> Verdict {
        if let reason = try unbelievableForm() {
            // A server that begins so goes on so.
            return isFirst ? .never(reason) : .again(reason, delay: nil)
        }
        guard let text = try headers.only("content-range") else {
            return .again("the answer 206 does not say which bytes it has", delay: nil)
        }
        guard let content = ContentRange(text), let range = content.range, let total = content.total else {
            return .again("the answer 206 says which bytes it has in a way that makes no sense", delay: nil)
        }
        if let verdict = versionVerdict(total: total) { return verdict }
        guard range.lowerBound == asked.lowerBound, range.upperBound <= asked.upperBound else {
            return .again("the answer 206 has other bytes than those that were asked for", delay: nil)
        }
        if !isChunked, let length = try headers.only("content-length") {
            guard ContentRange.number(length) == UInt64(range.count) else {
                return .again("the length of the answer is not that of the range that it names", delay: nil)
            }
        }
        return .bytes(
            range, known ?? ObjectVersion(byteCount: total, validator: ObjectVersion.Validator(headers)))
    }

    private func whole() throws(HTTPHeaders.Contradiction) -> Verdict {
        if isFirst { return .withoutRanges }
        if let known, let verdict = validatorVerdict(known) { return verdict }
        if known?.validator == nil, !isChunked, let text = try headers.only("content-length"),
            let length = ContentRange.number(text), let known, length != known.byteCount
        {
            return .stale("its length is \(length) bytes, and was \(known.byteCount)")
        }
        return .again("the server answers with the whole file to a request for a part", delay: nil)
    }

    /// What is wrong with how the body is written; nil where nothing is.
    private func unbelievableForm() throws(HTTPHeaders.Contradiction) -> String? {
        if let coding = try headers.only("content-encoding"), coding.lowercased() != "identity" {
            return "the answer is compressed although that was ruled out"
        }
        if let coding = try headers.only("transfer-encoding"),
            !["chunked", "identity"].contains(coding.lowercased())
        {
            return "the answer is compressed on its way although that was not asked for"
        }
        if let type = headers.first("content-type"), type.lowercased().hasPrefix("multipart/") {
            return "the answer has several parts, and one range was asked for"
        }
        return nil
    }

    private var isChunked: Bool { headers.first("transfer-encoding")?.lowercased() == "chunked" }

    /// Nil where the answer is of the known version.
    private func versionVerdict(total: UInt64) -> Verdict? {
        guard let known else { return nil }
        if let verdict = validatorVerdict(known) { return verdict }
        guard total != known.byteCount else { return nil }
        let change = "its length is \(total) bytes, and was \(known.byteCount)"
        // Where a validator says that nothing has changed, it is the server that errs.
        return known.validator == nil ? .stale(change) : .again(change, delay: nil)
    }

    private func validatorVerdict(_ known: ObjectVersion) -> Verdict? {
        switch known.validator {
        case .entityTag(let tag):
            guard let found = ObjectVersion.Validator.strongTag(headers) else {
                return .again("the answer has no strong entity tag any more", delay: nil)
            }
            return found == tag ? nil : .stale("its entity tag has changed")
        case .lastModified(let date):
            guard let found = ObjectVersion.Validator.date(headers) else {
                return .again("the answer does not say when the file was modified", delay: nil)
            }
            return found == date ? nil : .stale("the time of its last modification has changed")
        case .image, nil: return nil
        }
    }
}
